// Calls measures how many calls a second go through: 1, 16, 256 and 10,000 in
// flight, over all networks, for xbus, the reference and the peers.
//
//	go run ./calls -only "xbus tcp,nats,raw" -inflight 256 -rounds 3 -cpuprofile cpu.prof
package main

import (
	"context"
	"errors"
	"flag"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/peer"
)

var columns = []int{1, 16, 256, 10_000}

func main() {
	flag.Var((*measure.Ints)(&columns), "inflight", "calls in flight")
	measure.Main("calls", run)
}

func run(ctx context.Context, b *measure.Bench) error {
	peers := peer.Here(func(name string) bool { return b.Wants(name) && !(briefly(b) && beside(name)) }, b.Note)
	contenders, err := peer.Start(ctx, peers, func(p peer.Peer) func(context.Context) (peer.Caller, error) { return p.Calls })
	if err != nil {
		return err
	}
	for _, inFlight := range columns {
		var cases []measure.Case
		for _, c := range contenders {
			if has(b, c.Name, inFlight) {
				cases = append(cases, measured(b, c, inFlight))
			}
		}
		if err := b.Run(ctx, cases); err != nil {
			return errors.Join(err, peer.Close(contenders))
		}
	}
	figures(b)
	return peer.Close(contenders)
}

// briefly: a quick run of all leaves out what takes long and has no bar.
func briefly(b *measure.Bench) bool { return b.Quick && len(b.Only) == 0 }

// has tells whether a contender is measured in a column: ten thousand calls of Node
// take seconds.
func has(b *measure.Bench, name string, inFlight int) bool {
	switch {
	case inFlight < 1000:
		return true
	case briefly(b):
		return name == ours || name == "nats" || name == "raw"
	}
	return !beside(name)
}

const ours = "xbus tcp"

// node are contenders of which a part runs on Node; beside are those of them that
// have no bar.
func node(name string) bool   { return strings.Contains(name, "js") }
func beside(name string) bool { return node(name) && !strings.HasSuffix(name, "tcp") }

func measured(b *measure.Bench, c peer.Contender[peer.Caller], inFlight int) measure.Case {
	n := 0 // calls of a sample; found out by the first one
	return measure.Case{
		Key: key(c.Name, inFlight), Unit: "calls/s",
		Measure: func(ctx context.Context) (s measure.Sample, err error) {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
			defer cancel()
			calls := func(ctx context.Context, n int) error { return c.Running.Calls(ctx, n, inFlight) }
			if n == 0 {
				least := max(inFlight, 50)
				if !node(c.Name) {
					least *= 4 // or the start of so many goroutines would be what is measured
				}
				if n, err = b.Calibrate(ctx, least, calls); err != nil {
					return s, err
				}
			}
			return measure.PerSecond(n, c.Running.PIDs(), func() error { return calls(ctx, n) })
		},
	}
}

func key(row string, inFlight int) measure.Key {
	column := strconv.Itoa(inFlight)
	if len(column) > 3 {
		column = column[:len(column)-3] + "," + column[len(column)-3:]
	}
	return measure.Key{Table: "calls", Row: row, Column: column}
}

func figures(b *measure.Bench) {
	ratio := func(name, a, c string, inFlight int, least float64) {
		if slices.Contains(columns, inFlight) {
			b.Ratio(name, key(a, inFlight), key(c, inFlight), measure.AtLeast(least))
		}
	}
	ratio("calls256_vs_nats", ours, "nats", 256, 2.5)
	ratio("calls256_vs_js", ours, "js tcp", 256, 50)
	ratio("calls256_vs_raw", ours, "raw", 256, 0.35)
	ratio("calls1_vs_nats", ours, "nats", 1, 1.1)
	ratio("calls1_vs_js", ours, "js tcp", 1, 10)
	ratio("calls1_vs_raw", ours, "raw", 1, 0.7)
	ratio("gojs1_vs_js", "gojs tcp", "js tcp", 1, 3)
	ratio("gojs256_vs_js", "gojs tcp", "js tcp", 256, 2)
	ratio("jsgo_vs_js", "jsgo tcp", "js tcp", 256, 1.5)
	ratio("tls256_vs_plain", "xbus tls", ours, 256, 0.45)
}

// Calls measures how many calls a second go through: 1, 16, 256 and 10,000 in
// flight, over all networks, for xbus, the reference and the peers.
//
//	go run ./calls -only "xbus tcp,nats,raw" -inflight 256 -rounds 3 -cpuprofile cpu.prof
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/peer"
)

const table = "calls"

var columns = []int{1, 16, 256, 10_000}

func main() {
	flag.Func("inflight", "calls in flight: "+fmt.Sprint(columns), func(list string) (err error) {
		columns = nil
		for _, word := range strings.Split(list, ",") {
			n, e := strconv.Atoi(word)
			columns, err = append(columns, n), errors.Join(err, e)
		}
		return err
	})
	measure.Main("calls", run)
}

func run(ctx context.Context, b *measure.Bench) (err error) {
	contenders, err := start(ctx, b)
	defer func() {
		for _, c := range contenders {
			err = errors.Join(err, c.Close())
		}
	}()
	if err != nil {
		return err
	}
	for _, inFlight := range columns {
		var cases []measure.Case
		for _, c := range contenders {
			if c.does(inFlight) {
				cases = append(cases, c.measured(ctx, b, inFlight))
			}
		}
		if err := b.Run(ctx, cases); err != nil {
			return err
		}
	}
	figures(b)
	return nil
}

// A contender is a peer that has been started.
type contender struct {
	name string
	peer.Caller
}

func start(ctx context.Context, b *measure.Bench) (list []contender, err error) {
	for _, p := range peer.All() {
		if !b.Wants(p.Name) || p.Calls == nil || b.Quick && slow(p.Name) && len(b.Only) == 0 {
			continue
		}
		if err := p.Missing(); err != nil {
			b.Note("%s was left out: %v", p.Name, err)
			continue
		}
		b.Logf("starting %s", p.Name)
		c, err := p.Calls(ctx)
		if err != nil {
			return list, fmt.Errorf("%s: %w", p.Name, err)
		}
		list = append(list, contender{p.Name, c})
	}
	return list, nil
}

// slow contenders have no bar of their own.
func slow(name string) bool {
	return strings.Contains(name, "js") && !strings.HasSuffix(name, "tcp")
}

// does leaves out what takes seconds a round and shows nothing new.
func (c contender) does(inFlight int) bool { return inFlight <= 1000 || !slow(c.name) }

// measured finds out how many calls fill the time of a sample.
func (c contender) measured(ctx context.Context, b *measure.Bench, inFlight int) measure.Case {
	n := 0
	return measure.Case{
		Key: key(c.name, inFlight), Unit: "calls/s",
		Measure: func(ctx context.Context) (measure.Sample, error) {
			if n == 0 {
				var err error
				if n, err = b.Calibrate(ctx, max(inFlight, 50), func(ctx context.Context, n int) error { return c.Calls(ctx, n, inFlight) }); err != nil {
					return measure.Sample{}, err
				}
			}
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			return measure.PerSecond(n, c.PIDs(), func() error { return c.Calls(ctx, n, inFlight) })
		},
	}
}

func key(row string, inFlight int) measure.Key {
	return measure.Key{Table: table, Row: row, Column: strconv.Itoa(inFlight)}
}

func figures(b *measure.Bench) {
	const ours = "xbus tcp"
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

// Events measures how many events a second arrive: of 100 B, 1 KB, 64 KB and
// 1 MB, at 1, 10 and 50 receivers, for xbus, the reference and the peers. Each
// event is in the loop of each receiver, and none is lost.
//
//	go run ./events -only "xbus tcp,nats" -size 1024 -receivers 50 -cpuprofile cpu.prof
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/peer"
)

var (
	sizes     = []int{100, 1 << 10, 64 << 10, 1 << 20}
	receivers = []int{1, 10, 50}
)

func main() {
	flag.Var((*measure.Ints)(&sizes), "size", "bytes of the data of an event")
	flag.Var((*measure.Ints)(&receivers), "receivers", "clients that receive all events")
	measure.Main("events", run)
}

func run(ctx context.Context, b *measure.Bench) error {
	for _, n := range receivers {
		for _, size := range sizes {
			if err := column(ctx, b, peer.EventConfig{Size: size, Receivers: n}); err != nil {
				return err
			}
		}
	}
	figures(b)
	return nil
}

var (
	// fans are the contenders that are measured with many receivers as well: the
	// real client has a process for each.
	fans = []string{"xbus tcp", "nats", "zmq", "redis", "raw"}
	// A quick run of all has the small events of some contenders, the large ones
	// and those to 50 receivers of fewer.
	brief   = []string{"xbus tcp", "xbus tls", "xbus mem", "gojs tcp", "js tcp", "nats", "zmq", "redis", "raw"}
	briefer = []string{"xbus tcp", "nats", "raw"}
)

// has tells whether a contender is measured in a column.
func has(b *measure.Bench, name string, c peer.EventConfig) bool {
	list := brief
	switch {
	case c.Receivers == 10, c.Receivers > 1 && c.Size > 1<<10:
		list = nil
	case c.Receivers > 1, c.Size > 1<<10:
		list = briefer
	}
	if b.Quick && len(b.Only) == 0 && !slices.Contains(list, name) {
		return false
	}
	return b.Wants(name) && (c.Receivers == 1 || slices.Contains(fans, name))
}

func column(ctx context.Context, b *measure.Bench, c peer.EventConfig) error {
	peers := peer.Here(func(name string) bool { return has(b, name, c) }, b.NoteOnce)
	contenders, err := peer.Start(ctx, peers, func(p peer.Peer) func(context.Context) (peer.Publisher, error) {
		if p.Events == nil {
			return nil
		}
		return func(ctx context.Context) (peer.Publisher, error) { return p.Events(ctx, c) }
	})
	if err != nil {
		return err
	}
	var cases []measure.Case
	for _, contender := range contenders {
		cases = append(cases, measured(b, contender, c))
	}
	return errors.Join(b.Run(ctx, cases), peer.Close(contenders))
}

// measured counts deliveries: an event to ten receivers is ten of them.
func measured(b *measure.Bench, c peer.Contender[peer.Publisher], config peer.EventConfig) measure.Case {
	n := 0 // events of a sample; found out by the first one
	return measure.Case{
		Key: key(c.Name, config.Size, config.Receivers), Unit: "events/s",
		Measure: func(ctx context.Context) (s measure.Sample, err error) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			if n == 0 {
				if n, err = b.Calibrate(ctx, 4, c.Running.Events); err != nil {
					return s, err
				}
			}
			return measure.PerSecond(n*config.Receivers, c.Running.PIDs(), func() error { return c.Running.Events(ctx, n) })
		},
	}
}

func key(row string, size, receivers int) measure.Key {
	return measure.Key{Table: "events", Row: row, Column: fmt.Sprintf("%s to %d", bytes(size), receivers)}
}

func bytes(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

func figures(b *measure.Bench) {
	ratio := func(name, theirs string, size, n int, least float64) {
		if slices.Contains(sizes, size) && slices.Contains(receivers, n) {
			b.Ratio(name, key("xbus tcp", size, n), key(theirs, size, n), measure.AtLeast(least))
		}
	}
	ratio("events100_vs_nats", "nats", 100, 1, 1.5)
	ratio("events1k_vs_nats", "nats", 1<<10, 1, 2.5)
	ratio("events64k_vs_nats", "nats", 64<<10, 1, 3)
	ratio("events100_vs_js", "js tcp", 100, 1, 70)
	ratio("events50_vs_nats", "nats", 1<<10, 50, 1)
}

// Footprint measures the memory of what is open: connections, subscriptions,
// calls in flight, a subscriber that reads nothing.
//
//	go run ./footprint
//
// It is the heap in use and the stacks after two collections, against the same
// before, divided by how many there are. Both ends of a connection are in this
// process; of the rest the client's side counts, with the hall in a process of its
// own.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/bench/internal/rig"
)

func main() {
	rig.Child()
	measure.Main("footprint", run)
}

// many is how many connections are opened, and a tenth of the subscriptions and calls.
var many = 1000

func run(ctx context.Context, b *measure.Bench) error {
	many := many
	if b.Quick {
		b.Rounds, many = 1, many/5 // memory is the same each time, and rests take seconds
	}
	var cases []measure.Case
	for _, t := range []thing{
		connections("xbus tcp", many, "xcraft://127.0.0.1:0"),
		connections("xbus unix", many, fmt.Sprintf("xcraft+unix://xbus-bench-footprint-%d", os.Getpid())),
		connections("xbus mem", many, "mem://bench-footprint"),
		connectionsNATS(many),
		subscriptions(10 * many),
		subscriptionsNATS(10 * many),
		callsInFlight(10 * many),
		awaitedCalls(many),
		requestsNATS(many),
		stalled(4000),
		stalledNATS(4000),
	} {
		if b.Wants(t.row) && !(b.Quick && beside(t)) {
			cases = append(cases, measure.Case{Key: t.Key(), Unit: t.unit, Measure: t.measure})
		}
	}
	if err := b.Run(ctx, cases); err != nil {
		return err
	}
	value := func(t thing) float64 { return b.Median(t.Key()) }
	b.Figure("mem_connection_kb", value(connections("xbus tcp", many, "")), "kB", measure.AtMost(48))
	b.Figure("mem_subscription_b", value(subscriptions(0)), "B", measure.AtMost(1024))
	b.Figure("mem_call_b", value(callsInFlight(0)), "B", measure.AtMost(512))
	return nil
}

// beside is what a quick run leaves out: it has no bar and nothing to compare with.
func beside(t thing) bool { return t.row == "xbus unix" || t.row == "xbus mem" || t.what == waiting }

// A thing is what can be opened n times.
type thing struct {
	what, row, unit string
	n               int
	// start prepares what does not count; open opens the n.
	start func(context.Context) (open func(context.Context) error, end func(), err error)
}

func (t thing) Key() measure.Key { return measure.Key{Table: "memory", Row: t.row, Column: t.what} }

func (t thing) measure(ctx context.Context) (measure.Sample, error) {
	open, end, err := t.start(ctx)
	if end != nil {
		defer end()
	}
	if err != nil {
		return measure.Sample{}, err
	}
	before := inUse()
	if err := open(ctx); err != nil {
		return measure.Sample{}, err
	}
	bytes := float64(inUse()-before) / float64(t.n)
	if file := os.Getenv("XBUS_BENCH_HEAP"); file != "" {
		if err := writeHeap(file); err != nil {
			return measure.Sample{}, err
		}
	}
	if t.unit == "kB" {
		bytes /= 1000
	}
	return measure.Sample{Value: bytes}, nil
}

// inUse is the memory of what lives, once all is at rest: what was borrowed from
// pools has left them after two collections.
func inUse() int64 {
	time.Sleep(rest)
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// rest is longer than the interval of heartbeats.
var rest = 700 * time.Millisecond

// writeHeap keeps a profile of what lives.
func writeHeap(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return pprof.Lookup("heap").WriteTo(f, 0)
}

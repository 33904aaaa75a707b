package metrics

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/xcraft-go/xbus/rpc"
)

// maxCommands bounds the values of the label command.
const maxCommands = 1000

// Calls measures how long calls take, by command and by outcome: ok, error (of
// the far side), unavailable, timeout, lost (the connection), ended (here). It is
// a collector; its metric is xbus_call_duration_seconds.
type Calls struct {
	times *prometheus.HistogramVec
	began sync.Map // of a step → time.Time

	mu    sync.Mutex
	names map[string]bool
}

// NewCalls makes one. buckets are the limits in seconds, by default from 0.25 ms
// to 65 s, each twice the one before.
func NewCalls(labels prometheus.Labels, buckets ...float64) *Calls {
	if len(buckets) == 0 {
		buckets = prometheus.ExponentialBuckets(0.00025, 2, 19)
	}
	return &Calls{names: map[string]bool{}, times: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "xbus_call_duration_seconds", Help: "How long calls took, by command and outcome.", ConstLabels: labels, Buckets: buckets,
	}, []string{"command", "outcome"})}
}

// Step takes the steps of calls: give rpc.Trace(calls.Step) to each call that
// counts. It may be given to any number of calls at the same time.
func (c *Calls) Step(s rpc.Step) {
	key := s.Command + " " + s.ID
	if !s.End {
		c.began.Store(key, time.Now())
		return
	}
	began, ok := c.began.LoadAndDelete(key)
	if !ok {
		return
	}
	c.times.WithLabelValues(c.name(s.Command), outcome(s.Err)).Observe(time.Since(began.(time.Time)).Seconds())
}

// name is the command as a label.
func (c *Calls) name(command string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.names[command] {
		if len(c.names) >= maxCommands {
			return "other"
		}
		c.names[command] = true
	}
	return command
}

func outcome(err error) string {
	var far *rpc.Error
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, rpc.ErrCommandNotAvailable):
		return "unavailable"
	case errors.As(err, &far):
		return "error"
	case errors.Is(err, rpc.ErrTimeout) || errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, rpc.ErrConnectionLost) || errors.Is(err, rpc.ErrNotConnected):
		return "lost"
	}
	return "ended"
}

// Describe implements prometheus.Collector.
func (c *Calls) Describe(ch chan<- *prometheus.Desc) { c.times.Describe(ch) }

// Collect implements prometheus.Collector.
func (c *Calls) Collect(ch chan<- prometheus.Metric) { c.times.Collect(ch) }

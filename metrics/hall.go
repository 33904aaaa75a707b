package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/xcraft-go/xbus/server"
)

// A Hall is a collector of one hall. See NewHall.
type Hall struct {
	hall *server.Hall

	now     *prometheus.Desc
	events  *prometheus.Desc
	command *prometheus.Desc
	refused *prometheus.Desc
	cut     *prometheus.Desc
	held    *prometheus.Desc
	doors   *prometheus.Desc
}

// NewHall makes the collector of a hall. labels tell several halls of one
// program apart, nil for none.
func NewHall(hall *server.Hall, labels prometheus.Labels) *Hall {
	if hall == nil {
		panic("metrics: NewHall(nil): give a hall")
	}
	d := func(name, help string, variable ...string) *prometheus.Desc {
		return prometheus.NewDesc("xbus_hall_"+name, help, variable, labels)
	}
	return &Hall{
		hall:    hall,
		now:     d("present", "What the hall has now: connections, bound ones, sessions, commands, commands in flight, running handlers.", "what"),
		command: d("commands_total", "Commands: received, then finished, failed, timed out, aborted, panicked, late.", "end"),
		events:  d("events_total", "Events: published, delivered (times receivers), unrouted.", "what"),
		refused: d("refused_total", "What clients asked for and did not get, by reason.", "reason"),
		cut:     d("cut_total", "Connections that the hall has ended, by reason.", "reason"),
		doors:   d("connections_total", "Connections: accepted, and of them those that their clients have ended; the others are in cut_total.", "what"),
		held:    d("held_back_total", "Times that a connection was not read on because it had too many commands in flight."),
	}
}

// Describe implements prometheus.Collector.
func (h *Hall) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{h.now, h.command, h.events, h.refused, h.cut, h.doors, h.held} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (h *Hall) Collect(ch chan<- prometheus.Metric) {
	s, out := h.hall.Stats(), sink(ch)
	for what, n := range map[string]int{"connections": s.Connections, "bound": s.Bound, "sessions": s.Sessions,
		"commands": s.Commands, "in_flight": s.InFlight, "running": s.Running} {
		out.gauge(h.now, float64(n), what)
	}
	for end, n := range map[string]uint64{"received": s.Received, "finished": s.Finished, "failed": s.Failed,
		"timeout": s.Timeouts, "aborted": s.Aborted, "panic": s.Panics, "late": s.Late} {
		out.counter(h.command, n, end)
	}
	for what, n := range map[string]uint64{"published": s.Published, "delivered": s.Delivered, "unrouted": s.Unrouted} {
		out.counter(h.events, n, what)
	}
	out.counter(h.doors, s.Accepted, "accepted")
	out.counter(h.doors, s.Left, "left")
	out.counter(h.held, s.HeldBack)
	for reason, n := range s.Refused {
		out.counter(h.refused, n, string(reason))
	}
	for reason, n := range s.Cut {
		out.counter(h.cut, n, string(reason))
	}
}

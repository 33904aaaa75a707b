package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
)

// A Client is a collector of one client. See NewClient.
type Client struct {
	client *xbus.Client
	set    clientSet
}

// clientSet are the descriptions of what a client shows.
type clientSet struct {
	usable, phase, sessions, failures, silence *prometheus.Desc
	sent, received, refused                    *prometheus.Desc
	started, ended, inFlight, ignored          *prometheus.Desc
	subscriptions, dropped, commands           *prometheus.Desc
}

// NewClient makes the collector of a client. labels tell several clients of one
// program apart, nil for none.
func NewClient(client *xbus.Client, labels prometheus.Labels) *Client {
	if client == nil {
		panic("metrics: NewClient(nil): give a client")
	}
	d := func(name, help string, variable ...string) *prometheus.Desc {
		return prometheus.NewDesc("xbus_"+name, help, variable, labels)
	}
	return &Client{client, clientSet{
		usable:        d("connected", "1 while commands can be sent, else 0."),
		phase:         d("connection_phase", "1 for the phase of the connection, 0 for the others.", "phase"),
		sessions:      d("sessions_total", "Sessions that have begun: one more than the losses that were overcome."),
		failures:      d("connection_failures_total", "Failed attempts and lost sessions by reason.", "reason"),
		silence:       d("silence_seconds", "How long the hall has said nothing; it beats every 0.5 s."),
		sent:          d("messages_sent_total", "Messages handed to a link."),
		received:      d("events_received_total", "Events of sessions that were handed on."),
		refused:       d("events_refused_total", "Events that were dropped before any subscription, by reason.", "reason"),
		started:       d("calls_started_total", "Calls that have begun."),
		ended:         d("calls_ended_total", "Calls by their end: answered, failed at the far side, or unanswered.", "end"),
		inFlight:      d("calls_in_flight", "Calls that have not ended."),
		ignored:       d("answers_ignored_total", "Answers that no call waited for."),
		subscriptions: d("subscriptions", "Subscriptions that are open."),
		dropped:       d("subscription_events_dropped_total", "Events that subscriptions have lost in full queues."),
		commands:      d("registry_commands", "Commands in the registry of the hall."),
	}}
}

// Describe implements prometheus.Collector.
func (c *Client) Describe(ch chan<- *prometheus.Desc) {
	s := c.set
	for _, d := range []*prometheus.Desc{s.usable, s.phase, s.sessions, s.failures, s.silence, s.sent, s.received, s.refused,
		s.started, s.ended, s.inFlight, s.ignored, s.subscriptions, s.dropped, s.commands} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Client) Collect(ch chan<- prometheus.Metric) {
	s, out := c.set, sink(ch)
	stats, state := c.client.Stats(), c.client.State().Load()
	out.gauge(s.usable, truth(state.Usable()))
	for _, p := range []conn.Phase{conn.Connecting, conn.Connected, conn.Lagging, conn.Reconnecting, conn.Closed} {
		out.gauge(s.phase, truth(p == state.Phase), p.String())
	}
	out.gauge(s.silence, c.silence().Seconds())
	out.counter(s.sessions, stats.Conn.Sessions)
	for reason, n := range stats.Conn.Failures {
		out.counter(s.failures, n, reason)
	}
	out.counter(s.sent, stats.Conn.Sent)
	out.counter(s.received, stats.Conn.Received)
	out.counter(s.refused, stats.Conn.WrongToken, "wrong token")
	out.counter(s.refused, stats.Conn.Early, "early")
	out.counter(s.refused, stats.Conn.Unknown, "unknown topic")
	out.counter(s.started, stats.Calls.Started)
	out.counter(s.ended, stats.Calls.Answered, "answered")
	out.counter(s.ended, stats.Calls.Failed, "failed")
	out.counter(s.ended, stats.Calls.Unanswered, "unanswered")
	out.gauge(s.inFlight, float64(stats.Calls.InFlight))
	out.counter(s.ignored, stats.Calls.Ignored)
	out.gauge(s.subscriptions, float64(stats.Subscriptions))
	out.counter(s.dropped, stats.Dropped)
	out.gauge(s.commands, float64(c.client.Registry().Load().Len()))
}

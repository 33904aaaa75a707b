package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A sink takes the values of one collection.
type sink chan<- prometheus.Metric

func (s sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (s sink) counter(d *prometheus.Desc, v uint64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// silence is how long the hall has said nothing, 0 without a session.
func (c *Client) silence() time.Duration {
	session, ok := c.client.Session()
	if !ok || session.Info.LastReceived.IsZero() {
		return 0
	}
	return time.Since(session.Info.LastReceived)
}

// Package metrics shows clients, calls and halls to Prometheus. It is a module
// of its own, so that programs without it link nothing of Prometheus.
//
//	registry.MustRegister(metrics.NewClient(client, nil))
//
//	calls := metrics.NewCalls(nil)
//	registry.MustRegister(calls)
//	client.Call(ctx, "thermo.read", query, rpc.Trace(calls.Step))
//
// NewClient and NewHall read the counters that exist anyway, when Prometheus
// asks for them: they cost nothing in between. Calls measures each call that it
// is told of.
//
// Labels have few values: the names of commands that a caller makes up beyond
// the first 1,000 count as "other".
package metrics

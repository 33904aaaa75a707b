package metrics_test

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/metrics"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

func Example() {
	ctx := context.Background()
	hall, err := server.Listen(ctx, server.Config{Listen: []string{"mem://metrics-example"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hall.Close()
	client, err := xbus.Connect(ctx, hall.URL())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	calls := metrics.NewCalls(nil)
	registry := prometheus.NewRegistry() // served by package promhttp
	registry.MustRegister(metrics.NewClient(client, nil), metrics.NewHall(hall, nil), calls)

	client.Call(ctx, "thermo.read", nil, rpc.Trace(calls.Step)).Await(ctx)
	families, err := registry.Gather()
	for _, f := range families {
		if f.GetName() == "xbus_call_duration_seconds" {
			for _, label := range f.GetMetric()[0].GetLabel() {
				fmt.Println(label.GetName(), label.GetValue(), err)
			}
		}
	}
	// Output:
	// command thermo.read <nil>
	// outcome unavailable <nil>
}

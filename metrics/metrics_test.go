package metrics

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func pair(t *testing.T, name string) (*server.Hall, *xbus.Client) {
	t.Helper()
	hall, err := server.Listen(t.Context(), server.Config{Listen: []string{"mem://" + name}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hall.Close() })
	echo := func(_ context.Context, v any) (any, error) { return v, nil }
	fail := func(context.Context, struct{}) (any, error) { return nil, server.Errorf("NO", "no") }
	never := func(ctx context.Context, _ struct{}) (any, error) { <-ctx.Done(); return nil, context.Cause(ctx) }
	for _, err := range []error{server.Handle(hall, "m.echo", echo), server.Handle(hall, "m.fail", fail), server.Handle(hall, "m.never", never)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	client, err := xbus.Connect(t.Context(), hall.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return hall, client
}

func TestClientAndHall(t *testing.T) {
	hall, client := pair(t, "metrics")
	ctx := t.Context()
	for range 3 {
		if _, err := client.Call(ctx, "m.echo", 1).Await(ctx); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = client.Call(ctx, "m.fail", nil).Await(ctx)
	_, _ = client.Call(ctx, "m.none", nil).Await(ctx)

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(NewClient(client, prometheus.Labels{"bus": "a"}), NewHall(hall, nil))
	for _, c := range []struct{ name, want string }{
		{"xbus_connected", `xbus_connected{bus="a"} 1`},
		{"xbus_connection_phase", `xbus_connection_phase{bus="a",phase="connected"} 1`},
		{"xbus_sessions_total", `xbus_sessions_total{bus="a"} 1`},
		{"xbus_calls_started_total", `xbus_calls_started_total{bus="a"} 5`},
		{"xbus_calls_ended_total", `xbus_calls_ended_total{bus="a",end="failed"} 2`},
		{"xbus_calls_in_flight", `xbus_calls_in_flight{bus="a"} 0`},
		{"xbus_hall_commands_total", `xbus_hall_commands_total{end="finished"} 3`},
		{"xbus_hall_present", `xbus_hall_present{what="bound"} 1`},
		{"xbus_hall_connections_total", `xbus_hall_connections_total{what="accepted"} 1`},
		{"xbus_hall_held_back_total", `xbus_hall_held_back_total 0`},
		{"xbus_hall_refused_total", `xbus_hall_refused_total{reason="command unknown"} 1`},
	} {
		if text := gathered(t, registry, c.name); !strings.Contains(text, c.want+"\n") {
			t.Errorf("lacks %s:\n%s", c.want, text)
		}
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}

	client.Close()
	if text := gathered(t, registry, "xbus_connected"); !strings.Contains(text, `xbus_connected{bus="a"} 0`) {
		t.Errorf("after Close:\n%s", text)
	}
}

func gathered(t *testing.T, registry *prometheus.Registry, name string) string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			set := ""
			if len(labels) > 0 {
				set = "{" + strings.Join(labels, ",") + "}"
			}
			fmt.Fprintf(&b, "%s%s %v\n", name, set, m.GetGauge().GetValue()+m.GetCounter().GetValue()+float64(m.GetHistogram().GetSampleCount()))
		}
	}
	return b.String()
}

func TestCalls(t *testing.T) {
	_, client := pair(t, "metrics-calls")
	ctx, calls := t.Context(), NewCalls(nil)
	trace := rpc.Trace(calls.Step)
	var all []*rpc.Pending
	for range 10 {
		all = append(all, client.Call(ctx, "m.echo", 1, trace))
	}
	all = append(all, client.Call(ctx, "m.fail", nil, trace), client.Call(ctx, "m.none", nil, trace),
		client.Call(ctx, "m.never", nil, trace, rpc.Timeout(20*time.Millisecond)))
	for _, p := range all {
		_, _ = p.Await(ctx)
	}
	aborted := client.Call(ctx, "m.never", nil, trace)
	aborted.Abort(nil)

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(calls)
	text := gathered(t, registry, "xbus_call_duration_seconds")
	for _, want := range []string{
		`{command="m.echo",outcome="ok"} 10`, `{command="m.fail",outcome="error"} 1`, `{command="m.none",outcome="unavailable"} 1`,
		`{command="m.never",outcome="timeout"} 1`, `{command="m.never",outcome="ended"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("lacks %s:\n%s", want, text)
		}
	}
	left := 0
	calls.began.Range(func(any, any) bool { left++; return true })
	if left > 0 {
		t.Errorf("%d calls are still remembered", left)
	}
}

func TestNamesAreBounded(t *testing.T) {
	calls := NewCalls(nil)
	for i := range maxCommands + 5 {
		calls.Step(rpc.Step{Command: fmt.Sprint("c", i), ID: "1"})
		calls.Step(rpc.Step{Command: fmt.Sprint("c", i), ID: "1", End: true})
	}
	if n := testutil.CollectAndCount(calls); n != maxCommands+1 {
		t.Errorf("%d series, want %d", n, maxCommands+1)
	}
}

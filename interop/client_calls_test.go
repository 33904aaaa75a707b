package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/rpc"
)

// patience bounds what a test waits for; it is never waited out in a test that
// passes.
func patience(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func connect(t testing.TB, url string, opts ...xbus.Option) *xbus.Client {
	t.Helper()
	client, err := xbus.Connect(patience(t), url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func call[T any](t testing.TB, client *xbus.Client, command string, data any, opts ...rpc.Option) T {
	t.Helper()
	ctx := patience(t)
	v, err := xbus.Call[T](ctx, client, command, data, opts...).Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type object = map[string]any

func TestClientConnects(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())

	state := client.State().Load()
	if !state.Usable() || state.Epoch != 1 || state.Err != nil {
		t.Errorf("state %v", state)
	}
	if token := client.Token().Load(); string(token) != server.Ready().Token {
		t.Errorf("token %v, the server has %.4s…", token, server.Ready().Token)
	}
	name, token, ok := strings.Cut(client.OrcName().Load(), "@")
	if !ok || name == "" || token != server.Ready().Token {
		t.Errorf("orc name %.10s…", client.OrcName().Load())
	}
	registry := client.Registry().Load()
	if registry.Len() < 50 || !registry.Has("demo.echo") || !registry.Has("shutdown") {
		t.Errorf("the registry has %d commands", registry.Len())
	}
	params, err := registry.Lookup("demo.params")
	if err != nil || len(params.Params.Required) == 0 || !params.Params.Variadic || params.Module.Name != "xbus-demo" {
		t.Errorf("demo.params: %+v, %v", params, err)
	}
	if strings.Contains(string(params.Raw), "location") {
		t.Error("the registry shows where files are in the server")
	}
}

// The command arrives at the server exactly as from the JS client.
func TestClientCommandLooksLikeTheReference(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	goClient := connect(t, server.URL())
	jsClient := interop.StartClientT(t, interop.ClientOptions{URL: server.URL()})

	fact, err := jsClient.Call(patience(t), "demo.message", object{"x": 1})
	if err != nil {
		t.Fatal(err)
	}
	var js, gone struct{ Message map[string]json.RawMessage }
	if err := json.Unmarshal(fact.Data, &js); err != nil {
		t.Fatal(err)
	}
	gone = call[struct{ Message map[string]json.RawMessage }](t, goClient, "demo.message", object{"x": 1})
	for name, value := range js.Message {
		ours, ok := gone.Message[name]
		switch name {
		case "orcName", "id", "token", "isNested", "arp": // differ by nature, and in how they are asked for
			if !ok {
				t.Errorf("member %s is missing", name)
			}
		default:
			if string(ours) != string(value) {
				t.Errorf("member %s: JS %s, Go %s", name, value, ours)
			}
		}
	}
	for name := range gone.Message {
		if _, ok := js.Message[name]; !ok {
			t.Errorf("member %s is not sent by the JS client", name)
		}
	}
	var jsArp, goArp map[string]map[string]json.RawMessage
	if json.Unmarshal(js.Message["arp"], &jsArp) != nil || json.Unmarshal(gone.Message["arp"], &goArp) != nil {
		t.Fatal("no routes")
	}
	for _, theirs := range jsArp {
		for _, ours := range goArp {
			for name, value := range theirs {
				if name != "port" && string(ours[name]) != string(value) {
					t.Errorf("route member %s: JS %s, Go %s", name, value, ours[name])
				}
			}
			if len(ours) != len(theirs) {
				t.Errorf("route: JS %v, Go %v", theirs, ours)
			}
		}
	}
}

func TestClientCalls(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	ctx := patience(t)

	t.Run("results", func(t *testing.T) {
		if got := call[struct{ X int }](t, client, "demo.echo", object{"x": 7}); got.X != 7 {
			t.Errorf("got %+v", got)
		}
		if got := call[json.RawMessage](t, client, "demo.echo", json.RawMessage(`{"é":"😀"}`)); string(got) != `{"é":"😀"}` {
			t.Errorf("raw: %s", got)
		}
		if got := call[*int](t, client, "demo.nothing", nil); got != nil {
			t.Errorf("no data: %v", *got)
		}
		if got := call[map[string]any](t, client, "demo.immutable", nil); got["a"] != 1.0 {
			t.Errorf("immutable: %v", got)
		}
		if got := call[struct{ Chunk []byte }](t, client, "demo.chunk", object{"hex": "00ff10"}); string(got.Chunk) != "\x00\xff\x10" {
			t.Errorf("chunk: % x", got.Chunk)
		}
	})
	t.Run("sizes", func(t *testing.T) {
		for _, size := range []int{65535, 65536, 5 << 20} {
			text := strings.Repeat("x", size)
			got := call[struct{ Text string }](t, client, "demo.echo", object{"text": text})
			if got.Text != text {
				t.Errorf("%d bytes came back as %d", size, len(got.Text))
			}
		}
	})
	t.Run("far errors", func(t *testing.T) {
		for command, want := range map[string]rpc.Error{
			"demo.fail":       {Code: "DEMO_FAIL", Message: "it failed", Name: "DemoError", ID: "error-id"},
			"demo.failString": {Code: rpc.CodeDefault, Message: "plain text"},
			"demo.failEmpty":  {Code: rpc.CodeDefault},
			"demo.failError":  {Code: rpc.CodeDefault, Message: "{}"},
			"demo.failCode":   {Code: rpc.CodeDefault, Message: `{"code":"E_CODE"}`},
		} {
			_, err := client.Call(ctx, command, object{}).Await(ctx)
			var far *rpc.Error
			if !errors.As(err, &far) {
				t.Errorf("%s: %v", command, err)
				continue
			}
			if far.Code != want.Code || far.Message != want.Message || far.Name != want.Name || far.ID != want.ID || far.Command != command {
				t.Errorf("%s: %+v", command, far)
			}
		}
	})
	t.Run("unknown command", func(t *testing.T) {
		_, fromHall := client.Call(ctx, "demo.ecko", nil).Await(ctx)
		_, fromRegistry := client.Call(ctx, "demo.ecko", nil, rpc.CheckFirst()).Await(ctx)
		for _, err := range []error{fromHall, fromRegistry} {
			if !errors.Is(err, rpc.ErrCommandNotAvailable) || !strings.Contains(err.Error(), `"demo.echo"`) {
				t.Errorf("%v", err)
			}
		}
		if _, known := rpc.VerdictOf(fromHall); known {
			t.Error("an answer of the hall has a verdict")
		}
		if v, known := rpc.VerdictOf(fromRegistry); !known || v != rpc.NotSent {
			t.Errorf("refused by the registry: %v %v", v, known)
		}
	})
	t.Run("two answers", func(t *testing.T) {
		before := client.Stats().Calls.Ignored
		if got := call[int](t, client, "demo.twice", nil); got != 1 {
			t.Errorf("got %d", got)
		}
		call[json.RawMessage](t, client, "demo.echo", nil) // comes after the second answer
		if ignored := client.Stats().Calls.Ignored - before; ignored != 1 {
			t.Errorf("%d answers ignored", ignored)
		}
	})
	t.Run("deadline and abort", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := client.Call(short, "demo.never", nil).Await(ctx)
		if v, _ := rpc.VerdictOf(err); !errors.Is(err, rpc.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || v != rpc.MaybeExecuted {
			t.Errorf("deadline: %v", err)
		}
		pending := client.Call(ctx, "demo.never", nil)
		if !client.Abort(pending.ID(), errors.New("changed my mind")) || client.Abort(pending.ID(), nil) {
			t.Error("abort")
		}
		if _, err := pending.Await(ctx); !errors.Is(err, rpc.ErrAborted) || !strings.Contains(err.Error(), "changed my mind") {
			t.Errorf("abort: %v", err)
		}
		for range 10 {
			client.Call(ctx, "demo.never", nil)
		}
		if n := client.AbortAll(nil); n != 10 {
			t.Errorf("AbortAll: %d", n)
		}
	})
	t.Run("retry keeps the id", func(t *testing.T) {
		first := client.Call(ctx, "demo.flaky", object{"key": "retry", "failures": 1})
		if _, err := first.Await(ctx); err == nil {
			t.Fatal("the first try must fail")
		}
		second := client.Retry(ctx, first)
		if _, err := second.Await(ctx); err != nil || second.ID() != first.ID() {
			t.Errorf("%v, %s %s", err, first.ID(), second.ID())
		}
	})
	t.Run("context, names, activities", func(t *testing.T) {
		type message struct {
			Message struct {
				Context  json.RawMessage `json:"context"`
				OrcName  string          `json:"orcName"`
				IsNested bool            `json:"isNested"`
			} `json:"message"`
		}
		got := call[message](t, client, "demo.message", nil, rpc.WithContext(object{"_goblinUser": "u@s"}), rpc.Activity()).Message
		if string(got.Context) != `{"_goblinUser":"u@s"}` || got.IsNested {
			t.Errorf("%+v", got)
		}
		resp := client.Resp("test", xbus.OrcToken)
		answer, err := resp.Call(ctx, "demo.message", nil).Await(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var m message
		if err := rpc.Decode(answer, &m); err != nil || m.Message.OrcName != resp.OrcName() || !strings.HasPrefix(m.Message.OrcName, "greathall@") {
			t.Errorf("as the hall: %+v %v", m, err)
		}
	})
	t.Run("the horde is asked for its own", func(t *testing.T) {
		_, err := client.Call(ctx, "demo.echo", object{"x": 1}, rpc.Horde()).Await(ctx)
		if !errors.Is(err, rpc.ErrCommandNotAvailable) { // there is no horde (protocol §5.6)
			t.Errorf("%v", err)
		}
	})
	t.Run("progress of one call", func(t *testing.T) {
		other := client.Call(ctx, "demo.tick", object{"n": 4}, rpc.Progress())
		mine := client.Call(ctx, "demo.progress", object{"n": 3, "ms": 1}, rpc.Progress())
		var got []string
		for ev, err := range mine.Progress().All(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(ev.Data))
		}
		if len(got) != 3 || !strings.HasPrefix(got[0], `{"i":1`) {
			t.Errorf("%q", got)
		}
		events, err := other.Progress().Collect(ctx)
		if err != nil || len(events) != 8 { // four for all, four for the caller
			t.Errorf("%d events, %v", len(events), err)
		}
	})
}

func TestClientTenThousandCalls(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	ctx := patience(t)
	var wg sync.WaitGroup
	wrong := make(chan error, 100)
	for g := range 100 {
		wg.Go(func() {
			for i := range 100 {
				n := g*100 + i
				got, err := xbus.Call[struct{ N int }](ctx, client, "demo.echo", object{"n": n}).Await(ctx)
				if err == nil && got.N != n {
					err = fmt.Errorf("asked for %d, got %d", n, got.N)
				}
				if err != nil {
					wrong <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(wrong)
	for err := range wrong {
		t.Error(err)
	}
	if s := client.Stats().Calls; s.Answered < 10000 || s.InFlight != 0 || s.Ignored != 0 {
		t.Errorf("%+v", s)
	}
}

// The order in which the server runs activities (protocol §5.3) shows that ours
// are activities like those of the JS client, and that the others are not.
func TestClientActivities(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	ctx := patience(t)
	run := func(opts ...rpc.Option) string {
		t.Helper()
		call[json.RawMessage](t, client, "demo.trace", nil)
		var pending []*rpc.Pending
		for i := range 3 {
			pending = append(pending, client.Call(ctx, "demo.serial", object{"ms": 20, "tag": i}, opts...))
		}
		for _, p := range pending {
			if _, err := p.Await(ctx); err != nil {
				t.Fatal(err)
			}
		}
		var order []string
		for _, step := range call[[]string](t, client, "demo.trace", nil) {
			order = append(order, strings.Replace(step, "serial:", "", 1))
		}
		return strings.Join(order, " ")
	}
	if got := run(rpc.Activity()); got != ">0 <0 >1 <1 >2 <2" {
		t.Errorf("activities: %s", got)
	}
	got := strings.Fields(run())
	if begun := got[:3]; !slices.Equal(begun, []string{">0", ">1", ">2"}) {
		t.Errorf("nested: %s", got)
	}
}

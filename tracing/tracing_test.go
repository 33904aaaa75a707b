package tracing

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func recorder(opts ...Option) (*Tracer, *tracetest.InMemoryExporter) {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(exporter))
	return New(append(opts, WithTracerProvider(provider))...), exporter
}

func connect(t *testing.T, url string) *xbus.Client {
	t.Helper()
	client, err := xbus.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func openHall(t *testing.T, name string) *server.Hall {
	t.Helper()
	hall, err := server.Listen(t.Context(), server.Config{Listen: []string{"mem://" + name}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hall.Close() })
	return hall
}

func handle[In, Out any](t *testing.T, hall *server.Hall, name string, fn func(context.Context, In) (Out, error)) {
	t.Helper()
	if err := server.Handle(hall, name, fn); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, spans tracetest.SpanStubs, name string, kind trace.SpanKind) tracetest.SpanStub {
	t.Helper()
	i := slices.IndexFunc(spans, func(s tracetest.SpanStub) bool { return s.Name == name && s.SpanKind == kind })
	if i < 0 {
		t.Fatalf("no %v span %q among %d", kind, name, len(spans))
	}
	return spans[i]
}

func childOf(t *testing.T, child, parent tracetest.SpanStub) {
	t.Helper()
	if child.Parent.SpanID() != parent.SpanContext.SpanID() || child.SpanContext.TraceID() != parent.SpanContext.TraceID() {
		t.Errorf("%s is no child of %s", child.Name, parent.Name)
	}
}

// follow is one call with its progress, as a program writes it.
func follow(t *testing.T, tracer *Tracer, client *xbus.Client, command string) {
	t.Helper()
	ctx, root := tracer.tracer.Start(t.Context(), "program")
	call := tracer.Call(ctx, client, command, map[string]int{"n": 2}, rpc.Progress())
	for ev, err := range call.Progress().All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		_, span := tracer.Event(context.Background(), ev.Message) // the trace comes by the event, not by ctx
		span.End()
	}
	if _, err := call.Await(ctx); err != nil {
		t.Fatal(err)
	}
	root.End()
}

// A trace survives a server that has never heard of it: the caller's span, the
// progress of the call, its result.
func TestThroughTheRealServer(t *testing.T) {
	interop.Require(t)
	tracer, exporter := recorder()
	client := connect(t, interop.StartServerT(t, interop.ServerOptions{}).URL())
	follow(t, tracer, client, "demo.progress")

	spans := endedCall(exporter, "demo.progress")
	call := find(t, spans, "demo.progress", trace.SpanKindClient)
	childOf(t, call, find(t, spans, "program", trace.SpanKindInternal))
	progress := 0
	for _, s := range spans {
		if s.SpanKind == trace.SpanKindConsumer {
			progress++
			childOf(t, s, call)
			if s.Name != "<orc>::demo.progress.<id>.progressed" {
				t.Errorf("the event is called %q", s.Name)
			}
		}
	}
	if progress != 2 || call.Status.Code != codes.Unset {
		t.Errorf("%d events, status %v", progress, call.Status)
	}
}

func TestThroughAHall(t *testing.T) {
	tracer, exporter := recorder()
	hall := openHall(t, "tracing")
	handle(t, hall, "t.outer", func(ctx context.Context, _ any) (any, error) {
		request := server.RequestOf(ctx)
		_, span := tracer.Handler(ctx)
		defer span.End()
		if err := request.Progress(1); err != nil {
			return nil, err
		}
		return 1, request.Call(ctx, "t.inner", nil, nil)
	})
	handle(t, hall, "t.inner", func(ctx context.Context, _ any) (any, error) {
		_, span := tracer.Handler(ctx)
		span.End()
		return 1, nil
	})
	follow(t, tracer, connect(t, hall.URL()), "t.outer")

	spans := endedCall(exporter, "t.outer")
	call := find(t, spans, "t.outer", trace.SpanKindClient)
	childOf(t, find(t, spans, "t.outer", trace.SpanKindServer), call)
	childOf(t, find(t, spans, "t.inner", trace.SpanKindServer), call) // carried by the message context of the outer one
	childOf(t, find(t, spans, "<orc>::t.outer.<id>.progress", trace.SpanKindConsumer), call)
}

// The span of a call ends with its outcome, and says nothing about the payload.
func TestOutcomes(t *testing.T) {
	var steps []rpc.Step
	tracer, exporter := recorder(WithSteps(func(s rpc.Step) { steps = append(steps, s) }))
	hall := openHall(t, "tracing-outcomes")
	handle(t, hall, "t.fail", func(context.Context, any) (any, error) { return nil, server.Errorf("NO_ROOM", "no such room") })
	handle(t, hall, "t.never", func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, context.Cause(ctx) })
	client := connect(t, hall.URL())
	secret := map[string]string{"password": "s3cret"}

	for _, c := range []struct {
		command string
		opts    []rpc.Option
		end     func(*rpc.Pending)
		want    string
	}{
		{"t.fail", nil, nil, "NO_ROOM"},
		{"t.none", nil, nil, rpc.CodeNotAvailable},
		{"t.never", []rpc.Option{rpc.Timeout(20 * time.Millisecond)}, nil, rpc.ErrTimeout.Error()},
		{"t.never", nil, func(p *rpc.Pending) { p.Abort(errors.New("enough")) }, rpc.ErrAborted.Error()},
		{"", nil, nil, "no answer"},
	} {
		exporter.Reset()
		p := tracer.Call(t.Context(), client, c.command, secret, c.opts...)
		if c.end != nil {
			c.end(p)
		}
		if _, err := p.Await(t.Context()); err == nil {
			t.Fatalf("%s: no error", c.command)
		}
		spans := ended(exporter, 1)
		if len(spans) != 1 || spans[0].Status.Code != codes.Error {
			t.Errorf("%s: %d spans: %+v", c.command, len(spans), spans)
			continue
		}
		if !slices.Contains(spans[0].Attributes, attribute.String("error.type", c.want)) {
			t.Errorf("%s: %v, want %s", c.command, spans[0].Attributes, c.want)
		}
		text, _ := json.Marshal(spans[0])
		if strings.Contains(string(text), "s3cret") || strings.Contains(string(text), string(hall.Token())) {
			t.Errorf("%s: the span shows too much: %s", c.command, text)
		}
	}
	if len(steps) < 8 {
		t.Errorf("%d steps were handed on", len(steps))
	}
}

// A message context that is there already is kept; one that is no object cannot
// carry a trace, and the call is made all the same.
func TestMessageContexts(t *testing.T) {
	tracer, exporter := recorder()
	hall := openHall(t, "tracing-context")
	handle(t, hall, "t.context", func(ctx context.Context, _ any) (json.RawMessage, error) {
		return server.RequestOf(ctx).MsgContext(), nil
	})
	client := connect(t, hall.URL())
	for _, c := range []struct {
		context any
		want    string // %s is the trace parent
		carried bool
	}{
		{map[string]string{"_goblinUser": "id@session"}, `"_goblinUser":"id@session"`, true},
		{"a text", `"a text"`, false},
	} {
		exporter.Reset()
		resp, err := client.Resp("test", "").WithContext(c.context)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rpc.Typed[json.RawMessage](tracer.Call(t.Context(), resp, "t.context", nil)).Await(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		span := ended(exporter, 1)[0]
		id := span.SpanContext.SpanID().String()
		if !strings.Contains(string(got), c.want) || strings.Contains(string(got), id) != c.carried {
			t.Errorf("%v: %s, span %s", c.context, got, id)
		}
		if told := len(span.Events) == 1; told == c.carried {
			t.Errorf("%v: events %v", c.context, span.Events)
		}
	}
}

// ended waits for n spans: a call is told of its end on the connection's reader,
// which can be a moment after Await has returned.
func ended(exporter *tracetest.InMemoryExporter, n int) tracetest.SpanStubs {
	for began := time.Now(); len(exporter.GetSpans()) < n && time.Since(began) < 5*time.Second; {
		runtime.Gosched()
	}
	return exporter.GetSpans()
}

// endedCall waits for the span of a call.
func endedCall(exporter *tracetest.InMemoryExporter, name string) tracetest.SpanStubs {
	for began := time.Now(); time.Since(began) < 5*time.Second; runtime.Gosched() {
		spans := exporter.GetSpans()
		if slices.ContainsFunc(spans, func(s tracetest.SpanStub) bool { return s.Name == name && s.SpanKind == trace.SpanKindClient }) {
			return spans
		}
	}
	return exporter.GetSpans()
}

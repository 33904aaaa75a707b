package tracing

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/xcraft-go/xbus/rpc"
)

const scope = "github.com/xcraft-go/xbus/tracing"

// A Tracer makes spans of calls, events and handlers. All methods may be called
// from any goroutine.
type Tracer struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	steps      func(rpc.Step)
}

type settings struct {
	provider   trace.TracerProvider
	propagator propagation.TextMapPropagator
	steps      func(rpc.Step)
}

// An Option changes one thing about a Tracer.
type Option func(*settings)

// WithTracerProvider says where spans go, default the provider of the process.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(s *settings) { s.provider = p }
}

// WithPropagator says how a trace is written into message contexts, default W3C
// trace context.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(s *settings) { s.propagator = p }
}

// WithSteps also hands the steps of each call to f, in the manner of rpc.Trace,
// which a traced call has for itself. It suits the Calls of package metrics.
func WithSteps(f func(rpc.Step)) Option { return func(s *settings) { s.steps = f } }

// New makes a Tracer.
func New(opts ...Option) *Tracer {
	s := settings{propagator: propagation.TraceContext{}}
	for _, opt := range opts {
		opt(&s)
	}
	if s.provider == nil {
		s.provider = otel.GetTracerProvider()
	}
	return &Tracer{s.provider.Tracer(scope), s.propagator, s.steps}
}

// start begins a span with the attributes that all of them have.
func (t *Tracer) start(ctx context.Context, name string, kind trace.SpanKind, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	return t.tracer.Start(ctx, name, append(opts, trace.WithSpanKind(kind), trace.WithAttributes(system))...)
}

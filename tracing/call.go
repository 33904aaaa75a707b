package tracing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/xcraft-go/xbus/rpc"
)

// Attributes of spans.
var (
	system    = attribute.String("rpc.system", "xcraft")
	keyMethod = attribute.Key("rpc.method")
	keyID     = attribute.Key("messaging.message.id")
	keyTopic  = attribute.Key("messaging.destination.name")
	keyError  = attribute.Key("error.type")
)

// A Caller sends commands: *xbus.Client and *xbus.Resp do.
type Caller interface {
	Call(ctx context.Context, command string, data any, opts ...rpc.Option) *rpc.Pending
}

// Call is c.Call with a client span, a child of the one in ctx, that ends when
// the call does. The options rpc.WithContext and rpc.Trace are taken: give a
// message context by a Resp, and see [WithSteps].
func (t *Tracer) Call(ctx context.Context, c Caller, command string, data any, opts ...rpc.Option) *rpc.Pending {
	ctx, span := t.start(ctx, command, trace.SpanKindClient, trace.WithAttributes(keyMethod.String(command)))
	carried, err := t.carry(ctx, c)
	if err != nil {
		span.AddEvent("the trace is not carried on", trace.WithAttributes(attribute.String("reason", err.Error())))
	} else {
		opts = append(opts[:len(opts):len(opts)], rpc.WithContext(carried))
	}
	var ended atomic.Bool
	end := func(s rpc.Step) {
		if ended.CompareAndSwap(false, true) {
			span.SetAttributes(keyID.String(s.ID))
			finish(span, s.Err)
		}
	}
	pending := c.Call(ctx, command, data, append(opts, rpc.Trace(func(s rpc.Step) {
		if t.steps != nil {
			t.steps(s)
		}
		if s.End {
			end(s)
		}
	}))...)
	if pending.Settled() { // one that was refused before it began has no steps
		_, err := pending.Result()
		end(rpc.Step{ID: pending.ID(), Err: err, End: true})
	}
	return pending
}

// carry is the message context of a call with the trace in it.
func (t *Tracer) carry(ctx context.Context, c Caller) (map[string]any, error) {
	members := map[string]any{}
	if resp, ok := c.(interface{ MsgContext() json.RawMessage }); ok && resp.MsgContext() != nil {
		var own map[string]json.RawMessage
		if err := json.Unmarshal(resp.MsgContext(), &own); err != nil {
			return nil, fmt.Errorf("the message context is no object: %w", err)
		}
		for name, value := range own {
			members[name] = value
		}
	}
	trace := propagation.MapCarrier{}
	t.propagator.Inject(ctx, trace)
	for name := range maps.Keys(trace) {
		members[name] = trace[name]
	}
	return members, nil
}

// finish ends the span of a call with its outcome.
func finish(span trace.Span, err error) {
	defer span.End()
	if err == nil {
		return
	}
	var far *rpc.Error
	switch {
	case errors.As(err, &far):
		span.SetAttributes(keyError.String(far.Code))
	default:
		kind := "no answer"
		for _, reason := range []error{rpc.ErrTimeout, rpc.ErrConnectionLost, rpc.ErrNotConnected, rpc.ErrAborted, rpc.ErrClosed, rpc.ErrTooMany, context.Canceled} {
			if errors.Is(err, reason) {
				kind = reason.Error()
				break
			}
		}
		span.SetAttributes(keyError.String(kind))
		if verdict, ok := rpc.VerdictOf(err); ok {
			span.SetAttributes(attribute.String("xbus.verdict", verdict.String()))
		}
	}
	span.SetStatus(codes.Error, err.Error())
}

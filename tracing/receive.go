package tracing

import (
	"context"
	"encoding/json"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// Event begins a consumer span for an event. When the event was caused by a call
// that carried a trace, directly or not, the span belongs to that trace, as a
// child of the call; else to the one in ctx. End the span when the event is dealt
// with.
func (t *Tracer) Event(ctx context.Context, m *wire.Message) (context.Context, trace.Span) {
	return t.start(t.extract(ctx, m.Context()), eventName(m), trace.SpanKindConsumer, trace.WithAttributes(keyID.String(m.ID), keyTopic.String(eventName(m))))
}

// Handler begins a server span in a handler of a hall, whose context is ctx: a
// child of the call that the handler serves. End the span before the handler
// returns. Calls that the handler makes with the new context belong to the span.
func (t *Tracer) Handler(ctx context.Context) (context.Context, trace.Span) {
	request := server.RequestOf(ctx)
	if request == nil {
		return t.start(ctx, "handler", trace.SpanKindServer)
	}
	return t.start(t.extract(ctx, request.MsgContext()), request.Command(), trace.SpanKindServer,
		trace.WithAttributes(keyMethod.String(request.Command()), keyID.String(request.Message.ID)))
}

// extract puts the span that a message context carries into ctx.
func (t *Tracer) extract(ctx context.Context, carried json.RawMessage) context.Context {
	var members map[string]json.RawMessage
	if json.Unmarshal(carried, &members) != nil {
		return ctx
	}
	carrier := propagation.MapCarrier{}
	for _, name := range t.propagator.Fields() {
		var text string
		if json.Unmarshal(members[name], &text) == nil {
			carrier[name] = text
		}
	}
	return t.propagator.Extract(ctx, carrier)
}

// eventName is the topic of an event without what is different each time: the
// orc with its token, and the id of a message.
func eventName(m *wire.Message) string {
	namespace, name, ok := strings.Cut(m.Topic, "::")
	if !ok {
		return m.Topic
	}
	parts := strings.Split(name, ".")
	for i, part := range parts {
		if len(part) == wire.IDLen && strings.Count(part, "-") == 4 {
			parts[i] = "<id>"
		}
	}
	if orc, _, ok := strings.Cut(namespace, "@"); ok && orc != "" {
		namespace = "<orc>"
	}
	return namespace + "::" + strings.Join(parts, ".")
}

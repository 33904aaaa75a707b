// Package tracing joins calls on the bus to traces of OpenTelemetry. It is a
// module of its own, so that programs without it link nothing of OpenTelemetry.
//
//	tracer := tracing.New()
//	call := tracer.Call(ctx, client, "thermo.read", query)      // a client span
//	ctx, span := tracer.Event(ctx, ev.Message)                  // a consumer span, for an event that a call has caused
//	ctx, span := tracer.Handler(ctx)                            // a server span, in a handler of a hall of xbus
//
// # How a trace travels
//
// The trace is carried by the message context of the command, as the members that
// the propagator writes, "traceparent" and "tracestate" by default. A hall copies
// the message context of a command into the commands and the events that it leads
// to (protocol §5.7), so a trace survives servers that have never heard of it.
// A message context that is there already is kept: it must be an object.
//
// # What is promised
//
// The span of a call ends when the call does, whether anybody awaits it or not,
// with the outcome: ok, the code of the far side's error, or the verdict of a call
// without an answer. Payloads, tokens and orc names are never attributes. Programs
// that do not use this package pay nothing for it.
package tracing

package xbustest

import (
	"context"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/server"
)

// A Step is what a scripted command does for one call.
type Step func(context.Context, *server.Request) (any, error)

// Reply answers with data.
func Reply(data any) Step {
	return func(context.Context, *server.Request) (any, error) { return data, nil }
}

// Fail answers with an error; [server.Errorf] gives it a code.
func Fail(err error) Step {
	return func(context.Context, *server.Request) (any, error) { return nil, err }
}

// Silence does not answer, as long as the caller is there.
func Silence() Step {
	return func(ctx context.Context, _ *server.Request) (any, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
}

// Cut ends the connection of the caller instead of answering.
func Cut() Step {
	return func(ctx context.Context, r *server.Request) (any, error) {
		r.Hall().Cut(r.OrcName)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
}

// After waits before it takes the step.
func After(d time.Duration, step Step) Step {
	return func(ctx context.Context, r *server.Request) (any, error) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return step(ctx, r)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Events sends events of the call before it takes the step.
func Events(step Step, progress ...any) Step {
	return func(ctx context.Context, r *server.Request) (any, error) {
		for _, p := range progress {
			if err := r.Progress(p); err != nil {
				return nil, err
			}
		}
		return step(ctx, r)
	}
}

// A script is the steps of one command. The last one is repeated.
type script struct {
	mu    sync.Mutex
	steps []Step
}

func (s *script) next() Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := s.steps[0]
	if len(s.steps) > 1 {
		s.steps = s.steps[1:]
	}
	return step
}

// Answer offers a command that always gives the same answer.
func (h *Hall) Answer(command string, data any) {
	h.t.Helper()
	h.Script(command, Reply(data))
}

// Handle offers a command that a function answers.
func (h *Hall) Handle(command string, fn func(context.Context, *server.Request) (any, error)) {
	h.t.Helper()
	h.Script(command, fn)
}

// Script offers a command that takes one step for each call, and the last one
// for all that follow. It replaces what the command did before.
func (h *Hall) Script(command string, steps ...Step) {
	h.t.Helper()
	if len(steps) == 0 {
		steps = []Step{Reply(nil)}
	}
	h.mu.Lock()
	s, known := h.commands[command]
	if !known {
		s = new(script)
		h.commands[command] = s
	}
	hall := h.current
	h.mu.Unlock()
	s.mu.Lock()
	s.steps = steps
	s.mu.Unlock()
	if !known {
		h.register(hall, command, s)
	}
}

func (h *Hall) register(hall *server.Hall, command string, s *script) {
	h.t.Helper()
	err := hall.HandleRaw(command, func(ctx context.Context, r *server.Request) (any, error) {
		step := s.next()
		h.note(r)
		return step(ctx, r)
	})
	if err != nil {
		h.t.Fatalf("xbustest: %v", err)
	}
}

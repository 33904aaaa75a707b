package conn_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/internal/halltest"
	"github.com/xcraft-go/xbus/wire"
)

// A step is one thing that happens to a connection.
type step struct {
	what string
	wait time.Duration // after it
}

// steps are what a hall, a network or a user may do.
var steps = map[string]func(h *halltest.Hall, r *rig){
	"nothing":   func(h *halltest.Hall, r *rig) {},
	"cut":       func(h *halltest.Hall, r *rig) { h.Cut(halltest.Notifier, halltest.Commander) },
	"down":      func(h *halltest.Hall, r *rig) { h.Down() },
	"up":        func(h *halltest.Hall, r *rig) { h.Down(); h.Up() },
	"silence":   func(h *halltest.Hall, r *rig) { h.Set(func(s *halltest.Script) { s.Beat = -1 }) },
	"beat":      func(h *halltest.Hall, r *rig) { h.Set(func(s *halltest.Script) { s.Beat = 0 }) },
	"hold":      func(h *halltest.Hall, r *rig) { h.Set(func(s *halltest.Script) { s.Hold = true }) },
	"accept":    func(h *halltest.Hall, r *rig) { h.Accept() },
	"refuse":    func(h *halltest.Hall, r *rig) { h.Set(func(s *halltest.Script) { s.Refuse = true }) },
	"welcome":   func(h *halltest.Hall, r *rig) { h.Set(func(s *halltest.Script) { s.Refuse = false }) },
	"rename":    func(h *halltest.Hall, r *rig) { h.Set(func(s *halltest.Script) { s.Name += "x" }) },
	"restart":   func(h *halltest.Hall, r *rig) { h.Set(func(s *halltest.Script) { s.Token = string(wire.NewToken()) }) },
	"event":     func(h *halltest.Hall, r *rig) { h.Event("a::b", "1") },
	"malformed": func(h *halltest.Hall, r *rig) { h.Event("greathall::bus.reconnect", "1") },
	"registry":  func(h *halltest.Hall, r *rig) { h.Event("greathall::bus.commands.registry", `{"registry":{}}`) },
	"gameover":  func(h *halltest.Hall, r *rig) { h.GameOver() },
	"reconnect": func(h *halltest.Hall, r *rig) { r.Reconnect() },
	"send": func(h *halltest.Hall, r *rig) {
		_, err := r.Send(r.t.Context(), &wire.Message{Topic: "demo.echo", ID: "1"})
		if err != nil && !errors.Is(err, conn.ErrNotSent) {
			r.t.Errorf("a message was not sent: %v", err)
		}
	},
}

func stepGen() *rapid.Generator[step] {
	names := slices.Sorted(maps.Keys(steps))
	return rapid.Custom(func(t *rapid.T) step {
		return step{
			what: rapid.SampledFrom(names).Draw(t, "what"),
			wait: rapid.SampledFrom([]time.Duration{0, 1, 300 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second, 7 * time.Second, 40 * time.Second}).Draw(t, "wait"),
		}
	})
}

// TestAnyLife lets anything happen and closes at any moment: whatever the order,
// what is reported is a possible life, and nothing is left of it.
func TestAnyLife(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := rapid.SliceOfN(stepGen(), 0, 25).Draw(rt, "steps")
		change := func(c *conn.Config) {}
		if rapid.Bool().Draw(rt, "patient") {
			change = func(c *conn.Config) { c.RetryFirst, c.GameOver, c.OptimistLag = true, conn.ComeBack, true }
		}
		var wrong []string
		synctest.Test(t, func(t *testing.T) { wrong = live(t, plan, change) })
		if len(wrong) > 0 {
			rt.Fatalf("%s", strings.Join(wrong, "\n"))
		}
	})
}

// live goes through the steps and returns what is wrong with what was reported.
func live(t *testing.T, plan []step, change func(*conn.Config)) (wrong []string) {
	h := halltest.New(t, halltest.Inproc("life"), halltest.Script{})
	r := start(t, transport(t, h), change)
	for _, s := range plan {
		steps[s.what](h, r)
		time.Sleep(s.wait)
	}
	began := time.Now()
	end := r.stop()
	if took := time.Since(began); took != 0 {
		wrong = append(wrong, fmt.Sprintf("Run took %v to end", took))
	}
	if end == nil {
		wrong = append(wrong, "Run returned no reason")
	}
	wrong = append(wrong, wrongStates(r.states)...)
	wrong = append(wrong, wrongHooks(r)...)
	return append(wrong, wrongNotices(r)...)
}

// next tells where a phase may go; the diagram is in the package's documentation.
var next = map[conn.Phase][]conn.Phase{
	conn.Connecting:   {conn.Connecting, conn.Connected, conn.Closed},
	conn.Connected:    {conn.Lagging, conn.Reconnecting, conn.Closed},
	conn.Lagging:      {conn.Connected, conn.Reconnecting, conn.Closed},
	conn.Reconnecting: {conn.Reconnecting, conn.Connected, conn.Closed},
}

func wrongStates(states []conn.State) (wrong []string) {
	last := conn.State{Phase: conn.Connecting}
	for _, s := range states {
		legal := false
		for _, p := range next[last.Phase] {
			legal = legal || p == s.Phase
		}
		began := s.Phase == conn.Connected && last.Phase != conn.Lagging
		switch {
		case !legal:
			wrong = append(wrong, fmt.Sprintf("%v after %v", s, last))
		case began && s.Epoch != last.Epoch+1, !began && s.Epoch != last.Epoch:
			wrong = append(wrong, fmt.Sprintf("session %d (%v) after %d", s.Epoch, s.Phase, last.Epoch))
		case s.Usable() && (s.Err != nil || s.Attempt != 0 || s.NextDelay != 0 || s.Identity.OrcName == ""):
			wrong = append(wrong, fmt.Sprintf("a session that is %+v", s))
		case s.Phase == conn.Reconnecting && (s.Err == nil || s.Attempt == 0):
			wrong = append(wrong, fmt.Sprintf("no session, and no reason or attempt: %+v", s))
		case s.Since.Before(last.Since):
			wrong = append(wrong, fmt.Sprintf("%v began before %v", s, last))
		}
		last = s
	}
	if last.Phase != conn.Closed {
		wrong = append(wrong, fmt.Sprintf("it ended as %v", last))
	}
	return wrong
}

// wrongHooks: each session begins and ends once, one after the other, with a
// reason, and each failure is counted.
func wrongHooks(r *rig) (wrong []string) {
	calls := ""
	for _, c := range r.calls {
		if c != "registry" {
			calls += c + " "
		}
	}
	sessions := len(r.attached)
	if calls != strings.Repeat("attach detach ", sessions) || int(r.Stats().Sessions) != sessions {
		wrong = append(wrong, fmt.Sprintf("%d sessions were told as %s", r.Stats().Sessions, calls))
	}
	for i, err := range r.causes {
		if conn.ReasonOf(err) == nil {
			wrong = append(wrong, fmt.Sprintf("session %d ended without a reason: %v", i+1, err))
		}
		if d := r.detached[i]; d.Epoch != uint64(i+1) || d.Identity != r.attached[i].Identity || d.Lost.Before(d.Began) {
			wrong = append(wrong, fmt.Sprintf("session %d ended as %+v", i+1, d))
		}
	}
	counted := uint64(0)
	for reason, n := range r.Stats().Failures {
		if counted += n; reason == "other" {
			wrong = append(wrong, "a failure has no reason")
		}
	}
	if counted < uint64(max(0, sessions-1)) {
		wrong = append(wrong, fmt.Sprintf("%d failures of %d sessions were counted", counted, sessions))
	}
	return wrong
}

// wrongNotices: one attempt for each loss, then what has changed, then that it is
// back.
func wrongNotices(r *rig) (wrong []string) {
	var own []string
	for _, text := range r.noticed(0) {
		if text, _, _ = strings.Cut(text, " G"); text != "commands.registry" {
			own = append(own, text)
		}
	}
	story := strings.Join(own, ", ")
	again := regexp.MustCompile(`^(reconnect attempt, (token\.changed, )?(orcname\.changed, )?reconnect(, |$))*(reconnect attempt)?$`)
	if !again.MatchString(story) || strings.Count(story+",", "reconnect,") != max(0, len(r.attached)-1) {
		wrong = append(wrong, fmt.Sprintf("%d sessions were noticed as: %s", len(r.attached), story))
	}
	return wrong
}

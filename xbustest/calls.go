package xbustest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// A Call is one command that a client has sent to a scripted command.
type Call struct {
	Command string
	OrcName string // who asked
	Data    json.RawMessage
	Message *wire.Message // the whole of it
	At      time.Time
}

// Decode stores the data of the call in what dst points to.
func (c Call) Decode(dst any) error {
	m := c.Message
	return payload.UnpackInto(payload.Parts{Data: m.Data, Immu: m.Immu(), Shred: m.Shred(), Chunk: m.Chunk}, dst, payload.Limits{})
}

func (c Call) String() string {
	return fmt.Sprintf("%s(%s) by %s", c.Command, c.Data, wire.Redact(c.OrcName))
}

func (h *Hall) note(r *server.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, Call{r.Command(), r.OrcName, r.Message.Data, r.Message, time.Now()})
	close(h.called)
	h.called = make(chan struct{})
}

// Calls returns the calls of one command so far, or of all with "".
func (h *Hall) Calls(command string) []Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []Call
	for _, c := range h.calls {
		if command == "" || c.Command == command {
			list = append(list, c)
		}
	}
	return list
}

// Await returns the next call of a command that no Await has returned, and
// waits for it. The test fails when none comes.
func (h *Hall) Await(command string) Call {
	h.t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	for {
		c, ok, called := h.take(command)
		if ok {
			return c
		}
		select {
		case <-called:
		case <-timer.C:
			h.t.Fatalf("xbustest: %s was not called within %v; there were: %s", command, Patience, list(h.Calls("")))
		}
	}
}

func (h *Hall) take(command string) (c Call, ok bool, called <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, c := range h.calls {
		if c.Command == command && !h.taken[i] {
			h.taken[i] = true
			return c, true, nil
		}
	}
	return Call{}, false, h.called
}

// AssertCalled fails the test when a command was not called so many times until
// now.
func (h *Hall) AssertCalled(command string, times int) {
	h.t.Helper()
	if got := h.Calls(command); len(got) != times {
		h.t.Errorf("xbustest: %s was called %d times, want %d: %s", command, len(got), times, list(got))
	}
}

// AssertData fails the test when the last call of a command did not bring this
// data, compared as JSON.
func (h *Hall) AssertData(command string, want any) {
	h.t.Helper()
	calls := h.Calls(command)
	if len(calls) == 0 {
		h.t.Errorf("xbustest: %s was not called", command)
		return
	}
	var got any
	if err := json.Unmarshal(calls[len(calls)-1].Data, &got); err != nil {
		h.t.Errorf("xbustest: %s: %v", calls[len(calls)-1], err)
		return
	}
	text, err := json.Marshal(want)
	if err != nil {
		h.t.Fatalf("xbustest: what is wanted cannot be written as JSON: %v", err)
	}
	if g, _ := json.Marshal(got); string(g) != canonical(text) {
		h.t.Errorf("xbustest: %s was called with %s, want %s", command, g, text)
	}
}

// canonical writes JSON with its members in order.
func canonical(text []byte) string {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return string(text)
	}
	out, _ := json.Marshal(v)
	return string(out)
}

func list(calls []Call) string {
	if len(calls) == 0 {
		return "no calls"
	}
	texts := make([]string, len(calls))
	for i, c := range calls {
		texts[i] = c.String()
	}
	return strings.Join(texts, ", ")
}

package interop

import (
	"encoding/json"
	"fmt"
)

// A Fact is one line that the JS client reports.
type Fact struct {
	// Kind is what happened: started, connected, result, error, event,
	// subscribed, unsubscribed, reconnect attempt, reconnect, token.changed,
	// orcname.changed, commands.registry, socket error, close, onReconnect, state,
	// command, names, sent, calls, counted, tallied, thrown (an operation threw), uncaught
	// (nothing caught it), timeout (of the operation wait), failed (of the
	// operation expect or refuse), stopped.
	Kind string `json:"fact"`
	// Label is that of the operation.
	Label string `json:"label"`
	// Topic is that of the event.
	Topic string `json:"topic"`
	// OrcName and Token are those of the client when it reported the fact.
	OrcName string `json:"orcName"`
	Token   string `json:"token"`
	// Reason is why a socket or the connection was lost.
	Reason string `json:"reason"`
	// Data is the result of a command, Error is why something failed, Msg is
	// the whole message of an event. Values that JSON does not have are written
	// as client/values.js says.
	Data  json.RawMessage `json:"data"`
	Error json.RawMessage `json:"error"`
	Msg   json.RawMessage `json:"msg"`
	// Raw is the complete line.
	Raw json.RawMessage `json:"-"`
}

// Decode reads the complete line into v.
func (f Fact) Decode(v any) error {
	if err := json.Unmarshal(f.Raw, v); err != nil {
		return fmt.Errorf("interop: fact %q: %w", f.Kind, err)
	}
	return nil
}

// String is the complete line.
func (f Fact) String() string { return string(f.Raw) }

// failed tells that the fact is a broken expectation.
func (f Fact) failed() bool {
	switch f.Kind {
	case "failed", "timeout", "uncaught":
		return true
	}
	return false
}

func parseFact(line []byte) (Fact, bool) {
	f := Fact{Raw: append(json.RawMessage(nil), line...)}
	err := json.Unmarshal(line, &f)
	return f, err == nil && f.Kind != ""
}

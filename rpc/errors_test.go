package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// The recorded error mappings of the reference client: the answer that came,
// and the error or the result that its callback got. In the notation of the
// recordings {"object":[[k,v]]}, {"array":[…]} and {"undefined":true} stand
// for values.
func TestErrorsAreThoseOfTheReference(t *testing.T) {
	text, err := os.ReadFile("testdata/errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name          string
		Answer        map[string]json.RawMessage
		Result, Error json.RawMessage
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 26 {
		t.Fatalf("%d cases, there were 26", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			_, calls := attached(t, Config{})
			p := calls.Call(t.Context(), "demo.cmd", nil)
			m := receive(t, c.Answer, p.ID())
			if !calls.Settle(m, true) {
				t.Fatal("the answer was not taken")
			}
			got, err := p.Await(t.Context())
			if c.Error == nil {
				if err != nil || got != m {
					t.Fatalf("got %v %v, want a result", got, err)
				}
				if want := plain(t, c.Result); !sameJSON(got.Data, want) {
					t.Errorf("result %s, want %s", got.Data, want)
				}
				return
			}
			var far *Error
			if !errors.As(err, &far) {
				t.Fatalf("got %v, want an *Error", err)
			}
			checkError(t, far, c.Error, p.ID())
			if string(far.Data) != string(m.Data) || far.Command != "demo.cmd" {
				t.Errorf("data %s of %s", far.Data, far.Command)
			}
			unknown := strings.Contains(c.Name, "unknown command")
			if errors.Is(err, ErrCommandNotAvailable) != unknown {
				t.Errorf("not available: %v", !unknown)
			}
		})
	}
}

// receive makes the message of a recorded answer as it comes from the wire.
func receive(t *testing.T, envelope map[string]json.RawMessage, id string) *wire.Message {
	t.Helper()
	var topic string
	if err := json.Unmarshal(envelope["topic"], &topic); err != nil {
		t.Fatal(err)
	}
	topic = strings.ReplaceAll(topic, "<id>", id)
	envelope["topic"], _ = json.Marshal(topic)
	envelope["_xcraftMessage"] = json.RawMessage("true")
	text, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := wire.AppendFrame(nil, wire.ArgString(topic), wire.ArgJSON(text))
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.NewReader(bytes.NewReader(frame), wire.Limits{}).Next()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func checkError(t *testing.T, far *Error, recorded json.RawMessage, id string) {
	t.Helper()
	var want map[string]json.RawMessage
	if err := json.Unmarshal(recorded, &want); err != nil {
		t.Fatal(err)
	}
	var topic string
	if err := json.Unmarshal(want["topic"], &topic); err != nil {
		t.Fatal(err)
	}
	if topic = strings.ReplaceAll(topic, "<id>", id); far.Topic != topic {
		t.Errorf("topic %q, want %q", far.Topic, topic)
	}
	for _, name := range []string{"message", "id", "code", "name", "stack", "info"} {
		if value := plain(t, want[name]); !sameJSON(far.Member(name), value) {
			t.Errorf("%s is %s, want %s", name, far.Member(name), value)
		}
	}
	if unknown := far.Code == CodeNotAvailable; !unknown {
		fields := map[string]string{"message": far.Message, "id": far.ID, "code": far.Code, "name": far.Name, "stack": far.Stack}
		for name, field := range fields {
			if field != text(far.Member(name)) {
				t.Errorf("%s is %q, want %s", name, field, far.Member(name))
			}
		}
	}
	if string(far.Info) != string(far.Member("info")) {
		t.Errorf("info %s", far.Info)
	}
}

// plain turns the notation of the recordings into JSON; nil for undefined.
func plain(t *testing.T, raw json.RawMessage) json.RawMessage {
	t.Helper()
	var special struct {
		Undefined bool
		Object    *[][2]json.RawMessage
		Array     *[]json.RawMessage
	}
	if json.Unmarshal(raw, &special) != nil {
		return raw
	}
	switch {
	case special.Undefined:
		return nil
	case special.Object != nil:
		members := make(map[string]json.RawMessage)
		for _, entry := range *special.Object {
			members[text(entry[0])] = plain(t, entry[1])
		}
		raw, _ = json.Marshal(members)
	case special.Array != nil:
		var list []json.RawMessage
		for _, v := range *special.Array {
			list = append(list, plain(t, v))
		}
		raw, _ = json.Marshal(list)
	}
	return raw
}

func sameJSON(a, b json.RawMessage) bool {
	if a == nil || b == nil {
		return (a == nil) == (b == nil)
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return fmt.Sprintf("%T%v", x, x) == fmt.Sprintf("%T%v", y, y)
}

func TestErrorTexts(t *testing.T) {
	registry := NewRegistry([]byte(`{"warehouse.get":{},"demo.echo":{}}`), time.Now())
	for _, c := range []struct {
		err  error
		want string
	}{
		{&Error{Command: "a.b", Code: CodeDefault, Message: "no"}, `rpc: call "a.b": no`},
		{&Error{Command: "a.b", Code: "E1", Name: "Oops", Message: "no"}, `rpc: call "a.b": Oops: no (E1)`},
		{&Error{Command: "a.b", Code: CodeDefault}, `rpc: call "a.b": failed without a message`},
		{&Error{Command: "a.b", Code: CodeNotAvailable, Message: "command not available"}, `rpc: call "a.b": command not available`},
		{&Error{Command: "warehouse.gett", Code: CodeNotAvailable, registry: registry},
			`rpc: call "warehouse.gett": command not available: "warehouse.gett" is none of the 2 commands of the hall; did you mean "warehouse.get"?`},
		{&Error{Command: "demo.echo", Code: CodeNotAvailable, Message: "command not available", registry: registry},
			`rpc: call "demo.echo": command not available`}, // the hall has it, its horde has not
		{&CallError{"a.b", "1", NotSent, ErrNotConnected}, `rpc: call "a.b": not connected; it was not sent`},
		{&CallError{"a.b", "1", MaybeExecuted, reason(ErrConnectionLost, io.EOF)}, `rpc: call "a.b": connection lost: EOF; it may have run`},
		{&DecodeError{"a.b", "int", io.EOF}, `rpc: call "a.b": the result is no int: EOF`},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	long := &Error{Command: "a.b", Code: CodeDefault, Message: strings.Repeat("é", 2000)}
	if n := len(long.Error()); n > 600 {
		t.Errorf("a message of 4000 bytes makes an error of %d", n)
	}
}

func TestTimeOutsAreThoseOfContexts(t *testing.T) {
	if !errors.Is(ErrTimeout, context.DeadlineExceeded) || errors.Is(ErrAborted, context.DeadlineExceeded) {
		t.Error("ErrTimeout does not match context.DeadlineExceeded")
	}
	if deadline := context.Cause(expired(t)); errors.Is(deadline, ErrTimeout) {
		t.Error("any deadline is an ErrTimeout")
	}
}

// expired is a context whose deadline has passed.
func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	cancel()
	return ctx
}

func TestVerdictOf(t *testing.T) {
	wrapped := fmt.Errorf("mine: %w", &CallError{Verdict: NotSent, Err: io.EOF})
	if v, ok := VerdictOf(wrapped); !ok || v != NotSent {
		t.Errorf("%v %v", v, ok)
	}
	for _, err := range []error{nil, io.EOF, &Error{}, &DecodeError{Err: io.EOF}} {
		if _, ok := VerdictOf(err); ok {
			t.Errorf("%v has a verdict", err)
		}
	}
	if MaybeExecuted.String() != "it may have run" || NotSent.String() != "it was not sent" {
		t.Error("the verdicts in words")
	}
}

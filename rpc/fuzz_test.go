package rpc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/wire"
)

func FuzzAnswerID(f *testing.F) {
	for _, topic := range []string{
		"Grom@t::demo.echo.1.finished", "Grom@t::demo.echo.1.error", "a::b.finished.error", ".finished", "..error", "gameover", "", "x.y.finished.activity",
	} {
		f.Add(topic)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		prefix, id, ok := AnswerID(topic)
		isAnswer := strings.HasSuffix(topic, ".finished") || strings.HasSuffix(topic, ".error")
		switch {
		case !ok && (prefix != "" || id != ""):
			t.Errorf("%q is none and gives %q %q", topic, prefix, id)
		case ok && !isAnswer:
			t.Errorf("%q is an answer", topic)
		case ok && prefix+"."+id+".finished" != topic && prefix+"."+id+".error" != topic:
			t.Errorf("%q is not %q %q", topic, prefix, id)
		case ok && strings.Contains(id, "."):
			t.Errorf("the id %q holds a dot", id)
		case !ok && strings.Count(topic, ".") >= 2 && isAnswer:
			t.Errorf("%q is no answer", topic)
		}
	})
}

// Whatever a hall answers with ends the call, and makes an error that can be
// printed.
func FuzzErrors(f *testing.F) {
	for _, data := range []string{`{"message":"m","code":"C"}`, `{"code":"CMD_NOT_AVAILABLE"}`, `null`, `5`, `[`, ``, `{"message":{"code":"CMD_NOT_AVAILABLE"}}`} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if !json.Valid([]byte(data)) {
			data = "null" // the wire lets nothing else pass
		}
		e := newError("demo.run", &wire.Message{Topic: "x", IsError: true, Data: json.RawMessage(data)})
		if e.Error() == "" || e.Code == "" || e.Member("code") == nil {
			t.Errorf("%+v", e)
		}
		for _, name := range []string{"message", "id", "code", "name", "stack", "info"} {
			if m := e.Member(name); m != nil && !json.Valid(m) {
				t.Errorf("%s is %q", name, m)
			}
		}
	})
}

func FuzzRegistry(f *testing.F) {
	f.Add(full)
	f.Add(`{"a":{"options":{"params":{"required":"x..."}}}}`)
	f.Add(`{"a":5}`)
	f.Fuzz(func(t *testing.T, text string) {
		r := NewRegistry([]byte(text), anyTime)
		for _, c := range r.All() {
			if !r.Has(c.Name) || !json.Valid(c.Raw) {
				t.Errorf("%+v", c)
			}
		}
		if !r.Compare(NewRegistry([]byte(text), anyTime)).Empty() {
			t.Error("two registries of one text differ")
		}
		r.Suggest("demo.echo")
	})
}

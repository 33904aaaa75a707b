package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// jsonValue draws JSON text of many forms.
func jsonValue() *rapid.Generator[json.RawMessage] {
	return rapid.Custom(func(t *rapid.T) json.RawMessage {
		var v any
		switch rapid.IntRange(0, 6).Draw(t, "form") {
		case 0:
			v = nil
		case 1:
			v = rapid.String().Draw(t, "string")
		case 2:
			v = rapid.Float64Range(-1e300, 1e300).Draw(t, "number")
		case 3:
			v = rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.String())).Draw(t, "object")
		case 4:
			v = rapid.SliceOf(rapid.MapOf(rapid.String(), rapid.Bool())).Draw(t, "list")
		case 5:
			v = rapid.Bool().Draw(t, "bool")
		case 6:
			return json.RawMessage(" [ 1 , {\"a\" : \"\\u00e9\"} ]\n")
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

func jsonObject() *rapid.Generator[json.RawMessage] {
	return rapid.Map(rapid.MapOf(rapid.String(), rapid.String()), func(m map[string]string) json.RawMessage {
		b, _ := json.Marshal(m)
		return b
	})
}

// maybe draws nil as often as a value.
func maybe(g *rapid.Generator[json.RawMessage]) *rapid.Generator[json.RawMessage] {
	return rapid.OneOf(rapid.Just(json.RawMessage(nil)), g)
}

func anyMessage() *rapid.Generator[*Message] {
	return rapid.Custom(func(t *rapid.T) *Message {
		router := rapid.SampledFrom([]Router{NoRouter, Axon, EE})
		m := &Message{
			Topic:        rapid.StringN(1, 60, -1).Filter(func(s string) bool { return s != TopicHeartbeat }).Draw(t, "topic"),
			ID:           rapid.String().Draw(t, "id"),
			OrcName:      rapid.String().Draw(t, "orcName"),
			Token:        Token(rapid.String().Draw(t, "token")),
			Data:         maybe(jsonValue()).Draw(t, "data"),
			Nested:       rapid.Bool().Draw(t, "nested"),
			IsError:      rapid.Bool().Draw(t, "isError"),
			Serialized:   rapid.Bool().Draw(t, "serialized"),
			Stream:       rapid.Bool().Draw(t, "stream"),
			Broadcasted:  rapid.Bool().Draw(t, "broadcasted"),
			Router:       router.Draw(t, "router"),
			OriginRouter: router.Draw(t, "originRouter"),
			Seq:          rapid.Uint64().Draw(t, "seq"),
		}
		if rapid.Bool().Draw(t, "with rare members") {
			m.Rare = &Rare{
				Horde:      rapid.String().Draw(t, "horde"),
				ARP:        maybe(jsonObject()).Draw(t, "arp"),
				Context:    maybe(jsonValue()).Draw(t, "context"),
				Immu:       maybe(jsonObject()).Draw(t, "immu"),
				Shred:      maybe(jsonObject()).Draw(t, "shred"),
				Forwarding: maybe(jsonObject()).Draw(t, "forwarding"),
				Route:      maybe(jsonValue()).Draw(t, "route"),
			}
		}
		if rapid.Bool().Draw(t, "with chunk") {
			m.Chunk = rapid.SliceOfN(rapid.Byte(), 1, 300).Filter(func(b []byte) bool { return splitArg(b).Kind == Blob }).Draw(t, "chunk")
		}
		if rapid.Bool().Draw(t, "with extra") {
			m.MakeRare().Extra = []byte(`"xbus":1,"seq":[2]`)
		}
		return m
	})
}

// dumpFields shows all that is exported, whole; two messages with the same dump
// are the same for their users.
func dumpFields(m *Message) string {
	return fmt.Sprintf("%q %q %q %q %q %q|%v %v %v %v %v %v|%v %v %q %d|%s|%s|%s|%s|%s|%s",
		m.Topic, m.ID, m.OrcName, string(m.Token), bytes.TrimSpace(m.Data), m.Chunk,
		m.Nested, m.IsError, m.Serialized, m.Stream, m.Broadcasted, m.Bare,
		m.Router, m.OriginRouter, m.Horde(), m.Seq,
		m.ARP(), bytes.TrimSpace(m.Context()), m.Immu(), m.Shred(), m.Forwarding(), bytes.TrimSpace(m.Route()))
}

func TestMessageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMessage().Draw(t, "message")
		if err := Check(m); err != nil {
			t.Fatal(err)
		}
		frame, err := Append(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewReader(bytes.NewReader(frame), Limits{}).Next()
		if err != nil {
			t.Fatal(err)
		}
		if g, w := dumpFields(got), dumpFields(m); g != w {
			t.Fatalf("read\n%s, want\n%s", g, w)
		}
		if m.Extra() != nil && string(got.Member("seq")) != "[2]" {
			t.Errorf("the member seq is %s", got.Member("seq"))
		}

		// Copies are the same, in content and in bytes, and edits are written.
		edited := got.Edit()
		for name, c := range map[string]*Message{"clone": got.Clone(), "edit": edited, "clone of an edit": edited.Clone()} {
			if g, w := dumpFields(c), dumpFields(m); g != w {
				t.Fatalf("the %s is\n%s, want\n%s", name, g, w)
			}
			if again, err := Append(nil, c); err != nil || !bytes.Equal(again, frame) && name == "clone" {
				t.Fatalf("the %s is written as\n%q, %v, want\n%q", name, again, err, frame)
			}
		}
		if again, _ := Append(nil, edited); len(bytes.TrimSpace(m.Data)) == len(m.Data) &&
			len(bytes.TrimSpace(m.Context())) == len(m.Context()) && len(bytes.TrimSpace(m.Route())) == len(m.Route()) && !bytes.Equal(again, frame) {
			t.Fatalf("the edit is written as\n%q, want\n%q", again, frame)
		}
		if size := got.Size(); size < len(m.Data)+len(m.Chunk) || size > len(frame) {
			t.Errorf("a size of %d, the frame has %d", size, len(frame))
		}
	})
}

func TestEdit(t *testing.T) {
	const envelope = `{"first":[1],"_xcraftMessage":true,"to\u006ben":"old","id":"1","topic":"x","data":1,"isNested":true,"x\u0079":"\u00e9","data":2}`
	m := &Message{}
	if err := new(usual).parseEnvelope(m, []byte(envelope)); err != nil {
		t.Fatal(err)
	}
	m.Topic = "demo::a"
	if m.Token != "old" || string(m.Data) != "2" || string(m.Member("xy")) != `"\u00e9"` || m.Member("none") != nil {
		t.Errorf("read %s", dumpFields(m))
	}
	e := m.Edit()
	e.Token, e.Data, e.Nested = "new", nil, false
	want := `{"_xcraftMessage":true,"token":"new","id":"1","topic":"demo::a","isNested":false,"isError":false,"first":[1],"x\u0079":"\u00e9"}`
	if got := string(AppendEnvelope(nil, e)); got != want {
		t.Errorf("written\n%s, want\n%s", got, want)
	}
	if e.Raw() != nil || e.Member("first") != nil {
		t.Error("an edited message still shows what was received")
	}
	if got := string(AppendEnvelope(nil, m)); got != envelope {
		t.Errorf("the message itself is now %s", got)
	}
}

func TestBareMessages(t *testing.T) {
	for _, envelope := range []string{
		`{}`,
		`{"orcName":"Grom@token"}`,
		`{"code":"X","message":"no"}`,
		`{"token":"t","data":{"a":1},"isNested":false,"more":null}`,
		`{"_xcraftMessage":false,"id":"1"}`,
	} {
		m := &Message{Topic: TopicDeleteRoute}
		if err := new(usual).parseEnvelope(m, []byte(envelope)); err != nil || !m.Bare {
			t.Fatalf("%s: bare is %v, %v", envelope, m.Bare, err)
		}
		for name, c := range map[string]*Message{"itself": m, "edit": m.Edit(), "clone of an edit": m.Edit().Clone()} {
			if got := string(AppendEnvelope(nil, c)); got != envelope {
				t.Errorf("%s: the %s is written as %s", envelope, name, got)
			}
		}
	}
}

// Members of a wrong type count as absent; the last of two counts.
func TestOddMembers(t *testing.T) {
	for envelope, want := range map[string]Message{
		`{"token":5,"orcName":null,"id":["a"],"_xcraftHorde":{}}`:         {Nested: true, Bare: true},
		`{"arp":[],"_xImmu":1,"_xShred":"{}","forwarding":null}`:          {Nested: true, Bare: true},
		`{"router":null,"originRouter":7}`:                                {Nested: true, Bare: true},
		`{"router":"ee","originRouter":"\u0061xon"}`:                      {Nested: true, Bare: true, Router: EE, OriginRouter: Axon},
		`{"router":"zmq","originRouter":""}`:                              {Nested: true, Bare: true, Router: OtherRouter},
		`{"_xcraftMessage":1,"isError":"yes","serialized":0}`:             {Nested: true, IsError: true},
		`{"isNested":null}`:                                               {Nested: true, Bare: true},
		`{"isNested":"false"}`:                                            {Nested: true, Bare: true},
		`{"isNested":0}`:                                                  {Nested: true, Bare: true},
		`{"isNested":false}`:                                              {Bare: true},
		`{"isNested":false,"isNested":true,"id":"1","id":"2","id":false}`: {Nested: true, Bare: true},
		`{"id":"\ud83d\ude00\n"}`:                                         {Nested: true, Bare: true, ID: "😀\n"},
		"{\"id\":\"a\xffb\"}":                                             {Nested: true, Bare: true, ID: "a\ufffdb"},
		`{"_xbusSeq":7}`:                                                  {Nested: true, Bare: true, Seq: 7},
		`{"_xbusSeq":18446744073709551616}`:                               {Nested: true, Bare: true},
		`{"_xbusSeq":-1}`:                                                 {Nested: true, Bare: true},
		`{"_xbusSeq":"7"}`:                                                {Nested: true, Bare: true},
		`{"ID":"1","Token":"t"}`:                                          {Nested: true, Bare: true},
	} {
		var m Message
		if err := new(usual).parseEnvelope(&m, []byte(envelope)); err != nil {
			t.Errorf("%s: %v", envelope, err)
		}
		if got, want := dumpFields(&m), dumpFields(&want); got != want {
			t.Errorf("%s is read as\n%s, want\n%s", envelope, got, want)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	full := &Message{Topic: "demo.echo", ID: "1", OrcName: "Grom@token", Token: "token",
		Data: []byte(`{"a":1}`), Chunk: []byte("chunk"), Rare: &Rare{Horde: "thrall",
			ARP: []byte(`{"b":2}`), Context: []byte(`{"c":3}`), Immu: []byte(`{"d":4}`), Shred: []byte(`{"e":5}`),
			Forwarding: []byte(`{"f":6}`), Route: []byte(`[7]`)}}
	frame := mustAppend(t, full)
	m := mustRead(t, frame)
	edited := m.Edit()
	edited.MakeRare().Extra = []byte(`"g":8`)
	for name, m := range map[string]*Message{"received": m, "edited": edited} {
		c := m.Clone()
		want, text := dumpFields(m), string(AppendEnvelope(nil, m))
		for _, part := range [][]byte{[]byte(m.Raw()), m.Data, m.ARP(), m.Context(), m.Immu(), m.Shred(), m.Forwarding(), m.Route(), m.Chunk, m.Extra(),
			bytesOf(m.Topic), bytesOf(m.ID), bytesOf(m.OrcName), bytesOf(string(m.Token)), bytesOf(m.Horde())} {
			part := part
			saved := bytes.Clone(part)
			clear(part)
			if dumpFields(c) != want || string(AppendEnvelope(nil, c)) != text {
				t.Errorf("%s: the clone shares %q", name, saved)
			}
			copy(part, saved)
		}
	}
	if c := (&Message{}).Clone(); c.Data != nil || c.Chunk != nil || c.Extra() != nil || c.Raw() != nil {
		t.Error("the clone has members that the message has not")
	}
}

// bytesOf is the memory of a string that a message points to; tests write to it.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func TestAppendRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		m      Message
		reason error
	}{
		{"no topic", Message{}, ErrTopic},
		{"a topic that is not UTF-8", Message{Topic: "a\xff"}, ErrTopic},
		{"a heartbeat with an empty chunk", Message{Topic: TopicHeartbeat, Chunk: []byte{}}, ErrChunk},
		{"an empty chunk", Message{Topic: "a", Chunk: []byte{}}, ErrChunk},
		{"a chunk like a string", Message{Topic: "a", Chunk: []byte("s:text")}, ErrChunk},
		{"a chunk like JSON", Message{Topic: "a", Chunk: []byte("j:")}, ErrChunk},
		{"a chunk like an integer", Message{Topic: "a", Chunk: []byte("b:x")}, ErrChunk},
	} {
		got, err := Append([]byte("before"), &c.m)
		if _, typed := errors.AsType[*FormatError](err); !typed || !errors.Is(err, c.reason) || string(got) != "before" {
			t.Errorf("%s: %q, %v; want %v and nothing written", c.name, got, err, c.reason)
		}
		if err := Check(&c.m); !errors.Is(err, c.reason) {
			t.Errorf("%s: checked as %v, want %v", c.name, err, c.reason)
		}
	}
	for n, want := range map[int]error{0: ErrArguments, 1: nil, 15: nil, 16: ErrArguments, 32: ErrArguments} {
		if _, err := AppendFrame(nil, make([]Arg, n)...); n != 1 && n != 15 && !errors.Is(err, want) {
			t.Errorf("%d arguments: %v, want %v", n, err, want)
		}
		args := make([]Arg, n)
		for i := range args {
			args[i] = ArgString("")
		}
		if _, err := AppendFrame(nil, args...); !errors.Is(err, want) {
			t.Errorf("%d strings: %v, want %v", n, err, want)
		}
	}
	for size, fits := range map[uint64]bool{0: true, 1<<32 - 1: true, 1 << 32: false, 1 << 40: false} {
		if err := checkLength(size); (err == nil) != fits || err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("an argument of %d bytes: %v", size, err)
		}
	}
}

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"":                                `""`,
		"plain":                           `"plain"`,
		"é😀":                              `"é😀"`,
		`say "no" \ yes`:                  `"say \"no\" \\ yes"`,
		"\b\t\n\f\r":                      `"\b\t\n\f\r"`,
		"\x00\x1f\x7f":                    "\"\\u0000\\u001f\x7f\"",
		"<script>&\u2028\u2029":           "\"<script>&\u2028\u2029\"",
		"a\xffb\xe2\x82":                  "\"a\ufffdb\ufffd\ufffd\"",
		"a long plain text\nthat goes on": `"a long plain text\nthat goes on"`,
	} {
		if got := string(AppendString([]byte("x"), in)); got != "x"+want {
			t.Errorf("%q is written as %s, want %s", in, got[1:], want)
		}
	}
}

func TestRouterNames(t *testing.T) {
	for r, want := range map[Router]string{NoRouter: "", Axon: "axon", EE: "ee", OtherRouter: "other"} {
		if r.String() != want {
			t.Errorf("%d is %q, want %q", r, r, want)
		}
	}
	// Only the two that the protocol knows are written.
	m := &Message{Topic: "a", Router: OtherRouter, OriginRouter: NoRouter}
	if text := string(AppendEnvelope(nil, m)); strings.Contains(strings.ToLower(text), "router") {
		t.Errorf("written: %s", text)
	}
}

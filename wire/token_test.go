package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
)

const secret = "0123456789abcdef0123456789abcdef"

// fullMessage has the secret wherever a message can have it.
func fullMessage(t *testing.T) *Message {
	m := &Message{
		Topic: "Grom@" + secret + "::demo.echo.1.finished", ID: "1", OrcName: "Grom@" + secret, Token: secret, IsError: true,
		Data: []byte(`{"token":"` + secret + `"}`), Rare: &Rare{ARP: []byte(`{"Grom@` + secret + `":{}}`)}, Chunk: []byte(secret),
	}
	return mustRead(t, mustAppend(t, m))
}

func TestTokensAreNotPrinted(t *testing.T) {
	m := fullMessage(t)
	token := Token(secret)
	state := struct {
		Name  string
		Token Token
		Inner []Token
		Last  *Message
	}{"state", token, []Token{token}, m}

	dumps := map[string]string{}
	for name, v := range map[string]any{"token": token, "pointer": &token, "message": m, "value": *m, "messages": []*Message{m}, "state": state, "pointer to state": &state} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%20v", "%.40s", "%t", "%T"} {
			dumps[name+" "+verb] = fmt.Sprintf(verb, v)
		}
		dumps[name+" print"] = fmt.Sprintln(v)
		b, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		dumps[name+" json"] = string(b)
		for kind, handler := range map[string]func(*bytes.Buffer) slog.Handler{
			"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			"slog json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(handler(&b)).Info("dump", "value", v)
			dumps[name+" "+kind] = b.String()
		}
	}
	for name, dump := range dumps {
		if strings.Contains(dump, secret[8:24]) || strings.Contains(dump, fmt.Sprintf("%x", secret[8:24])) ||
			strings.Contains(dump, fmt.Sprintf("%X", secret[8:24])) || strings.Contains(dump, "52 53 54 55 56 57") {
			t.Errorf("%s shows the token: %s", name, dump)
		}
	}
	for name, want := range map[string]string{
		"token %v":      "0123…",
		"token %q":      `"0123…"`,
		"token %#v":     `wire.Token("0123…")`,
		"token json":    `"0123…"`,
		"message %v":    "Grom@0123…::demo.echo.1.finished id=1 orc=Grom@0123… error data=44B chunk=32B",
		"message json":  `{"topic":"Grom@0123…::demo.echo.1.finished","id":"1","orcName":"Grom@0123…","token":"0123…","isError":true,"dataBytes":44,"chunkBytes":32}`,
		"message %#v":   `wire.Message("Grom@0123…::demo.echo.1.finished id=1 orc=Grom@0123… error data=44B chunk=32B")`,
		"token %20v":    "               0123…",
		"token %T":      "wire.Token",
		"message print": "Grom@0123…::demo.echo.1.finished id=1 orc=Grom@0123… error data=44B chunk=32B\n",
	} {
		if dumps[name] != want {
			t.Errorf("%s: %s, want %s", name, dumps[name], want)
		}
	}
	if got := fmt.Sprint((*Message)(nil)); got != "<nil>" {
		t.Errorf("no message prints as %s", got)
	}
	if string(token) != secret {
		t.Error("a conversion gives another token")
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"":                                     "",
		"demo::ticked":                         "demo::ticked",
		"Grom@" + secret:                       "Grom@0123…",
		"Grom@" + secret + "::a.b":             "Grom@0123…::a.b",
		secret + "::autoconnect.x":             "0123…::autoconnect.x",
		"x::y.Grom@" + secret + "$1":           "x::y.Grom@0123…$1",
		"A@" + secret + "$" + secret:           "A@0123…$0123…",
		"Grom@0123456789abcdef::a":             "Grom@0123…::a", // of a shorter kind
		"Grom@token::a":                        "Grom@token::a",
		"Grom@1234::a@":                        "Grom@1234::a@",
		"a@12345678":                           "a@12345678",
		"a@123456789":                          "a@1234…",
		"c9bf9e57-1685-4c89-bafb-ff5af830be8a": "c9bf9e57-1685-4c89-bafb-ff5af830be8a",
		"x" + secret[:31]:                      "x" + secret[:31],
		"é@" + strings.ToUpper(secret):         "é@0123…",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[Token]string{"": "", "invalid": "invalid", "12345678": "12345678", "123456789": "1234…", secret: "0123…"} {
		if got := in.String(); got != want {
			t.Errorf("%q prints as %q, want %q", string(in), got, want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { Redact("demo::ticked.Grom@1234") }); n > 0 {
		t.Errorf("%v allocations where there is nothing to do", n)
	}
}

func TestNewToken(t *testing.T) {
	seen := map[Token]bool{}
	for range 1000 {
		token := NewToken()
		if len(token) != 32 || strings.Trim(string(token), "0123456789abcdef") != "" || seen[token] {
			t.Fatalf("a bad token: %q", string(token))
		}
		seen[token] = true
	}
}

func TestNewID(t *testing.T) {
	const n = 50_000
	seen := make(map[string]bool, n)
	var all, none uuid.UUID // bits that were always, bits that were ever set
	for i := range all {
		all[i] = 0xff
	}
	for range n {
		id := NewID()
		u, err := uuid.Parse(id)
		if err != nil || u.Version() != 4 || u.Variant() != uuid.RFC4122 || u.String() != id || len(id) != IDLen {
			t.Fatalf("%q is not a UUID of version 4: %v", id, err)
		}
		if seen[id] {
			t.Fatalf("%q twice", id)
		}
		seen[id] = true
		for i, b := range u {
			all[i] &= b
			none[i] |= b
		}
	}
	if all.String() != "00000000-0000-4000-8000-000000000000" || none.String() != "ffffffff-ffff-4fff-bfff-ffffffffffff" {
		t.Errorf("bits that never change: %s, %s", all, none)
	}
	var b [IDLen]byte
	PutID(&b)
	if _, err := uuid.ParseBytes(b[:]); err != nil {
		t.Errorf("PutID wrote %q: %v", b, err)
	}
}

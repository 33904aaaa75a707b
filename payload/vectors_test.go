package payload_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/xcraft-go/xbus/payload"
)

// payloadVector is an entry of payloads.json or payloads-decode-only.json.
type payloadVector struct {
	Name, Encoded string
	Value         json.RawMessage
	Decoded       json.RawMessage
	DecodeError   string
}

// What this package refuses to write, where the reference changes the value.
var refusedInText = map[string]string{
	"Buffer (becomes an object)":          `payload: $.b: a buffer cannot travel inside an Immutable payload: send it as data.chunk, or as a base64 string`,
	"Shredder inside (becomes an object)": `payload: $.s: a Shredder cannot travel inside an Immutable payload: it travels as data or as a direct member of data; put its State here`,
}

// What the notation does not tell of a value.
var untold = map[string]func(payload.Value) payload.Value{
	"plain Map with a member": func(v payload.Value) payload.Value {
		return payload.NewList(payload.Build(payload.KindJSMap).Set("k", 1).Member("member", true).Value())
	},
	"plain Set with a member": func(v payload.Value) payload.Value {
		return payload.NewList(payload.Build(payload.KindJSSet).Add(1).Member("member", true).Value())
	},
}

func TestPayloadVectors(t *testing.T) {
	vectors := load[payloadVector](t, "payloads.json")
	if len(vectors) != 47 {
		t.Errorf("%d vectors, want 47", len(vectors))
	}
	for _, vector := range vectors {
		t.Run(vector.Name, func(t *testing.T) {
			value := read(t, vector.Value)
			if tell := untold[vector.Name]; tell != nil {
				value = tell(value)
			}
			text, err := payload.Append(nil, value)
			if refused := refusedInText[vector.Name]; refused != "" {
				if err == nil || err.Error() != refused {
					t.Errorf("refused with %v, want %s", err, refused)
				}
			} else if err != nil || string(text) != vector.Encoded {
				t.Errorf("written\n%s, %v, want\n%s", text, err, vector.Encoded)
			}

			decoded, err := payload.Decode([]byte(vector.Encoded), payload.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if vector.Decoded != nil {
				value = read(t, vector.Decoded)
			}
			if !decoded.Equal(value) || !value.Equal(decoded) {
				t.Errorf("read %v, want %v", decoded, value)
			}
			again, err := payload.Append(nil, decoded)
			if err != nil || string(again) != vector.Encoded {
				t.Errorf("written again\n%s, %v, want\n%s", again, err, vector.Encoded)
			}
		})
	}
}

func TestDecodeOnlyVectors(t *testing.T) {
	vectors := load[payloadVector](t, "payloads-decode-only.json")
	if len(vectors) != 19 {
		t.Errorf("%d vectors, want 19", len(vectors))
	}
	for _, vector := range vectors {
		t.Run(vector.Name, func(t *testing.T) {
			decoded, err := payload.Decode([]byte(vector.Encoded), payload.Limits{})
			if vector.DecodeError != "" {
				if _, ok := errors.AsType[*payload.SyntaxError](err); !ok {
					t.Errorf("read %v, %v, want a SyntaxError", decoded, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := read(t, vector.Decoded); !decoded.Equal(want) || !want.Equal(decoded) {
				t.Errorf("read %v, want %v", decoded, want)
			}
		})
	}
}

type messageVector struct {
	Name            string
	Value, Received json.RawMessage
	Wire            []json.RawMessage
}

// What JavaScript changes when it sends it, and this package refuses: only
// Plain of it is sent.
var refusedInMessages = map[string]string{
	"immutable too deep (plain JSON)": `payload: $.a.b: a Map would lose its kind so deep in a message: move it up to data or a direct member of data, or send its Plain form`,
	"NaN and infinity (null)":         `payload: $.a: NaN cannot travel in plain JSON: put it into an immutable value, or send null`,
	"undefined member (dropped)":      `payload: $.b[0]: undefined in an array cannot travel in plain JSON: send null`,
	"buffer data (JSON form)":         `payload: $: a buffer cannot be data itself: make it the member chunk of data`,
}

// The notation cannot say what these are; their JSON is written by others.
var unspoken = map[string]bool{
	"date (string)": true, "function member (dropped)": true,
}

func TestMessageVectors(t *testing.T) {
	vectors := load[messageVector](t, "messages.json")
	if len(vectors) != 30 {
		t.Errorf("%d vectors, want 30", len(vectors))
	}
	for _, vector := range vectors {
		t.Run(vector.Name, func(t *testing.T) {
			want := parts(t, vector)
			value := read(t, vector.Value)
			if !unspoken[vector.Name] {
				checkPacked(t, vector.Name, value, want)
			}
			received, err := payload.Unpack(want, payload.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if expected := read(t, vector.Received); !received.Equal(expected) {
				t.Errorf("received %v, want %v", received, expected)
			}
		})
	}
}

// parts returns what the wire of a vector holds of its payload.
func parts(t *testing.T, vector messageVector) payload.Parts {
	var m struct {
		Data   json.RawMessage `json:"data"`
		XImmu  json.RawMessage `json:"_xImmu"`
		XShred json.RawMessage `json:"_xShred"`
	}
	if err := json.Unmarshal(vector.Wire[0], &m); err != nil {
		t.Fatal(err)
	}
	p := payload.Parts{Data: m.Data, Immu: m.XImmu, Shred: m.XShred}
	if len(vector.Wire) > 1 {
		p.Chunk, _ = read(t, vector.Wire[1]).Bytes()
	}
	return p
}

func checkPacked(t *testing.T, name string, value payload.Value, want payload.Parts) {
	t.Helper()
	got, err := payload.Pack(value)
	if refused := refusedInMessages[name]; refused != "" {
		if err == nil || err.Error() != refused {
			t.Errorf("refused with %v, want %s", err, refused)
		}
		if name == "buffer data (JSON form)" {
			return // the reference sends an empty buffer
		}
		plain, err := payload.Plain(value)
		if err != nil {
			t.Fatal(err)
		}
		got, err = payload.Pack(plain)
		if err != nil {
			t.Fatal(err)
		}
	} else if err != nil {
		t.Fatal(err)
	}
	if string(got.Data) != string(want.Data) || string(got.Immu) != string(want.Immu) || string(got.Shred) != string(want.Shred) {
		t.Errorf("packed\n%s %s %s, want\n%s %s %s", got.Data, got.Immu, got.Shred, want.Data, want.Immu, want.Shred)
	}
	if !bytes.Equal(got.Chunk, want.Chunk) || (got.Chunk == nil) != (want.Chunk == nil) {
		t.Errorf("chunk %x, want %x", got.Chunk, want.Chunk)
	}
}

package wire

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
)

// rewritten lists the recorded messages whose text xbus would write in another
// way if it made them itself, and why.
var rewritten = map[string]string{
	"broadcast: shout": "the client whose message is passed on has written originRouter first",
	"gameover":         "the reference leaves out topic, isNested and isError; clients do not look at them",
}

func TestEnvelopesOfTheReference(t *testing.T) {
	var vectors []struct {
		Name, Direction string
		Args            []json.RawMessage
	}
	load(t, "envelopes.json", &vectors)
	if len(vectors) != 68 {
		t.Fatalf("%d messages, want all 68", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			frame, err := AppendFrame(nil, notations(t, v.Args)...)
			if err != nil {
				t.Fatal(err)
			}
			m := mustRead(t, frame)
			if len(v.Args) == 1 {
				if !m.IsHeartbeat() || m != Heartbeat() {
					t.Errorf("%v is not the heartbeat", m)
				}
				return
			}
			envelope := compact(t, v.Args[1])
			checkFields(t, m, envelope)
			if string(m.Raw()) != string(envelope) {
				t.Errorf("Raw\n%s, want\n%s", m.Raw(), envelope)
			}
			if len(v.Args) == 3 && !bytes.Equal(m.Chunk, notation(t, v.Args[2]).Bytes) {
				t.Errorf("a chunk of %d bytes, want another", len(m.Chunk))
			}

			if again := mustAppend(t, m); !bytes.Equal(again, frame) {
				t.Errorf("passed on as\n%q, want\n%q", again, frame)
			}
			edited := m.Edit()
			if !m.Bare && len(edited.Extra()) > 0 {
				t.Errorf("no field for %s", edited.Extra())
			}
			text := string(AppendEnvelope(nil, edited))
			if rewritten[v.Name] != "" {
				if text == string(envelope) {
					t.Error("it is written as the reference does: strike it from the list")
				}
				contains(t, text, envelope)
				return
			}
			if text != string(envelope) {
				t.Errorf("written anew\n%s, want\n%s", text, envelope)
			}
		})
	}
}

// contains checks that an object holds at least the members of another.
func contains(t *testing.T, got string, want []byte) {
	t.Helper()
	var g, w map[string]any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	for k, v := range w {
		if !reflect.DeepEqual(g[k], v) {
			t.Errorf("the member %s is %v, want %v", k, g[k], v)
		}
	}
}

// checkFields compares the fields of a message with what encoding/json finds.
func checkFields(t testing.TB, m *Message, envelope []byte) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(envelope, &members); err != nil {
		t.Fatal(err)
	}
	str := func(name string) (s string) {
		_ = json.Unmarshal(members[name], &s) // other types: absent
		return s
	}
	object := func(name string) []byte {
		if raw := members[name]; len(raw) > 0 && raw[0] == '{' {
			return raw
		}
		return nil
	}
	router := func(name string) Router {
		switch s := str(name); s {
		case "":
			return NoRouter
		case "axon":
			return Axon
		case "ee":
			return EE
		}
		return OtherRouter
	}
	for _, f := range []struct {
		name      string
		got, want any
	}{
		{"_xcraftMessage", m.Bare, !isTruthy(members["_xcraftMessage"])},
		{"token", string(m.Token), str("token")},
		{"orcName", m.OrcName, str("orcName")},
		{"id", m.ID, str("id")},
		{"_xcraftHorde", m.Horde(), str("_xcraftHorde")},
		{"_xbusSeq", m.Seq, number(members["_xbusSeq"])},
		{"isNested", m.Nested, string(members["isNested"]) != "false"},
		{"isError", m.IsError, isTruthy(members["isError"])},
		{"serialized", m.Serialized, isTruthy(members["serialized"])},
		{"_xcraftStream", m.Stream, isTruthy(members["_xcraftStream"])},
		{"_xcraftBroadcasted", m.Broadcasted, isTruthy(members["_xcraftBroadcasted"])},
		{"router", m.Router, router("router")},
		{"originRouter", m.OriginRouter, router("originRouter")},
	} {
		if f.got != f.want {
			t.Errorf("%s is %#v, want %#v in %s", f.name, f.got, f.want, envelope)
		}
	}
	for _, f := range []struct {
		name      string
		got, want []byte
	}{
		{"data", m.Data, members["data"]},
		{"context", m.Context(), members["context"]},
		{"route", m.Route(), members["route"]},
		{"arp", m.ARP(), object("arp")},
		{"_xImmu", m.Immu(), object("_xImmu")},
		{"_xShred", m.Shred(), object("_xShred")},
		{"forwarding", m.Forwarding(), object("forwarding")},
	} {
		if !bytes.Equal(f.got, f.want) || (f.got == nil) != (f.want == nil) {
			t.Errorf("%s is %q, want %q", f.name, f.got, f.want)
		}
	}
	for name, raw := range members {
		if got := m.Member(name); !bytes.Equal(got, raw) {
			t.Errorf("Member(%q) is %q, want %q", name, got, raw)
		}
	}
}

// number returns an integer without sign, 0 for other values.
func number(raw json.RawMessage) (n uint64) {
	if json.Unmarshal(raw, &n) != nil {
		return 0
	}
	return n
}

// isTruthy is the rule of JavaScript, over values of encoding/json.
func isTruthy(raw json.RawMessage) bool {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return len(raw) > 0 // a number out of range
	}
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		return v != ""
	}
	return true
}

type direction struct {
	Chunks []struct{ Base64 []byte }
	Frames []struct {
		Bytes  int
		SHA256 string
		Args   []json.RawMessage
	}
}

func TestCapturedSessions(t *testing.T) {
	for _, file := range []string{"capture-tcp.json", "capture-unix.json"} {
		var capture struct {
			Sockets struct {
				Notifier  struct{ ToClient direction }
				Commander struct{ ToServer direction }
			}
		}
		load(t, file, &capture)
		for name, d := range map[string]direction{
			"events": capture.Sockets.Notifier.ToClient, "commands": capture.Sockets.Commander.ToServer,
		} {
			t.Run(strings.TrimSuffix(file, ".json")+"/"+name, func(t *testing.T) {
				replay(t, d, file == "capture-tcp.json")
			})
		}
	}
}

func replay(t *testing.T, d direction, zipped bool) {
	var chunks pieces
	for _, c := range d.Chunks {
		chunks = append(chunks, c.Base64)
	}
	var src io.Reader = &chunks
	if zipped {
		z, err := gzip.NewReader(src)
		if err != nil {
			t.Fatal(err)
		}
		src = z
	}
	var stream bytes.Buffer // the stream again, to cut the frames from
	r := NewReader(io.TeeReader(src, &stream), Limits{})
	if len(d.Frames) == 0 {
		t.Fatal("no frames")
	}
	for i, want := range d.Frames {
		begin := r.offset + int64(r.size)
		m, err := r.Next()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		frame := stream.Bytes()[begin : r.offset+int64(r.size)]
		if sum := sha256.Sum256(frame); len(frame) != want.Bytes || hex.EncodeToString(sum[:]) != want.SHA256 {
			t.Fatalf("frame %d is %d bytes of another content", i, len(frame))
		}
		if topic := notation(t, want.Args[0]); m.Topic != string(topic.Bytes) {
			t.Errorf("frame %d has the topic %q, want %q", i, m.Topic, topic.Bytes)
		}
		if m.IsHeartbeat() {
			continue
		}
		if recorded := compact(t, want.Args[1]); !bytes.Contains(recorded, []byte("cmdRegistry")) {
			checkFields(t, m, recorded)
		}
		if len(want.Args) > 2 && !bytes.Equal(m.Chunk, notation(t, want.Args[2]).Bytes) {
			t.Errorf("frame %d has the chunk %x", i, m.Chunk)
		}
		if again := mustAppend(t, m.Edit()); !bytes.Equal(again, frame) {
			t.Errorf("frame %d is written anew as\n%q, want\n%q", i, again, frame)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("behind the last frame: %v, want EOF", err)
	}
}

package wire

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// An Encoder writes what Append writes, whatever came before.
func TestEncoderIsAppend(t *testing.T) {
	few := func(t *rapid.T, label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
	rapid.Check(t, func(t *rapid.T) {
		var e Encoder
		var got, want []byte
		for range rapid.IntRange(1, 40).Draw(t, "messages") {
			m := &Message{
				Topic:   few(t, "topic", "a::b", "a::b", "a::c", `a,"id":"x`, "é\n", "a\xff", "", TopicHeartbeat, strings.Repeat("t", 300)),
				OrcName: few(t, "orc", "a", "a", "b", `,"id":"`, ""),
				Token:   Token(few(t, "token", benchToken, benchToken, "t")),
				ID:      few(t, "id", someID, someID, `"`, ""),
				Seq:     rapid.Uint64Range(0, 3).Draw(t, "seq"),
				IsError: rapid.IntRange(0, 9).Draw(t, "error") == 0,
				Router:  rapid.SampledFrom([]Router{Axon, Axon, EE, OtherRouter}).Draw(t, "router"),
			}
			switch rapid.IntRange(0, 9).Draw(t, "form") {
			case 0:
				m.Bare = true
			case 1:
				m.Chunk = []byte("chunk")
			case 2:
				m.Rare = &Rare{Extra: []byte(`"x":1`)}
			case 3:
				m.Data = []byte("1")
				m.Share()
			case 4:
				m.raw = []byte(`{"x":1}`)
			case 5: // no payload
			default:
				m.Data = []byte(few(t, "data", `1`, `{"text":",\"data\":"}`))
			}
			var wantErr, gotErr error
			want, wantErr = Append(want, m)
			got, gotErr = e.Append(got, m)
			if errorText(gotErr) != errorText(wantErr) || !bytes.Equal(got, want) {
				t.Fatalf("%q, %v; want %q, %v", got, gotErr, want, wantErr)
			}
		}
	})
}

// What an Encoder keeps is its own: the memory of a message is used again.
func TestEncoderKeepsNothing(t *testing.T) {
	memory := []byte("topic::a;" + "orc;" + benchToken)
	fields := func() *Message {
		return &Message{Topic: alias(memory[:8]), OrcName: alias(memory[9:12]), Token: Token(alias(memory[13:])), ID: someID, Data: []byte("1")}
	}
	var e Encoder
	if _, err := e.Append(nil, fields()); err != nil || !e.ready {
		t.Fatal("nothing is expected after a message", err)
	}
	for i := range memory {
		memory[i]++
		m := fields()
		if got, _ := e.Append(nil, m); !bytes.Equal(got, mustAppend(t, m)) {
			t.Errorf("with byte %d changed: %q", i, got)
		}
		memory[i]--
		for range 3 {
			_, _ = e.Append(nil, fields())
		}
	}
}

func BenchmarkEncoder(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name, func(b *testing.B) {
			m := benchEvent(s.size)
			var e Encoder
			dst := mustAppend(b, m)
			b.SetBytes(int64(len(dst)))
			b.ReportAllocs()
			for b.Loop() {
				m.Seq++
				var err error
				if dst, err = e.Append(dst[:0], m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

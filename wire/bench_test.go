package wire

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

const (
	benchToken = "6b2aa44918594bf592b8d88ff68e4411"
	benchOrc   = "Worthag@" + benchToken
)

// benchEvent is an event whose frame has about size bytes, with a payload of
// many small members.
func benchEvent(size int) *Message {
	m := &Message{Topic: "demo::ticked", OrcName: "demo", Token: benchToken, ID: NewID(), Router: Axon, OriginRouter: Axon}
	const item = `{"id":"app@main","view":"list","count":1234,"ratio":0.5,"ready":true}`
	items := max(size-260, 1)/len(item) + 1
	m.Data = []byte("[" + strings.Repeat(item+",", items-1) + item + "]")
	return m
}

// benchCommand is a command as a client sends it.
func benchCommand() *Message {
	return &Message{
		Topic: "demo.echo", OrcName: benchOrc, Token: benchToken, ID: NewID(),
		Data: []byte(`{"x":1}`), Router: Axon, OriginRouter: Axon,
		Rare: &Rare{ARP: []byte(`{"` + benchOrc + `":{"token":"` + benchToken + `","nice":0,"noForwarding":false,"nodeName":"zog","port":48566,"hordes":[]}}`)},
	}
}

var sizes = []struct {
	name string
	size int
}{{"300B", 300}, {"1KB", 1 << 10}, {"64KB", 64 << 10}}

func BenchmarkParseEnvelope(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name, func(b *testing.B) {
			text := AppendEnvelope(nil, benchEvent(s.size))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var u usual
			for b.Loop() {
				m := Message{Topic: "demo::ticked"}
				if err := u.parseEnvelope(&m, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValid(b *testing.B) {
	for name, text := range map[string]string{
		"string/100B": `"` + strings.Repeat("x", 100) + `"`,
		"string/1KB":  `"` + strings.Repeat("x", 1<<10) + `"`,
		"string/64KB": `"` + strings.Repeat("x", 64<<10) + `"`,
		"lines/64KB":  `"` + strings.Repeat(strings.Repeat("x", 70)+`\n`, 900) + `"`,
		"quotes/64KB": `"` + strings.Repeat(`\"key\":`, 8<<10) + `"`,
	} {
		b.Run(name, func(b *testing.B) {
			value := []byte(text)
			b.SetBytes(int64(len(value)))
			for b.Loop() {
				if !Valid(value) {
					b.Fatal("not valid")
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	received := mustRead(b, mustAppend(b, benchEvent(300)))
	for _, c := range []struct {
		name string
		m    *Message
	}{
		{"command", benchCommand()},
		{"event/300B", benchEvent(300)},
		{"event/1KB", benchEvent(1 << 10)},
		{"event/64KB", benchEvent(64 << 10)},
		{"forward/300B", received},
	} {
		b.Run(c.name, func(b *testing.B) {
			dst := mustAppend(b, c.m)
			b.SetBytes(int64(len(dst)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = Append(dst[:0], c.m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// repeat gives the same bytes again and again, so many at a time.
type repeat struct {
	data []byte
	at   int
	step int
}

func (r *repeat) Read(p []byte) (int, error) {
	if len(p) > r.step {
		p = p[:r.step]
	}
	n := 0
	for n < len(p) {
		c := copy(p[n:], r.data[r.at:])
		n += c
		if r.at += c; r.at == len(r.data) {
			r.at = 0
		}
	}
	return n, nil
}

// BenchmarkReader shows what a message costs on a connection that has been
// running for a while: its bytes come in segments of 16 KiB.
func BenchmarkReader(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name, func(b *testing.B) {
			frame := mustAppend(b, benchEvent(s.size))
			r := NewReader(&repeat{data: frame, step: 16 << 10}, Limits{})
			for range 1000 {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReaderHeartbeat(b *testing.B) {
	frame := mustAppend(b, Heartbeat())
	r := NewReader(&repeat{data: frame, step: 16 << 10}, Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = NewID()
	}
}

func BenchmarkPutID(b *testing.B) {
	var id [IDLen]byte
	b.ReportAllocs()
	for b.Loop() {
		PutID(&id)
	}
}

func mustAppend(tb testing.TB, m *Message) []byte {
	tb.Helper()
	b, err := Append(nil, m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func mustRead(tb testing.TB, frame []byte) *Message {
	tb.Helper()
	r := NewReader(bytes.NewReader(frame), Limits{})
	m, err := r.Next()
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := r.Next(); err != io.EOF {
		tb.Fatalf("behind the frame: %v, want EOF", err)
	}
	return m
}

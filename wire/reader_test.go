package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// event is a message for tests, with a payload of that many bytes.
func event(topic string, size int) *Message {
	m := &Message{Topic: topic, ID: NewID(), OrcName: "demo", Token: benchToken}
	m.Data = []byte(`"` + strings.Repeat("x", size) + `"`)
	return m
}

func readAll(r *Reader) (messages []*Message, err error) {
	for {
		m, err := r.Next()
		if err != nil {
			return messages, err
		}
		messages = append(messages, m)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestLimits(t *testing.T) {
	frame := mustAppend(t, event("demo::large", 100))
	topic := len("demo::large")
	for _, c := range []struct {
		name   string
		limits Limits
		fits   bool
	}{
		{"standard", Limits{}, true},
		{"none", Limits{-1, -1}, true},
		{"frame, exactly", Limits{MaxFrame: len(frame)}, true},
		{"frame, one less", Limits{MaxFrame: len(frame) - 1}, false},
		{"topic, exactly", Limits{MaxTopic: topic}, true},
		{"topic, one less", Limits{MaxTopic: topic - 1}, false},
	} {
		_, err := NewReader(bytes.NewReader(frame), c.limits).Next()
		if (err == nil) != c.fits || err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestLoneTopics(t *testing.T) {
	for _, c := range []struct {
		topic  string
		reason error
	}{
		{TopicHeartbeat, nil},
		{TopicGameOver, nil},
		{"demo::a", ErrEnvelope},
		{"", ErrTopic},
	} {
		frame, err := AppendFrame(nil, ArgString(c.topic))
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewReader(bytes.NewReader(frame), Limits{}).Next()
		if !errors.Is(err, c.reason) {
			t.Errorf("%q: %v, want %v", c.topic, err, c.reason)
		}
		if err == nil && (m.Topic != c.topic || !m.Bare || m.Raw() != nil) {
			t.Errorf("%q: read as %#v", c.topic, m)
		}
	}
}

func TestThirdArgument(t *testing.T) {
	envelope := ArgJSON([]byte(`{"data":{"chunk":null}}`))
	for _, chunk := range []string{"", "bytes", "s:text", "j:{}", "j:broken", "b:1"} {
		frame, err := AppendFrame(nil, ArgString("a::b"), envelope, ArgBlob([]byte("")), ArgString("more"))
		if err != nil {
			t.Fatal(err)
		}
		frame = bytes.Replace(frame, []byte("\x00\x00\x00\x00"), append([]byte{0, 0, 0, byte(len(chunk))}, chunk...), 1)
		m := mustRead(t, frame)
		if m.Chunk == nil || string(m.Chunk) != chunk {
			t.Errorf("the chunk %q is read as %q", chunk, m.Chunk)
		}
	}
}

func TestBadMessages(t *testing.T) {
	const token = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		name   string
		args   []Arg
		reason error
		says   string
	}{
		{"topic is JSON", []Arg{ArgJSON([]byte(`"a"`)), ArgJSON([]byte(`{}`))}, ErrTopic, "not a string"},
		{"topic is a blob", []Arg{ArgBlob([]byte("a::b")), ArgJSON([]byte(`{}`))}, ErrTopic, "not a string"},
		{"topic is empty", []Arg{ArgString(""), ArgJSON([]byte(`{}`))}, ErrTopic, "empty"},
		{"message is null", []Arg{ArgString("a::b"), ArgJSON([]byte(`null`))}, ErrEnvelope, "not a JSON object"},
		{"message is a list", []Arg{ArgString("a::b"), ArgJSON([]byte(`[]`))}, ErrEnvelope, "not a JSON object"},
		{"message is empty", []Arg{ArgString("a::b"), ArgJSON(nil)}, ErrEnvelope, "not a JSON object"},
		{"message is a string", []Arg{ArgString("a::b"), ArgString(`{}`)}, ErrEnvelope, "not a JSON object"},
		{"message is a blob", []Arg{ArgString("a::b"), ArgBlob([]byte(`{}`))}, ErrEnvelope, "not a JSON object"},
		{"message is broken", []Arg{ArgString("a::b"), ArgJSON([]byte(`{"a":1,}`))}, ErrEnvelope, "at byte 7"},
		{"message is cut", []Arg{ArgString("a::b"), ArgJSON([]byte(`{"a":`))}, ErrEnvelope, "ends early"},
		{"two messages", []Arg{ArgString("a::b"), ArgJSON([]byte(`{} {}`))}, ErrEnvelope, "follows"},
		{"with a token", []Arg{ArgString("Grom@" + token + "::b"), ArgJSON([]byte(`0`))}, ErrEnvelope, "Grom@0123…::b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			good := mustAppend(t, event("a::good", 10))
			frame, err := AppendFrame(bytes.Clone(good), c.args...)
			if err != nil {
				t.Fatal(err)
			}
			r := NewReader(bytes.NewReader(frame), Limits{})
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			m, err := r.Next()
			f, _ := errors.AsType[*FormatError](err)
			if m != nil || f == nil || !errors.Is(err, c.reason) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, %v; want %v that says %q", m, err, c.reason, c.says)
			}
			where := fmt.Sprintf("at byte %d of the stream", len(good))
			if f.Offset != int64(len(good)) || !strings.Contains(err.Error(), where) {
				t.Errorf("%v does not say %q", err, where)
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("%v shows a token", err)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("then %v, want the same error", again)
			}
			if _, again := r.Frame(); again != err {
				t.Errorf("then %v, want the same error", again)
			}
		})
	}
}

func TestWrongProtocols(t *testing.T) {
	for first, says := range map[string]string{
		"\x1f\x8b\x08\x00\x00\x00": "gzip",
		"\x16\x03\x01\x00\x05\x01": "TLS",
		"\x15\x03\x03\x00\x02\x02": "TLS",
		"HTTP/1.1 400":             "HTTP",
		"GET / HTTP/1.1":           "HTTP",
	} {
		_, err := NewReader(strings.NewReader(first), Limits{}).Next()
		if err == nil || !strings.Contains(err.Error(), "looks like "+says) {
			t.Errorf("%q: %v, want a hint at %s", first, err, says)
		}
	}
}

func TestEndsOfTheStream(t *testing.T) {
	frame := mustAppend(t, event("a::b", 20))
	cut := errors.New("cable cut")
	for n := range len(frame) + 1 {
		r := NewReader(bytes.NewReader(frame[:n]), Limits{})
		_, err := r.Next()
		switch {
		case n == 0 && err != io.EOF,
			n == len(frame) && err != nil,
			n > 0 && n < len(frame) && !errors.Is(err, ErrTruncated):
			t.Errorf("after %d of %d bytes: %v", n, len(frame), err)
		}
		if err == nil && r.Buffered() {
			t.Error("something is buffered behind the only frame")
		}

		r = NewReader(io.MultiReader(bytes.NewReader(frame[:n]), iotest.ErrReader(cut)), Limits{})
		if _, err := r.Next(); n < len(frame) && err != cut {
			t.Errorf("cut after %d bytes: %v, want the error of the source", n, err)
		}
	}

	r := NewReader(bytes.NewReader(append(bytes.Clone(frame), frame[:7]...)), Limits{})
	if _, err := r.Next(); err != nil || !r.Buffered() {
		t.Errorf("%v; want another frame that has begun", err)
	}

	silent := readerFunc(func([]byte) (int, error) { return 0, nil })
	if _, err := NewReader(silent, Limits{}).Next(); err != io.ErrNoProgress {
		t.Errorf("a source that gives nothing: %v, want ErrNoProgress", err)
	}
}

func TestTopicsThatAreNotUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"a\xff":               "a\ufffd",
		"a\xff\xfe":           "a\ufffd\ufffd",
		"\xe2\x82":            "\ufffd",       // the beginning of €
		"\xe2\x82z":           "\ufffdz",      // and something else
		"\xf0\x9f\x98":        "\ufffd",       // three of four bytes
		"\xf0\x9f\xff":        "\ufffd\ufffd", // two of four, and one that is never right
		"\xc0\xaf":            "\ufffd\ufffd", // too long a form
		"\xed\xa0\x80":        "\ufffd\ufffd\ufffd",
		"é\xe2\x82\xac\x80ok": "é€\ufffdok",
	} {
		frame := append(appendHead(nil, 2), 0, 0, 0, byte(2+len(in)), 's', ':')
		frame = append(append(frame, in...), "\x00\x00\x00\x04j:{}"...)
		if m := mustRead(t, frame); m.Topic != want {
			t.Errorf("%q is read as %q, want %q", in, m.Topic, want)
		}
		if a, err := ParseArg([]byte("s:" + in)); err != nil || string(a.Bytes) != want {
			t.Errorf("%q is read as %q, %v, want %q", in, a.Bytes, err, want)
		}
	}
}

package wire

import (
	"bytes"
	"strings"
	"testing"
	"unsafe"
)

const (
	usualHead = `{"_xcraftMessage":true,"token":"` + benchToken + `","orcName":"`
	someID    = "1d9f8e64-3a52-4a0e-9d0c-7b0e2d6c1a11"
	usualAll  = usualHead + "demo" + usualID + someID + usualTopic + "demo::ticked" + usualData + `{"n":[1,"a"]}` + usualFlags + `,"_xbusSeq":7}`
)

// trained expects envelopes that begin with usualHead.
func trained(tb testing.TB) *usual {
	tb.Helper()
	u := new(usual)
	for range 2 {
		if err := u.parseEnvelope(&Message{Topic: "demo::ticked"}, []byte(usualAll)); err != nil {
			tb.Fatal(err)
		}
	}
	if u.head != usualHead {
		tb.Fatalf("%q is expected, want %q", u.head, usualHead)
	}
	return u
}

// sameReading reads a text with expectations and without.
func sameReading(t *testing.T, u *usual, topic, text string) {
	t.Helper()
	got, want := &Message{Topic: topic}, &Message{Topic: topic}
	gotErr, wantErr := u.parseEnvelope(got, []byte(text)), new(usual).parseEnvelope(want, []byte(text))
	if g, w := errorText(gotErr), errorText(wantErr); g != w {
		t.Errorf("%q: %s when it is expected, %s when not", text, g, w)
	}
	kept := *u
	inPlace := &Message{Topic: topic, Bare: true, Nested: true}
	f, ok := kept.find([]byte(text), topic, 0)
	all := ok && f.whole && f.at == len(text)
	if all {
		kept.set(inPlace, []byte(text)[f.orc:], f.orc, &f)
	}
	if all && wantErr != nil {
		t.Errorf("%q: %v, and yet as expected", text, wantErr)
	}
	if wantErr != nil {
		return
	}
	if inPlace.raw = asWritten; all && (dumpFields(inPlace) != dumpFields(want) || string(inPlace.Raw()) != text) {
		t.Errorf("%q:\n%s\n%s when it is read in place,\n%s when not", text, inPlace.Raw(), dumpFields(inPlace), dumpFields(want))
	}
	if g, w := dumpFields(got), dumpFields(want); g != w || string(got.raw) != string(want.raw) {
		t.Errorf("%q:\n%s when it is expected,\n%s when not", text, g, w)
	}
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// TestUsual cuts and changes an expected envelope at each of its bytes.
func TestUsual(t *testing.T) {
	u := trained(t)
	for i := range usualAll {
		sameReading(t, u, "demo::ticked", usualAll[:i])
		for _, c := range "\"\\\x00\xff ,{}:1x" {
			sameReading(t, u, "demo::ticked", usualAll[:i]+string(c)+usualAll[i+1:])
			sameReading(t, u, "demo::ticked", usualAll[:i]+string(c)+usualAll[i:])
		}
	}
	for _, topic := range []string{"", "demo::other", "demo::\xff", `demo::"`, `demo::\`, "demo::\n"} {
		sameReading(t, u, topic, strings.Replace(usualAll, "demo::ticked", topic, 1))
	}
	for _, tail := range []string{``, `,`, `}`, `}x`, `} `, `,"isError":true}`, `,"data":1,"id":"b","orcName":"other"}`, `x}`} {
		sameReading(t, u, "demo::ticked", usualAll[:len(usualAll)-len(`,"_xbusSeq":7}`)]+tail)
	}
	for _, orc := range []string{"", "d", "demo2", "de\"mo", "d\\\"", "\xff", "é", "Worthag@" + benchToken, "demo"} {
		sameReading(t, u, "demo::ticked", strings.Replace(usualAll, `"demo"`, `"`+orc+`"`, 1))
	}
	if u.head != usualHead {
		t.Errorf("%q is expected after envelopes of other forms", u.head)
	}
}

// TestUsualLearns follows what comes, and not at the first difference.
func TestUsualLearns(t *testing.T) {
	u := trained(t)
	token := strings.Repeat("0", tokenLen)
	other := strings.Replace(usualAll, benchToken, token, 1)
	for step, text := range []string{other, usualAll, other, other} {
		if u.head != usualHead {
			t.Fatalf("step %d: %q is expected already", step, u.head)
		}
		sameReading(t, u, "demo::ticked", text)
	}
	if want := strings.Replace(usualHead, benchToken, token, 1); u.head != want {
		t.Errorf("%q is expected, want %q", u.head, want)
	}
}

func FuzzUsual(f *testing.F) {
	f.Add("demo::ticked", "demo"+usualID+someID+usualTopic+"demo::ticked"+usualData+`{}`+usualFlags+`}`)
	f.Add("demo::ticked", "demo"+usualID+someID+usualTopic+"demo::ticked"+usualData+`{}}`)
	f.Add(`a"b`, "demo"+usualID+someID+usualTopic+`a"b`+usualData+`1`+usualFlags+`,"isError":true,"data":2}`)
	f.Fuzz(func(t *testing.T, topic, rest string) {
		sameReading(t, trained(t), topic, usualHead+rest)
	})
}

// TestUsualOrcs has events of many orcs in turn, which are all as expected, and of
// one alone, whose name then takes no memory.
func TestUsualOrcs(t *testing.T) {
	var stream []byte
	for i := range 40 {
		m := benchEvent(300)
		if m.OrcName = "one"; i < 20 {
			m.OrcName = []string{"one", "two", "three"}[i%3]
		}
		stream = append(stream, mustAppend(t, m)...)
	}
	r := NewReader(bytes.NewReader(stream), Limits{})
	for i := range 40 {
		m, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"one", "two", "three"}[i%3]; i < 20 && m.OrcName != want || i >= 20 && m.OrcName != "one" {
			t.Errorf("message %d is of %s", i, m.OrcName)
		}
		if inPlace := len(m.raw) == 0; inPlace != (i > 2) { // two to learn, one to see that it was right
			t.Errorf("message %d is read in place: %v", i, inPlace)
		}
		if i > 30 && unsafe.StringData(m.OrcName) != unsafe.StringData(r.usual.orc) {
			t.Errorf("the orc name of message %d has memory of its own", i)
		}
	}
}

package xbus

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/topics"
)

// Whatever is given as an address makes a transport, or an error that says what
// to write and shows neither passwords nor keys.
func FuzzAddress(f *testing.F) {
	for _, address := range []string{
		"xcraft://127.0.0.1:35400?events=35800", "xcrafts://host?pin=a&cert=b&key=base64:SECRET", "xcraft+unix://id?dir=%2Ftmp", "mem://name",
		"xcraft://me:SECRET@host", "127.0.0.1:35400", "", "xcraft://[::1]:1?nice=5;", "mem://a?nice=%zz", "me:SECRET@host:1", "xcraft://a b:SECRET@c",
	} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		transport, err := parseURL(address, &settings{logger: slog.New(slog.DiscardHandler)})
		if (transport == nil) == (err == nil) {
			t.Fatalf("%q: %v and %v", address, transport, err)
		}
		var wrong *AddressError
		if err != nil && (!errors.As(err, &wrong) || wrong.Reason == "" || wrong.Hint == "") {
			t.Errorf("%q: %v", address, err)
		}
	})
}

// Whatever a hall answers to an autoconnect is read or left.
func FuzzResume(f *testing.F) {
	f.Add([]byte(`{"session":"s","known":true,"seq":12,"replayed":3,"lost":"slow consumer"}`), uint64(3))
	f.Add([]byte(`5`), uint64(0))
	f.Add([]byte(`{"seq":-1,"known":true}`), uint64(1))
	f.Fuzz(func(t *testing.T, answer []byte, seq uint64) {
		var p position
		p.came(seq)
		r := resumeOf(answer)
		if missed := p.resume(r); !r.Known && missed != 0 || r.Known && missed > r.Seq {
			t.Errorf("missed %d of %+v", missed, r)
		}
		if last := p.last(); last > max(r.Seq, seq) {
			t.Errorf("%+v: the last one is %d", p, last)
		}
	})
}

// A line that is asked for is one that a topic can belong to.
func FuzzLineOf(f *testing.F) {
	for _, pattern := range []string{"*::news.<sport>", "a::<*>", "a::<(b|c)>", "<>", "a<b", "a>b<c>"} {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		line, ok := lineOf(pattern)
		if !ok {
			return
		}
		if got, found := topics.LineID("x::<" + line + ">"); !found || !strings.HasPrefix(got, strings.SplitN(line, ">", 2)[0]) || strings.ContainsAny(line, "*(|)>") {
			t.Errorf("%q: line %q", pattern, line)
		}
	})
}

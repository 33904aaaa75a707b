package observable_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// Wrong use fails at once, and says what to give.
func TestWrongOptions(t *testing.T) {
	var noSize func(int) int
	var noStamp func(int, uint64) int
	var noKey func(int) string
	sizeOfString := observable.SizeOf(func(s string) int { return len(s) })
	tests := []struct {
		want string
		opts []observable.SubscribeOption
	}{
		{"WithLimit(0): give at least 1", []observable.SubscribeOption{observable.WithLimit(0)}},
		{"WithLimit(-5): give at least 1", []observable.SubscribeOption{observable.WithLimit(-5)}},
		{"WithByteLimit(0): give at least 1", []observable.SubscribeOption{observable.WithByteLimit(0), observable.SizeOf(func(int) int { return 1 })}},
		{"WithByteLimit(9): sizes are not known: add SizeOf", []observable.SubscribeOption{observable.WithByteLimit(9)}},
		{"SizeOf(nil): give the function", []observable.SubscribeOption{observable.SizeOf(noSize)}},
		{"WithLossStamp(nil): give the function", []observable.SubscribeOption{observable.WithLossStamp(noStamp)}},
		{"WithOnLoss(nil): give the function", []observable.SubscribeOption{observable.WithOnLoss(nil)}},
		{"ConflateBy(nil): give the function", []observable.SubscribeOption{observable.WithPolicy(observable.ConflateBy(noKey))}},
		{"WithPolicy(Block): this publisher must not wait", []observable.SubscribeOption{observable.NoBlock(), observable.WithPolicy(observable.Block)}},
		{"an option: is nil", []observable.SubscribeOption{observable.NoBlock(), nil}},
		{"functions over string and over int cannot serve", []observable.SubscribeOption{sizeOfString, observable.WithLossStamp(func(n int, _ uint64) int { return n })}},
		{"SizeOf: is over string, and the values are int", []observable.SubscribeOption{sizeOfString}},
		{"WithLossStamp: is over string, and the values are int", []observable.SubscribeOption{observable.WithLossStamp(func(s string, _ uint64) string { return s })}},
		{"ConflateBy: is over string, and the values are int", []observable.SubscribeOption{observable.WithPolicy(observable.ConflateBy(func(s string) string { return s }))}},
	}
	for _, tt := range tests {
		err := observable.ValidateOptionsFor[int](tt.opts...)
		if option, ok := errors.AsType[*observable.OptionError](err); !ok || !strings.Contains(err.Error(), tt.want) || option.Option == "" {
			t.Errorf("ValidateOptionsFor: %v, want %q", err, tt.want)
		}
		if general := observable.ValidateOptions(tt.opts...); strings.Contains(tt.want, "the values are int") != (general == nil) {
			t.Errorf("ValidateOptions: %v for %q", general, tt.want)
		}
		subject := observable.NewSubject[int]()
		for name, f := range map[string]func(){
			"NewSubscription": func() { observable.NewSubscription[int](tt.opts...) },
			"Subscribe":       func() { subject.Subscribe(tt.opts...) },
			"Observable":      func() { subject.Observable(tt.opts...) },
			"NewSubject":      func() { observable.NewSubject[int](observable.WithSubscribers(tt.opts...)) },
			"Share":           func() { observable.Share(observable.Of(1), observable.WithConsumers(tt.opts...)) },
		} {
			if got := panicOf(f); !strings.Contains(got, tt.want) {
				t.Errorf("%s panicked with %q, want %q", name, got, tt.want)
			}
		}
		if subject.Len() != 0 {
			t.Error("a subscription that could not be made is registered")
		}
	}
}

// The options of an owner and of a user meet; those of the user come later.
func TestOptionsOfOwnerAndUser(t *testing.T) {
	s := observable.NewSubject[string](observable.WithSubscribers(observable.NoBlock(), observable.WithLimit(5),
		observable.SizeOf(func(s string) int { return len(s) })))
	if got := panicOf(func() { s.Subscribe(observable.WithPolicy(observable.Block)) }); !strings.Contains(got, "must not wait") {
		t.Errorf("panicked with %q", got)
	}
	a, b := s.Subscribe(), s.Subscribe(observable.WithLimit(2), observable.WithByteLimit(100))
	for range 9 {
		s.Publish(t.Context(), "abc")
	}
	if sa, sb := a.Stats(), b.Stats(); sa.Buffered != 5 || sb.Buffered != 2 || sa.BufferedBytes != 15 || sb.BufferedBytes != 6 {
		t.Errorf("%+v, %+v", sa, sb)
	}
	s.Close(nil)
}

func TestProgrammerErrors(t *testing.T) {
	var noRun func()
	tests := []struct {
		want string
		f    func()
	}{
		{"New(nil)", func() { observable.New[int](nil) }},
		{"FromChan(nil)", func() { observable.FromChan[int](nil) }},
		{"FromSeq(nil)", func() { observable.FromSeq[int](nil) }},
		{"Fail(nil)", func() { observable.Fail[int](nil) }},
		{"Defer(nil)", func() { observable.Defer[int](nil) }},
		{"Interval(0s)", func() { observable.Interval(0) }},
		{"Interval(-1s)", func() { observable.Interval(-time.Second) }},
		{"NewValueFunc: equal is nil", func() { observable.NewValueFunc(1, nil) }},
		{"NewSubject: option 0 is nil", func() { observable.NewSubject[int](nil) }},
		{"OnClose(nil)", func() { observable.NewSubscription[int]().OnClose(noRun) }},
		{"ForEach(nil)", func() { observable.Of(1).ForEach(t.Context(), nil) }},
		{"WithBuffer(-1)", func() { observable.WithBuffer(-1) }},
		{"Share: option 0 is nil", func() { observable.Share(observable.Of(1), nil) }},
		{"WithLinger(-1s)", func() { observable.Share(observable.Of(1), observable.WithLinger(-time.Second)) }},
		{"ShareReplay(0)", func() { observable.ShareReplay(observable.Of(1), 0) }},
	}
	for _, tt := range tests {
		if got := panicOf(tt.f); !strings.HasPrefix(got, "observable: ") || !strings.Contains(got, tt.want) {
			t.Errorf("panicked with %q, want %q", got, tt.want)
		}
	}
}

func panicOf(f func()) (message string) {
	defer func() {
		if p := recover(); p != nil {
			message = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

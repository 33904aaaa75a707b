package observable

import (
	"errors"
	"fmt"
	"math"
	"reflect"
)

// Defaults of a subscription.
const (
	DefaultLimit     = 1024     // values that may wait
	DefaultByteLimit = 64 << 20 // bytes that may wait, where SizeOf counts them
)

// A SubscribeOption changes one thing about a subscription. A later option
// stands over an earlier one.
type SubscribeOption func(*subscribeOptions)

type subscribeOptions struct {
	policy    Policy
	limit     int
	byteLimit int // 0: not given
	bytesSet  bool
	sizeOf    typedFunc // func(T) int
	stamp     typedFunc // func(T, uint64) T
	onLoss    func(Loss)
	lossSet   bool
	noBlock   bool
}

// typedFunc is a function over T, kept where T is not known.
type typedFunc struct {
	set bool
	fn  any // nil when a nil function was given
	of  string
}

// WithPolicy says what happens to a value for which there is no room.
// Default: DropOldest.
func WithPolicy(p Policy) SubscribeOption {
	return func(o *subscribeOptions) { o.policy = p }
}

// WithLimit bounds the number of values that wait to be read. Default: 1024.
// It has no effect on Conflate, which keeps one.
func WithLimit(items int) SubscribeOption {
	return func(o *subscribeOptions) { o.limit = items }
}

// WithByteLimit bounds the bytes that wait to be read, as SizeOf counts them: it
// needs SizeOf. A value larger than the limit never fits and is dropped (it
// fails the subscription under FailOnOverflow, and Block does not wait for it).
// Default: 64 MiB.
func WithByteLimit(bytes int) SubscribeOption {
	return func(o *subscribeOptions) { o.byteLimit, o.bytesSet = bytes, true }
}

// SizeOf tells the size of a value in bytes, for WithByteLimit. It runs on the
// publisher, outside of locks: it must be quick. A negative size counts as 0.
func SizeOf[T any](size func(T) int) SubscribeOption {
	f := typedFunc{set: true, of: typeName[T]()}
	if size != nil {
		f.fn = size
	}
	return func(o *subscribeOptions) { o.sizeOf = f }
}

// WithLossStamp makes losses visible in band: where values were lost, the next
// one that is handed over is first given to stamp with their number. It runs on
// the consumer. Values lost after the last one that is handed over can only be
// seen in Stats.
func WithLossStamp[T any](stamp func(v T, lost uint64) T) SubscribeOption {
	f := typedFunc{set: true, of: typeName[T]()}
	if stamp != nil {
		f.fn = stamp
	}
	return func(o *subscribeOptions) { o.stamp = f }
}

// WithOnLoss calls hook once per episode of losses: at the first loss, and not
// again until the consumer has had all that was buffered when the last one was
// lost, and then loses anew. See Loss for where it runs.
func WithOnLoss(hook func(Loss)) SubscribeOption {
	return func(o *subscribeOptions) { o.onLoss, o.lossSet = hook, true }
}

// NoBlock refuses Block. Owners of a publisher that must never wait set it
// before they add the options of their users.
func NoBlock() SubscribeOption {
	return func(o *subscribeOptions) { o.noBlock = true }
}

// ValidateOptions returns what NewSubscription and Subscribe would panic with,
// as far as it can be known without the type of the values: wrong sizes, nil
// functions, a policy that is not allowed, functions over different types. Each
// part of it is an *OptionError.
func ValidateOptions(opts ...SubscribeOption) error {
	_, err := collect(opts)
	return err
}

// ValidateOptionsFor is ValidateOptions for subscriptions to values of type T:
// functions over another type are errors too.
func ValidateOptionsFor[T any](opts ...SubscribeOption) error {
	_, err := settle[T](opts)
	return err
}

// collect applies opts and checks all that does not depend on T.
func collect(opts []SubscribeOption) (subscribeOptions, error) {
	o := subscribeOptions{limit: DefaultLimit}
	var errs []error
	for _, opt := range opts {
		if opt == nil {
			errs = append(errs, &OptionError{"an option", "is nil: leave it out"})
			continue
		}
		opt(&o)
	}
	if errs = append(errs, o.mistakes()...); len(errs) > 0 {
		return o, errors.Join(errs...)
	}
	return o, nil
}

func (o *subscribeOptions) mistakes() (errs []error) {
	wrong := func(option, reason string) { errs = append(errs, &OptionError{option, reason}) }
	if o.limit < 1 {
		wrong(fmt.Sprintf("WithLimit(%d)", o.limit), "give at least 1: how many values may wait")
	}
	if o.bytesSet && o.byteLimit < 1 {
		wrong(fmt.Sprintf("WithByteLimit(%d)", o.byteLimit), "give at least 1: how many bytes may wait")
	}
	if o.bytesSet && !o.sizeOf.set {
		wrong(fmt.Sprintf("WithByteLimit(%d)", o.byteLimit), "sizes are not known: add SizeOf")
	}
	if o.sizeOf.set && o.sizeOf.fn == nil {
		wrong("SizeOf(nil)", "give the function that tells the size of a value")
	}
	if o.stamp.set && o.stamp.fn == nil {
		wrong("WithLossStamp(nil)", "give the function that writes the number of lost values into a value")
	}
	if o.lossSet && o.onLoss == nil {
		wrong("WithOnLoss(nil)", "give the function to call, or leave the option out")
	}
	if o.policy.kind == conflateBy && o.policy.keyed == nil {
		wrong("ConflateBy(nil)", "give the function that tells the key of a value")
	}
	if o.noBlock && o.policy.kind == block {
		wrong("WithPolicy(Block)", "this publisher must not wait for its readers: choose DropOldest, DropNewest, Conflate, ConflateBy or FailOnOverflow")
	}
	if a, b, ok := o.sameType(); !ok {
		wrong("options", fmt.Sprintf("functions over %s and over %s cannot serve one subscription", a, b))
	}
	return errs
}

// sameType tells whether all functions are over one type.
func (o *subscribeOptions) sameType() (a, b string, ok bool) {
	types := []string{o.sizeOf.of, o.stamp.of, ""}
	if o.policy.keyed != nil {
		types[2] = o.policy.keyed.of
	}
	for _, t := range types {
		switch {
		case t == "" || t == a:
		case a == "":
			a = t
		default:
			return a, t, false
		}
	}
	return a, a, true
}

// settings is what the options come to, for values of type T.
type settings[T any] struct {
	policy    Policy
	limit     uint64
	byteLimit int
	sizeOf    func(T) int
	stamp     func(T, uint64) T
	onLoss    func(Loss)
	keyed     keyedQueue[T] // ConflateBy: made for this subscription
}

func settle[T any](opts []SubscribeOption) (settings[T], error) {
	if len(opts) == 0 {
		return settings[T]{limit: DefaultLimit, byteLimit: math.MaxInt}, nil
	}
	o, err := collect(opts)
	if err != nil {
		return settings[T]{}, err
	}
	s := settings[T]{policy: o.policy, limit: uint64(o.limit), byteLimit: math.MaxInt, onLoss: o.onLoss}
	if o.policy.kind == conflate {
		s.limit = 1
	}
	var errs []error
	overT := func(option, of string, ok bool) {
		if !ok {
			errs = append(errs, &OptionError{option, fmt.Sprintf("is over %s, and the values are %s", of, typeName[T]())})
		}
	}
	if o.sizeOf.set {
		var ok bool
		s.sizeOf, ok = o.sizeOf.fn.(func(T) int)
		overT("SizeOf", o.sizeOf.of, ok)
		s.byteLimit = DefaultByteLimit
		if o.bytesSet {
			s.byteLimit = o.byteLimit
		}
	}
	if o.stamp.set {
		var ok bool
		s.stamp, ok = o.stamp.fn.(func(T, uint64) T)
		overT("WithLossStamp", o.stamp.of, ok)
	}
	if k := o.policy.keyed; k != nil {
		var ok bool
		s.keyed, ok = k.make().(keyedQueue[T])
		overT("ConflateBy", k.of, ok)
	}
	return s, errors.Join(errs...)
}

func typeName[T any]() string { return reflect.TypeFor[T]().String() }

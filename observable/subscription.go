package observable

import (
	"context"
	"io"
	"iter"
	"math"
	"sync"
	"sync/atomic"
)

// A Subscription is a bounded queue between one who publishes and one who
// reads. It takes values from the moment it exists, so nothing published after
// Subscribe has returned is missed; what happens when it is full is its Policy.
//
// At every moment, Delivered + Dropped + Buffered = Matched.
//
// The reading side (All, Chan, Next, Observable) has one reader at a time, on
// its own goroutine, and the publisher never waits for it except under Block.
// Offer, Finish, Close, Err, Done and Stats may be called from any goroutine.
type Subscription[T any] struct {
	// The queue, guarded by mu. Values are numbered from 0 as they are buffered.
	// The first line of memory is all that an ordinary put touches of it.
	mu     sync.Mutex
	tail   uint64 // the next number: all before were buffered once
	open   uint64 // below it, tail may advance without a further look; see reckon
	taken  uint64 // all before left the ring: handed over, dropped or in the batch
	ring   ring[T]
	asleep bool // the consumer waits on wake: nothing is buffered, and batch is at the publisher's disposal
	ended  bool // takes no more values
	closed bool // by the consumer: what was buffered is gone
	plain  bool // put serves: no function of the user has to run for a value; never changes

	seen      uint64 // what head was, at least: saves looking at it for each value
	high      uint64 // the most that was seen waiting
	displaced uint64 // numbers that were dropped to make room
	unplaced  uint64 // values that matched and never got a number
	sizes     sizes  // bytes of what waits, where SizeOf is given
	gaps      []gap  // where the unplaced are missing, for the stamp
	end       error  // why it ended; nil when complete
	wake      chan struct{}
	room      chan struct{}  // wakes one publisher that waits under Block
	waiting   int            // publishers that wait
	done      chan struct{}  // made when asked for
	leave     []func()       // called once after Close
	episode   losses         // see loss.go
	helpers   sync.WaitGroup // what runs for it and is waited for at the end of a run

	settings[T]             // never change
	subject     *Subject[T] // nil without one; never changes after Subscribe
	place       int         // in its list, -1 when it is out; guarded by the subject's lock

	// head moves forward under whoever takes the value at it: the consumer that
	// hands it over, or a publisher, under mu, that drops it.
	head   atomic.Uint64
	wakeAt atomic.Uint64 // publishers wait for head to come here

	// The consumer's own.
	batch   []T    // taken, and not handed over yet from next on
	next    int    // in batch
	base    uint64 // the number of batch[0]
	expect  uint64 // the number that follows the last one handed over
	carry   uint64 // unplaced values lost since then
	reading atomic.Bool
	unwatch func() bool // stops interrupt; nil before the run has had to wait
}

// A gap says that n values that never got a number are missing before number at.
type gap struct{ at, n uint64 }

// Stats are the counters of a subscription, all taken at one moment:
// Delivered + Dropped + Buffered = Matched.
type Stats struct {
	Matched       uint64 // values that were offered while it was open
	Delivered     uint64 // handed to the consumer
	Dropped       uint64 // lost, replaced by a newer one or discarded by Close
	Buffered      int    // waiting to be read
	BufferedBytes int    // their sizes, where SizeOf is given
	HighWater     int    // the most that was seen waiting; while the consumer is at work a dozen more may have been there for a moment
}

// NewSubscription makes a subscription that belongs to no Subject: its owner
// feeds it by Offer, ends it by Finish and learns of its end by OnClose. It
// panics on wrong options; see ValidateOptions.
func NewSubscription[T any](opts ...SubscribeOption) *Subscription[T] {
	set, err := settle[T](opts)
	if err != nil {
		panic(err.Error())
	}
	s := &Subscription[T]{settings: set, plain: set.sizeOf == nil && set.keyed == nil}
	s.wakeAt.Store(math.MaxUint64)
	return s
}

// All reads the subscription as a loop on the calling goroutine, without a
// goroutine or a channel of its own. The error, if any, comes once and last:
// what the publisher ended it with, an *OverflowError, context.Cause(ctx), or
// ErrClosed when it was closed meanwhile. Leaving the loop, for whatever reason,
// closes the subscription; to read some values and go on later, use Next.
func (s *Subscription[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		left, err := s.consume(ctx, yield)
		if err != nil && !left {
			var zero T
			yield(zero, err)
		}
	}
}

// Chan reads the subscription on a goroutine of its own and passes the values
// through a channel; see Observable.Chan. Values count as delivered when the
// channel has them.
func (s *Subscription[T]) Chan(ctx context.Context, opts ...ChanOption) (<-chan T, func() error) {
	return s.Observable().Chan(ctx, opts...)
}

// Observable makes the subscription the source of operators. It has one run in
// it, which closes the subscription at its end; a second one fails with ErrBusy
// or ErrClosed.
func (s *Subscription[T]) Observable() Observable[T] { return New(s.run) }

func (s *Subscription[T]) run(ctx context.Context, yield func(T) bool) error {
	_, err := s.consume(ctx, func(v T, _ error) bool { return yield(v) })
	return err
}

// consume is the one run of the subscription. left tells that yield has returned false.
func (s *Subscription[T]) consume(ctx context.Context, yield func(T, error) bool) (left bool, err error) {
	if !s.reading.CompareAndSwap(false, true) {
		return false, ErrBusy
	}
	defer s.depart()
	cancellable := ctx.Done() != nil
	for {
		if cancellable && ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		v, ok := s.claim()
		if !ok {
			switch v, err = s.more(ctx, s.sleep); err {
			case nil:
			case io.EOF:
				return false, nil
			default:
				return false, err
			}
		}
		if !yield(v, nil) {
			return true, nil
		}
	}
}

// depart ends the only run of the subscription.
func (s *Subscription[T]) depart() {
	s.Close()
	s.batch = nil // and what it held
	if s.unwatch != nil && s.unwatch() {
		s.helpers.Done()
	}
	s.helpers.Wait()
	s.reading.Store(false)
}

// Next returns the next value, and waits for it as long as ctx allows. A value
// that is there wins over a context that is done, and the end of ctx is not the
// end of the subscription. When the stream is over Next returns its error, or
// io.EOF when it completed, and goes on returning it.
func (s *Subscription[T]) Next(ctx context.Context) (T, error) {
	if !s.reading.CompareAndSwap(false, true) {
		var zero T
		return zero, ErrBusy
	}
	defer s.reading.Store(false)
	if v, ok := s.claim(); ok {
		return v, nil
	}
	return s.more(ctx, s.nap)
}

// Close ends the subscription from the consumer's side: what is buffered is
// dropped and counted, who waits in it or for room in it goes on, and nothing
// of it stays with the publisher. It may be called from anywhere, any number of
// times.
func (s *Subscription[T]) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.discard()
	s.finish(ErrClosed)
	leave := s.leave
	s.leave = nil
	s.unlockAndWake()
	if s.subject != nil {
		s.subject.remove(s)
	}
	for _, f := range leave {
		f()
	}
}

// discard drops all that is buffered.
func (s *Subscription[T]) discard() {
	for {
		h := s.head.Load()
		if s.head.CompareAndSwap(h, s.tail) {
			s.displaced += s.tail - h
			break
		}
	}
	s.taken = s.tail
	s.ring, s.gaps = ring[T]{}, nil
	s.sizes.forgetTo(s.tail)
}

// Err returns why the subscription ended: nil while it is open and when it is
// complete, ErrClosed when the consumer closed it before the publisher ended it.
func (s *Subscription[T]) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// Done returns a channel that is closed as soon as the subscription takes no
// more values: the publisher finished it, it overflowed, or it was closed. What
// is buffered then can still be read, unless it was closed.
func (s *Subscription[T]) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.ended {
			close(s.done)
		}
	}
	return s.done
}

// Stats returns the counters as they are now.
func (s *Subscription[T]) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.look()
	if s.tail > 0 {
		s.high = max(s.high, 1) // hand does not count
	}
	return Stats{
		Matched:       s.tail + s.unplaced,
		Delivered:     h - s.displaced,
		Dropped:       s.displaced + s.unplaced,
		Buffered:      int(s.tail - h),
		BufferedBytes: s.sizes.sum,
		HighWater:     int(s.high),
	}
}

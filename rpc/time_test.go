package rpc

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// bubble runs f in virtual time with a table that has a session.
func bubble(t *testing.T, cfg Config, f func(t *testing.T, l *link, calls *Calls)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l, calls := attached(t, cfg)
		f(t, l, calls)
	})
}

func TestDefaultDeadline(t *testing.T) {
	for name, await := range map[string]func(*Pending) error{
		"awaited": func(p *Pending) error { _, err := p.Await(context.Background()); return err },
		"watched": func(p *Pending) error { <-p.Done(); _, err := p.Result(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, l *link, calls *Calls) {
				time.Sleep(300 * time.Millisecond)
				began := time.Now()
				err := await(calls.Call(t.Context(), "demo.run", nil))
				wantCallError(t, err, MaybeExecuted, ErrTimeout, context.DeadlineExceeded)
				if took := time.Since(began); took < 60*time.Second || took > 61*time.Second {
					t.Errorf("after %v", took)
				}
			})
		})
	}
}

func TestTimeouts(t *testing.T) {
	within := func(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
		return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
	}
	for _, c := range []struct {
		name    string
		cfg     Config
		ctx     func(context.Context) (context.Context, context.CancelFunc)
		timeout time.Duration
		want    time.Duration // 0: never
	}{
		{name: "the option", timeout: 1500 * time.Millisecond, want: 1500 * time.Millisecond},
		{name: "the option over a longer context", ctx: within(time.Hour), timeout: time.Second, want: time.Second},
		{name: "a shorter context", ctx: within(time.Second), timeout: time.Hour, want: time.Second},
		{name: "a context longer than the default", ctx: within(5 * time.Minute), want: 5 * time.Minute},
		{name: "a default of one's own", cfg: Config{Timeout: 3 * time.Second}, want: 3 * time.Second},
		{name: "no default", cfg: Config{Timeout: -1}},
		{name: "none by option", timeout: -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, c.cfg, func(t *testing.T, l *link, calls *Calls) {
				ctx, cancel := t.Context(), func() {}
				if c.ctx != nil {
					ctx, cancel = c.ctx(ctx)
				}
				defer cancel()
				began := time.Now()
				p := calls.Call(ctx, "demo.run", nil, Timeout(c.timeout))
				if c.want == 0 {
					time.Sleep(time.Hour)
					if p.Settled() {
						t.Error("it has ended")
					}
					return
				}
				_, err := p.Await(context.Background())
				wantCallError(t, err, MaybeExecuted, ErrTimeout, context.DeadlineExceeded)
				if took := time.Since(began); took < c.want || took > c.want+time.Second {
					t.Errorf("after %v, want %v", took, c.want)
				}
			})
		})
	}
}

// Without anybody who awaits it a call ends by the look that comes once a
// second.
func TestCallsThatNobodyAwaits(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, l *link, calls *Calls) {
		ctx, cancel := context.WithCancelCause(t.Context())
		p := calls.Call(ctx, "demo.run", nil)
		time.Sleep(10 * time.Second)
		if p.Settled() {
			t.Fatal("it has ended")
		}
		cancel(io.EOF)
		time.Sleep(sweepEvery + time.Millisecond)
		if !p.Settled() {
			t.Fatal("it has not ended")
		}
		_, err := p.Result()
		wantCallError(t, err, MaybeExecuted, context.Canceled, io.EOF)
	})
}

func TestSweeperRestsAndEnds(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, l *link, calls *Calls) {
		p := calls.Call(t.Context(), "demo.run", nil)
		armed := func() bool {
			synctest.Wait()
			calls.sweep.mu.Lock()
			defer calls.sweep.mu.Unlock()
			return calls.sweep.armed.Load()
		}
		time.Sleep(10 * time.Second)
		if !armed() {
			t.Error("nobody looks at a call in flight")
		}
		p.Abort(nil)
		time.Sleep(sweepEvery)
		if armed() {
			t.Error("it looks without calls in flight")
		}
		calls.Call(t.Context(), "demo.run", nil)
		if !armed() {
			t.Error("it does not look again")
		}
		calls.Close(nil)
		if armed() {
			t.Error("it looks after Close")
		}
		calls.sweep.arm()
		if armed() {
			t.Error("it can be armed after Close")
		}
	})
}

func TestAwaitGivesUpAndTheCallGoesOn(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, l *link, calls *Calls) {
		p := calls.Call(t.Context(), "demo.run", nil)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.Await(short)
		wantCallError(t, err, MaybeExecuted, ErrTimeout)
		if p.Settled() || calls.InFlight() != 1 {
			t.Fatal("the call has ended")
		}
		want := answer("demo.run", p.ID(), "1")
		calls.Settle(want, true)
		if got, err := p.Await(short); got != want || err != nil { // a result wins over a context that is done
			t.Errorf("%v %v", got, err)
		}
	})
}

// A call that waits in the queue may still run when somebody gives it up.
func TestGivenUpInTheQueueIsNotNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, calls := newLink(t, Config{})
		p := calls.Call(t.Context(), "demo.run", nil, Down(Queue))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := p.Await(ctx)
		wantCallError(t, err, MaybeExecuted, context.Canceled)
		l.attach()
		if len(l.messages()) != 1 {
			t.Error("it was not sent")
		}
	})
}

func TestDoneEndsWithTheContext(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, l *link, calls *Calls) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		began := time.Now()
		p := calls.Call(ctx, "demo.run", nil)
		for range 3 {
			p.Done()
		}
		<-p.Done()
		if took := time.Since(began); took != 10*time.Millisecond {
			t.Errorf("after %v", took)
		}
		_, err := p.Result()
		wantCallError(t, err, MaybeExecuted, ErrTimeout)
	})
}

func TestCausesOfContexts(t *testing.T) {
	own := errors.New("own")
	for _, c := range []struct {
		name   string
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		wants  []error
		absent error
	}{
		{"cancelled", context.WithCancel, []error{context.Canceled}, ErrTimeout},
		{"cancelled with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			return ctx, func() { cancel(own) }
		}, []error{context.Canceled, own}, ErrTimeout},
		{"late with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithTimeoutCause(ctx, time.Second, own)
			return ctx, func() { time.Sleep(time.Second + 1); cancel() }
		}, []error{context.DeadlineExceeded, ErrTimeout, own}, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, l *link, calls *Calls) {
				ctx, end := c.ctx(t.Context())
				p, other := calls.Call(ctx, "demo.run", nil), calls.Call(t.Context(), "demo.run", nil)
				end()
				_, err := p.Await(context.Background())
				_, gaveUp := other.Await(ctx)
				for _, err := range []error{err, gaveUp} {
					if wantCallError(t, err, MaybeExecuted, c.wants...); errors.Is(err, c.absent) {
						t.Errorf("%v matches %v", err, c.absent)
					}
				}
			})
		})
	}
}

func TestWaitForASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, calls := newLink(t, Config{})
		made := make(chan *Pending, 1)
		go func() { made <- calls.Call(t.Context(), "demo.run", nil) }()
		time.Sleep(time.Second)
		if calls.InFlight() != 1 || len(made) != 0 || len(l.messages()) != 0 {
			t.Fatal("the call does not wait")
		}
		l.attach()
		if p := <-made; len(l.messages()) != 1 || p.Settled() {
			t.Error("the call was not sent")
		}
	})
}

// Whatever ends a call ends its wait for a session too.
func TestWaitsForASessionEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		end   func(*link, *Calls, context.CancelFunc)
		after time.Duration
		want  error
	}{
		{"by the default time-out", func(*link, *Calls, context.CancelFunc) {}, 60 * time.Second, ErrTimeout},
		{"by Abort", func(_ *link, calls *Calls, _ context.CancelFunc) { calls.Abort("i1", nil) }, time.Second, ErrAborted},
		{"by AbortAll", func(_ *link, calls *Calls, _ context.CancelFunc) { calls.AbortAll(nil) }, time.Second, ErrAborted},
		{"by its context", func(_ *link, _ *Calls, cancel context.CancelFunc) { cancel() }, time.Second, context.Canceled},
		{"by Close", func(_ *link, calls *Calls, _ context.CancelFunc) { calls.Close(nil) }, time.Second, ErrClosed},
		{"by the end of the connection", func(l *link, _ *Calls, _ context.CancelFunc) { l.end(io.EOF) }, time.Second, io.EOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, calls := newLink(t, Config{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				began, done := time.Now(), make(chan struct{})
				var p *Pending
				go func() {
					defer close(done)
					p = calls.Call(ctx, "demo.run", nil, WithID("i1"))
				}()
				time.Sleep(time.Second)
				synctest.Wait()
				c.end(l, calls, cancel)
				<-done
				if took := time.Since(began); took != c.after {
					t.Errorf("after %v, want %v", took, c.after)
				}
				_, err := p.Await(t.Context())
				wantCallError(t, err, NotSent, c.want)
				if l.attach(); len(l.messages()) != 0 {
					t.Error("it was sent after its end")
				}
			})
		})
	}
}

func TestSendWaitsNoLongerThanTheDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, calls := newLink(t, Config{})
		began := time.Now()
		wantCallError(t, calls.Send(t.Context(), "demo.run", nil), NotSent, ErrTimeout, ErrNotConnected)
		if took := time.Since(began); took != 60*time.Second {
			t.Errorf("after %v", took)
		}
		time.AfterFunc(time.Second, l.attach)
		if err := calls.Send(t.Context(), "demo.run", nil, Down(Queue), Timeout(10*time.Second)); err != nil || len(l.messages()) != 1 {
			t.Errorf("%v, %d sent", err, len(l.messages()))
		}
	})
}

// A session that goes between the look and the sending is waited for again.
func TestSessionGoesBeforeTheSending(t *testing.T) {
	for name, call := range map[string]func(context.Context, *Calls) error{
		"call": func(ctx context.Context, c *Calls) error { _, err := c.Call(ctx, "demo.run", nil).Result(); return err },
		"send": func(ctx context.Context, c *Calls) error { return c.Send(ctx, "demo.run", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, l *link, calls *Calls) {
				once := false
				l.onSend = func(*wire.Message) {
					if !once {
						once = true
						l.lose(0, nil)
						time.AfterFunc(time.Second, l.attach)
					}
				}
				if err := call(t.Context(), calls); err != nil {
					t.Error(err)
				}
				if len(l.messages()) != 1 {
					t.Errorf("%d sent", len(l.messages()))
				}
			})
		})
	}
}

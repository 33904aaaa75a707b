package inproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// joined opens a hall of the test's name and connects one client to it.
func joined(t testing.TB) (l *Listener, client, hall *link) {
	t.Helper()
	l, err := Listen(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	client, hall = join(t, l)
	return l, client, hall
}

func join(t testing.TB, l *Listener) (client, hall *link) {
	t.Helper()
	tr, err := New(l.name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tr.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	h, err := l.Accept(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c.(*link), h.(*link)
}

func command(id string) *wire.Message {
	return &wire.Message{Topic: "demo.echo", ID: id, Data: []byte(`1`)}
}

func TestBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client, hall := joined(t)
		began := time.Now()
		for _, way := range []struct {
			name     string
			from, to *link
		}{{"commands", client, hall}, {"events", hall, client}} {
			if n, err := way.from.Send(t.Context(), command("early")); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			time.Sleep(time.Second)
			for i := range 100 {
				if n, err := way.from.Send(t.Context(), command(fmt.Sprint(i))); n != uint64(i+2) || err != nil {
					t.Fatal(n, err)
				}
			}
			if m, err := way.to.Receive(); err != nil || m.ID != "early" {
				t.Fatal(m, err)
			}
			for i := range 100 {
				if m, err := way.to.Receive(); err != nil || m.ID != fmt.Sprint(i) {
					t.Fatalf("%s: message %d is %v, %v", way.name, i, m, err)
				}
			}
			if got := way.to.Info().LastReceived; !got.Equal(time.Now()) || way.from.Info().Written != 101 {
				t.Errorf("%s: the last came at %v, %d were written", way.name, got.Sub(began), way.from.Info().Written)
			}
		}
		info := client.Info()
		if info.Port != 1 || info.Local != "mem://"+t.Name() || info.Remote != info.Local || !info.Server || info.Secure || info.Goroutines != 0 {
			t.Errorf("the link is %+v", info)
		}
	})
}

// What is received is a copy: what the sender does with its message afterwards
// does not show. The payload is shared.
func TestMessagesAreCopies(t *testing.T) {
	_, client, hall := joined(t)
	m := command("1")
	if _, err := client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	m.ID, m.Topic, m.Token = "2", "changed", "changed"
	got, err := hall.Receive()
	if err != nil || got.ID != "1" || got.Topic != "demo.echo" || got.Token != "" {
		t.Errorf("received %v, %v", got, err)
	}
	if &got.Data[0] != &m.Data[0] {
		t.Error("the payload was copied")
	}
}

func TestWhatCannotBeSent(t *testing.T) {
	_, client, hall := joined(t)
	for _, m := range []*wire.Message{{}, {Topic: "a\xff"}, {Topic: "a", Chunk: []byte{}}, {Topic: "a", Chunk: []byte("s:")}} {
		if n, err := client.Send(t.Context(), m); n != 0 || !errors.Is(err, conn.ErrNotSent) {
			t.Errorf("%+v was sent: %d, %v", m, n, err)
		}
	}
	if n, err := client.Send(t.Context(), command("1")); n != 1 || err != nil {
		t.Errorf("the first message has the number %d, %v", n, err)
	}
	if m, err := hall.Receive(); err != nil || m.ID != "1" {
		t.Errorf("received %v, %v", m, err)
	}
}

// Each context bounds its own wait for room, also behind others who wait longer.
func TestAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client, hall := joined(t)
		for range queueLimit {
			if _, err := client.Send(t.Context(), command("1")); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		patient := make(chan error)
		go func() {
			_, err := client.Send(context.Background(), command("2"))
			patient <- err
		}()
		synctest.Wait()
		var wg sync.WaitGroup
		for i := range 3 {
			wait := time.Duration(i+1) * time.Second
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				defer cancel()
				n, err := client.Send(ctx, command("x"))
				if n != 0 || !errors.Is(err, conn.ErrOverflow) || !errors.Is(err, conn.ErrNotSent) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("without room: %d, %v", n, err)
				}
				if took := time.Since(began); took != wait {
					t.Errorf("waited %v instead of %v", took, wait)
				}
			})
		}
		wg.Wait()
		for range queueLimit + 1 {
			if _, err := hall.Receive(); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-patient; err != nil {
			t.Errorf("the one that waited longest: %v", err)
		}
		if n, err := client.Send(t.Context(), command("3")); n != queueLimit+2 || err != nil {
			t.Errorf("the next message has the number %d, %v", n, err)
		}
	})
}

// The peer still receives what it was sent, then learns of the end; this side is
// over at once.
func TestClose(t *testing.T) {
	for _, side := range []string{"client", "hall"} {
		t.Run(side, func(t *testing.T) {
			_, one, other := joined(t)
			if side == "hall" {
				one, other = other, one
			}
			for _, l := range []*link{one, other} {
				if _, err := l.Send(t.Context(), command("1")); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				if err := one.Close(); err != nil {
					t.Error(err)
				}
			}
			for range 2 {
				if m, err := one.Receive(); !errors.Is(err, conn.ErrClosed) {
					t.Errorf("after its own Close: %v, %v", m, err)
				}
			}
			if _, err := one.Send(t.Context(), command("2")); !errors.Is(err, conn.ErrClosed) || !errors.Is(err, conn.ErrNotSent) {
				t.Errorf("after its own Close: %v", err)
			}
			if _, err := other.Send(t.Context(), command("2")); !errors.Is(err, conn.ErrLinkLost) || !errors.Is(err, conn.ErrNotSent) {
				t.Errorf("after the peer's Close: %v", err)
			}
			if m, err := other.Receive(); err != nil || m.ID != "1" {
				t.Errorf("what was sent before: %v, %v", m, err)
			}
			for range 2 {
				if m, err := other.Receive(); !errors.Is(err, conn.ErrLinkLost) || !errors.Is(err, io.EOF) {
					t.Errorf("after that: %v, %v", m, err)
				}
			}
			if got := one.Info().Written; got != 1 {
				t.Errorf("%d messages were written", got)
			}
		})
	}
}

func TestCloseEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client, hall := joined(t)
		for range queueLimit {
			hall.Send(t.Context(), command("1"))
		}
		before := runtime.NumGoroutine()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := hall.Send(context.Background(), command("2")); !errors.Is(err, conn.ErrNotSent) || !errors.Is(err, conn.ErrLinkLost) {
					t.Errorf("a message that waited: %v", err)
				}
			})
		}
		wg.Go(func() {
			if _, err := hall.Receive(); !errors.Is(err, conn.ErrLinkLost) {
				t.Errorf("received: %v", err)
			}
		})
		synctest.Wait()
		client.Close()
		wg.Wait()
		if got := hall.Info().Written; got != queueLimit {
			t.Errorf("%d messages were written", got)
		}
		synctest.Wait()
		if got := runtime.NumGoroutine(); got != before {
			t.Errorf("%d goroutines are left", got-before)
		}
	})
}

func TestWritten(t *testing.T) {
	_, client, hall := joined(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				n, err := client.Send(context.Background(), command("1"))
				if err != nil {
					return
				}
				if got := client.Info().Written; got < n {
					t.Errorf("message %d was sent, and %d were written", n, got)
				}
			}
		})
	}
	received := uint64(0)
	for received < 1000 {
		if _, err := hall.Receive(); err != nil {
			t.Fatal(err)
		}
		received++
	}
	client.Close()
	wg.Wait()
	for {
		if _, err := hall.Receive(); err != nil {
			break
		}
		received++
	}
	if got := client.Info().Written; got != received {
		t.Errorf("%d messages were written, the hall has %d", got, received)
	}
}

func TestNames(t *testing.T) {
	first, err := Listen("a hall")
	if err != nil {
		t.Fatal(err)
	}
	if first.Addr() != "mem://a hall" {
		t.Errorf("the address is %s", first.Addr())
	}
	if _, err := Listen("a hall"); err == nil || !strings.Contains(err.Error(), `"a hall" is open already`) {
		t.Errorf("a second hall of that name: %v", err)
	}
	other, err := Listen("another hall")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	client, _ := join(t, other)
	first.Close()
	first.Close()
	if _, err := client.Send(t.Context(), command("1")); err != nil {
		t.Errorf("the end of one hall has cut a client of another: %v", err)
	}
	again, err := Listen("a hall")
	if err != nil {
		t.Fatalf("after the end of the first one: %v", err)
	}
	defer again.Close()
	first.Close() // is over and does not take the name away
	join(t, again)
	for _, err := range []error{nameless(Listen("")), nameless(New(""))} {
		if err == nil || !strings.Contains(err.Error(), "mem://name") {
			t.Errorf("without a name: %v", err)
		}
	}
}

func nameless[T any](_ T, err error) error { return err }

func TestTheEndOfAHall(t *testing.T) {
	l, client, hall := joined(t)
	tr, err := New(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := tr.Dial(t.Context()) // not accepted
	if err != nil {
		t.Fatal(err)
	}
	hall.Send(t.Context(), command("last words"))
	l.Close()
	if m, err := client.Receive(); err != nil || m.ID != "last words" {
		t.Errorf("received %v, %v", m, err)
	}
	for _, end := range []conn.Link{client, waiting} {
		if _, err := end.Receive(); !errors.Is(err, conn.ErrLinkLost) {
			t.Errorf("a client's end: %v", err)
		}
	}
	if _, err := hall.Receive(); !errors.Is(err, conn.ErrClosed) {
		t.Errorf("the hall's end: %v", err)
	}
	if _, err := tr.Dial(t.Context()); conn.ReasonOf(err) != conn.ErrRefused || !strings.Contains(err.Error(), "no hall of this process") {
		t.Errorf("after the end: %v", err)
	}
	l.Accept(t.Context()) // the one that waited
	if _, err := l.Accept(t.Context()); err != io.EOF {
		t.Errorf("Accept returned %v", err)
	}
}

// A hall that does not accept is full at some point, and says so instead of
// keeping clients waiting.
func TestBacklog(t *testing.T) {
	l, _, _ := joined(t)
	tr, err := New(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	for range backlog {
		if _, err := tr.Dial(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tr.Dial(t.Context()); conn.ReasonOf(err) != conn.ErrRefused || !strings.Contains(err.Error(), "takes no clients in") {
		t.Errorf("beyond the backlog: %v", err)
	}
	if _, err := l.Accept(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Dial(t.Context()); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestTheContextOfADial(t *testing.T) {
	joined(t)
	tr, err := New(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	over, end := context.WithCancelCause(t.Context())
	end(errors.New("enough"))
	for _, test := range []struct {
		ctx  context.Context
		want error
	}{{late, conn.ErrTimeout}, {over, conn.ErrClosed}} {
		if _, err := tr.Dial(test.ctx); conn.ReasonOf(err) != test.want || !errors.Is(err, context.Cause(test.ctx)) {
			t.Errorf("the error is %v, want %v", err, test.want)
		}
	}
}

// Those that leave are forgotten.
func TestClientsThatLeave(t *testing.T) {
	l, client, _ := joined(t)
	for range 100 {
		one, two := join(t, l)
		one.Close()
		two.Close()
	}
	l.mu.Lock()
	open := len(l.open)
	l.mu.Unlock()
	if open != 1 {
		t.Errorf("%d links are open, want 1", open)
	}
	client.Close()
}

func BenchmarkRoundTrip(b *testing.B) {
	_, client, hall := joined(b)
	go func() {
		for {
			m, err := hall.Receive()
			if err != nil {
				return
			}
			hall.Send(context.Background(), m)
		}
	}()
	m := command("1")
	b.ReportAllocs()
	for b.Loop() {
		client.Send(context.Background(), m)
		client.Receive()
	}
}

func BenchmarkThroughput(b *testing.B) {
	_, client, hall := joined(b)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range b.N {
			hall.Receive()
		}
	}()
	m := command("1")
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		client.Send(context.Background(), m)
	}
	<-done
}

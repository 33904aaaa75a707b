package inproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
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
		for range 100_000 { // one that has just ended is counted for a moment
			if runtime.NumGoroutine() <= before {
				return
			}
			runtime.Gosched()
		}
		t.Errorf("%d goroutines are left", runtime.NumGoroutine()-before)
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
		if got := client.Info().Written; got < received {
			t.Fatalf("the hall has %d messages, %d were written", received, got)
		}
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

// A chunk that is given away belongs to the peer, all others are shared.
func TestChunks(t *testing.T) {
	client, hall := newPair(conn.LinkInfo{})
	defer client.Close()
	defer hall.Close()
	for name, send := range map[string]func(context.Context, *wire.Message) (uint64, error){"Send": hall.Send, "SendChunk": hall.SendChunk} {
		m := &wire.Message{Topic: "a::b", Chunk: wire.NewChunk()}
		if _, err := send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got, err := client.Receive()
		if err != nil || &got.Chunk[0] != &m.Chunk[0] {
			t.Fatalf("%s: another chunk came, or %v", name, err)
		}
		if given := cap(got.Chunk) > len(got.Chunk); given != (name == "SendChunk") {
			t.Errorf("%s: the chunk has room for %d bytes, it has %d", name, cap(got.Chunk), len(got.Chunk))
		}
	}
}

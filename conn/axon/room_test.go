package axon

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// The context bounds the wait for room, and nothing else.
func TestSendWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, commands := pipe(t, false, func(c *Config) { c.SendQueue = 1000 })
		send(t, l, command("1", 10)) // is being written
		synctest.Wait()
		send(t, l, command("2", 2000)) // fills the queue, and more
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := l.Send(ctx, command("x", 10))
		if !errors.Is(err, conn.ErrOverflow) || !errors.Is(err, conn.ErrNotSent) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without room: %v", err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("waited %v", took)
		}
		done := make(chan uint64)
		go func() { done <- send(t, l, command("3", 10)) }()
		synctest.Wait()
		frames := wire.NewReader(commands, wire.Limits{})
		for _, want := range []string{"1", "2", "3"} {
			if m, err := frames.Next(); err != nil || m.ID != want {
				t.Fatalf("the peer got %v, %v; want %s", m, err, want)
			}
		}
		if n := <-done; n != 3 {
			t.Errorf("the message that waited has the number %d", n)
		}
		if _, err := l.Send(ctx, command("4", 10)); err != nil {
			t.Errorf("with room a context that is done does not matter: %v", err)
		}
	})
}

func TestFlushWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, commands := pipe(t, false)
		send(t, l, command("1", 10))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.out.flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while the peer reads nothing: %v", err)
		}
		flushed := make(chan error)
		go func() { flushed <- l.out.flush(t.Context()) }()
		synctest.Wait()
		wire.NewReader(commands, wire.Limits{}).Next()
		if err := <-flushed; err != nil {
			t.Errorf("when the peer has read: %v", err)
		}
		send(t, l, command("2", 10))
		go func() { flushed <- l.out.flush(t.Context()) }()
		synctest.Wait()
		commands.Close()
		if err := <-flushed; !errors.Is(err, conn.ErrLinkLost) {
			t.Errorf("when the peer has gone: %v", err)
		}
	})
}

func TestTheEndOfALinkEndsWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, commands := pipe(t, false, func(c *Config) { c.SendQueue = 1 })
		send(t, l, command("1", 10))
		synctest.Wait()
		send(t, l, command("2", 10))
		errs := make(chan error)
		for range 3 {
			go func() {
				_, err := l.Send(context.Background(), command("x", 10))
				errs <- err
			}()
		}
		synctest.Wait()
		commands.Close()
		for range 3 {
			if err := <-errs; !errors.Is(err, conn.ErrNotSent) || !errors.Is(err, conn.ErrLinkLost) {
				t.Errorf("a message that waited: %v", err)
			}
		}
		if got := l.Info().Written; got != 1 {
			t.Errorf("%d messages may have been written", got)
		}
	})
}

// A peer that takes nothing ends the link; one that takes little does not.
func TestWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, commands := pipe(t, true)
		began := time.Now()
		send(t, l, command("1", 2<<20))
		read := make([]byte, 100<<10)
		for range 20 { // for ten minutes
			time.Sleep(29 * time.Second)
			if _, err := io.ReadFull(commands, read); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 580*time.Second {
			t.Fatal(took)
		}
		_, err := l.Receive()
		at := time.Since(began)
		if at > 620*time.Second {
			t.Errorf("the link ended after %v", at)
		}
		if !errors.Is(err, conn.ErrTimeout) || !strings.Contains(err.Error(), "nothing was taken for 30s") {
			t.Errorf("the link ended with %v", err)
		}
	})
}

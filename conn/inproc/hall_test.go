package inproc

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
)

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

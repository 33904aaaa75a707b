package xbus_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// A stuckTransport has links whose queue is full for the command of lines as
// long as stuck is set; it counts who waits there in vain.
type stuckTransport struct {
	conn.Transport
	stuck atomic.Bool
	waits atomic.Int64
}

func (s *stuckTransport) Dial(ctx context.Context) (conn.Link, error) {
	link, err := s.Transport.Dial(ctx)
	return stuckLink{link, s}, err
}

type stuckLink struct {
	conn.Link
	transport *stuckTransport
}

func (l stuckLink) Send(ctx context.Context, m *wire.Message) (uint64, error) {
	if l.transport.stuck.Load() && m.Topic == "warehouse.request-line-update" {
		l.transport.waits.Add(1)
		<-ctx.Done()
		return 0, &conn.Error{Op: "send", Reason: conn.ErrOverflow, Err: fmt.Errorf("%w: %w", conn.ErrNotSent, context.Cause(ctx))}
	}
	return l.Link.Send(ctx, m)
}

// TestLinesDoNotHoldTheReader renews many lines while the hall takes none: that
// keeps the reader for one short wait, and all are asked for once there is room,
// with nothing else to remind of it.
func TestLinesDoNotHoldTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := open(t, server.Config{})
		near, err := inproc.New(hall.URL()[len("mem://"):])
		if err != nil {
			t.Fatal(err)
		}
		transport := &stuckTransport{Transport: near}
		transport.stuck.Store(true)
		client := connect(t, "", xbus.WithTransport(transport))
		const lines = 20
		for i := range lines {
			subscribe(t, client.Topic(fmt.Sprintf("*::news.<line%d>", i)))
		}
		renewed := func(name string) time.Duration { // by a change of the registry
			began := time.Now()
			handle(t, hall, name, func(context.Context, int) (int, error) { return 0, nil })
			for !client.Registry().Load().Has(name) {
				time.Sleep(time.Millisecond)
			}
			if _, err := client.Call(t.Context(), "demo.echo", 1).Await(t.Context()); err != nil { // the reader reads again
				t.Fatal(err)
			}
			return time.Since(began)
		}
		renewed("demo.before") // waits also for the notice to be sent
		before := transport.waits.Load()
		took := renewed("demo.full")
		if n := transport.waits.Load() - before; n > 2 || took > 50*time.Millisecond {
			t.Errorf("%d waits for room, and the reader was back after %v", n, took)
		}
		transport.stuck.Store(false)
		time.Sleep(150 * time.Millisecond)
		synctest.Wait()
		sub := subscribe(t, client.Topic("thermo::news.*"))
		for i := range lines {
			publish(t, hall, fmt.Sprintf("thermo::news.<line%d>", i), i)
		}
		for i := range lines {
			if ev := next(t, sub); string(ev.Data) != fmt.Sprint(i) {
				t.Fatalf("%v instead of the event of line %d", ev, i)
			}
		}
	})
}

package xbus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// Everything at once, over a connection that is cut again and again, until each
// of it has succeeded often enough.
func TestEverythingAtOnce(t *testing.T) {
	everywhere(t, server.Config{Offer: []string{"broadcast"}, Replay: []string{"*::kept"}}, func(t *testing.T, hall *server.Hall, client *xbus.Client) {
		ctx, cancel := context.WithCancel(within(t))
		defer cancel()
		var wg sync.WaitGroup
		work := func(n int, f func(i int) error) {
			for range n {
				wg.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						if err := f(i); err != nil && !expected(err) {
							t.Error(err)
							return
						}
					}
				})
			}
		}
		// after waits for so many more answers. It is the clock of all that would
		// leave none to come, by ending all calls or by keeping the connection busy,
		// however slow the machine is.
		after := func(n uint64) {
			for begin := client.Stats().Calls.Answered; client.Stats().Calls.Answered < begin+n && ctx.Err() == nil; {
				time.Sleep(time.Millisecond)
			}
		}
		work(4, func(i int) error {
			got, err := xbus.Call[int](ctx, client, "demo.echo", i, rpc.Progress()).Await(ctx)
			if err == nil && got != i {
				err = fmt.Errorf("%d instead of %d", got, i)
			}
			return err
		})
		work(2, func(i int) error {
			p := client.Call(ctx, "demo.echo", json.RawMessage("1"), rpc.KeepAcrossLoss(), rpc.Down(rpc.WhenDown(i%3)))
			if i%5 == 0 {
				client.Abort(p.ID(), nil)
			}
			<-p.Done()
			_, err := p.Result()
			return err
		})
		work(2, func(i int) error {
			sub, err := client.Topic([]string{"*::kept", "a::*", "told", "x::<line>"}[i%4], observable.WithLimit(1+i%7)).Subscribe()
			if err != nil {
				return err
			}
			defer sub.Close()
			short, stop := context.WithTimeout(ctx, time.Duration(rand.IntN(3))*time.Millisecond)
			defer stop()
			_, err = sub.Next(short)
			return err
		})
		work(1, func(i int) error {
			events, wait := client.Topic("*::*").Chan(ctx)
			for range 100 {
				<-events
			}
			go client.UnsubscribeAll("*::*")
			for range events {
			}
			return wait()
		})
		work(1, func(i int) error {
			if i%10 == 0 {
				after(1)
			}
			return client.Publish(ctx, "a::kept", i)
		})
		work(1, func(i int) error {
			if i%10 == 0 {
				after(1)
			}
			return hall.Publish(ctx, "a::told", i)
		})
		work(1, func(i int) error {
			after(10)
			client.Resp("m", "").HasCommand("x")
			client.AbortAll(nil)
			return nil
		})
		work(1, func(i int) error {
			after(50)
			client.Reconnect()
			if s := client.Stats(); s.Conn.Sessions >= 20 && s.Calls.Answered >= 1000 && s.Calls.Unanswered >= 100 && s.Delivered >= 1000 {
				cancel()
			}
			return nil
		})
		for s, err := range client.State().Observable().All(ctx) {
			if err == nil && s.Phase == conn.Closed {
				t.Errorf("%v", s)
			}
		}
		wg.Wait()
		if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("it has not come to its end: %v; %+v", err, client.Stats())
		}
		awaitState(t, client, conn.State.Usable)
		client.AbortAll(nil)
		s := client.Stats()
		if c := s.Calls; c.InFlight != 0 || c.Started != c.Answered+c.Failed+c.Unanswered || c.Answered == 0 {
			t.Errorf("%+v", c)
		}
		if s.Matched != s.Delivered+s.Dropped+uint64(s.Buffered) || s.Subscriptions != 0 || s.Buffered != 0 || s.Delivered == 0 {
			t.Errorf("%+v", s)
		}
		if s.Conn.Failures[conn.ErrCut.Error()] == 0 || s.Conn.Sessions < 2 {
			t.Errorf("%+v", s.Conn)
		}
		for reason := range s.Conn.Failures {
			if reason != conn.ErrCut.Error() {
				t.Errorf("lost by: %+v; the hall: %+v", s.Conn.Failures, hall.Stats())
			}
		}
	})
}

// expected is what may happen to each step of TestEverythingAtOnce.
func expected(err error) bool {
	for _, target := range []error{
		rpc.ErrConnectionLost, rpc.ErrNotConnected, rpc.ErrAborted, context.DeadlineExceeded, context.Canceled, observable.ErrClosed, rpc.ErrTooMany, rpc.ErrInFlight,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return strings.Contains(err.Error(), "cut on request")
}

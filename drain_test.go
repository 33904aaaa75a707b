package xbus_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := open(t, server.Config{})
		handle(t, hall, "demo.slow", func(ctx context.Context, ms int) (int, error) {
			time.Sleep(time.Duration(ms) * time.Millisecond)
			return ms, nil
		}, server.Parallel())
		client := connect(t, hall.URL())
		calls := []*rpc.Pending{client.Call(t.Context(), "demo.slow", 1000), client.Call(t.Context(), "demo.slow", 2000)}
		loop, byHand := subscribe(t, client.Topic("a::b")), subscribe(t, client.Topic("a::b"))
		read := make(chan int)
		go func() {
			n := 0
			for _, err := range loop.All(t.Context()) {
				if err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second) // slower than the calls
				n++
			}
			read <- n
		}()
		for i := range 5 {
			publish(t, hall, "a::b", i)
		}
		go func() {
			for range 6 {
				_, _ = byHand.Next(t.Context())
			}
		}()
		report, err := client.Drain(t.Context())
		if err != nil || report.Aborted != 0 || report.Undelivered != 0 {
			t.Errorf("%+v %v", report, err)
		}
		if report.Took < 4*time.Second || report.Took > 4*time.Second+100*time.Millisecond { // until the loop has taken its last event
			t.Errorf("after %v", report.Took)
		}
		for _, p := range calls {
			if _, err := p.Await(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if n := <-read; n != 5 {
			t.Errorf("%d events were read", n)
		}
		if s := client.Stats(); s.Dropped != 0 || s.Matched != 10 || s.Delivered != 10 {
			t.Errorf("%+v", s)
		}
	})
}

func TestDrainOutOfPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := open(t, server.Config{})
		handle(t, hall, "demo.never", func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() }, server.Parallel())
		client := connect(t, hall.URL())
		call := client.Call(t.Context(), "demo.never", nil)
		sub := subscribe(t, client.Topic("a::b"))
		publish(t, hall, "a::b", 1)
		publish(t, hall, "a::b", 2)
		synctest.Wait()
		drained := make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		go func() {
			defer close(drained)
			report, err := client.Drain(ctx)
			wantErr(t, err, context.DeadlineExceeded)
			if report.Aborted != 1 || report.Undelivered != 2 || report.Took != 3*time.Second {
				t.Errorf("%+v", report)
			}
		}()
		synctest.Wait()
		_, err := client.Call(t.Context(), "demo.echo", nil).Await(t.Context()) // refused from the beginning
		wantErr(t, err, rpc.ErrClosed, xbus.ErrClosed)
		<-drained
		_, err = call.Await(t.Context())
		wantErr(t, err, rpc.ErrClosed)
		if n := sub.Stats().Buffered; n != 2 {
			t.Errorf("%d left to be read", n)
		}
		if report, err := client.Drain(t.Context()); err != nil && report.Aborted != 0 {
			t.Errorf("%+v %v", report, err)
		}
	})
}

func TestDrainOfAnUnreadClient(t *testing.T) {
	client := connect(t, open(t, server.Config{}).URL())
	subscribe(t, client.Topic("a::b"))
	report, err := client.Drain(within(t))
	if err != nil || report.Aborted != 0 || report.Undelivered != 0 {
		t.Errorf("%+v %v", report, err)
	}
}

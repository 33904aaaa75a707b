package inproc

import (
	"testing"
	"testing/synctest"
	"time"
)

// A reader that waits gives each message its time; one that is at work does so when
// it waits again, or when somebody asks.
func TestWhenTheLastMessageCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client, hall := joined(t)
		began := time.Now()
		work := make(chan time.Duration, 8)
		go func() {
			for {
				if _, err := client.Receive(); err != nil {
					return
				}
				time.Sleep(<-work)
			}
		}()
		want := func(after time.Duration) {
			t.Helper()
			if got := client.Info().LastReceived.Sub(began); got != after {
				t.Errorf("the last came after %v, want %v", got, after)
			}
		}
		send := func(workload time.Duration) {
			work <- workload
			if _, err := hall.Send(t.Context(), command("1")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		time.Sleep(time.Second)
		want(0)
		send(0) // at 1 s
		time.Sleep(time.Second)
		want(time.Second)
		send(3 * time.Second) // at 2 s, at work until 5 s
		time.Sleep(time.Second)
		send(0) // at 3 s
		time.Sleep(4 * time.Second)
		want(5 * time.Second) // when it was taken
		send(3 * time.Second) // at 7 s, at work until 10 s
		time.Sleep(time.Second)
		send(0) // at 8 s
		want(8 * time.Second)
		time.Sleep(time.Second)
		want(8 * time.Second)
		client.Close()
		time.Sleep(2 * time.Second) // until its reader has seen it
	})
}

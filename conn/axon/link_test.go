package axon

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/wire"
)

// event is the member of a small event.
func event(t testing.TB, id string) []byte {
	t.Helper()
	return packed(6, gzip.Header{}, framed(t, &wire.Message{Topic: "a::b", Token: "t", ID: id, Data: []byte("1")}))
}

// feed writes to a socket from the hall's side, beside the test.
func feed(events net.Conn, parts ...[]byte) {
	go func() {
		for _, b := range parts {
			events.Write(b)
		}
	}()
}

// ended receives until the link ends, and returns the ids of what came and the
// reason.
func ended(t *testing.T, l *link) (ids []string, err error) {
	t.Helper()
	for {
		m, err := l.Receive()
		if err != nil {
			return ids, err
		}
		ids = append(ids, m.ID)
	}
}

func TestReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, events, _ := pipe(t, true)
		began := time.Now()
		if info := l.Info(); info.Goroutines != 1 || !info.LastReceived.Equal(began) || info.Written != 0 {
			t.Errorf("a new link is %+v", info)
		}
		time.Sleep(time.Second)
		feed(events, event(t, "1"), event(t, "2"), packed(6, gzip.Header{}, framed(t, wire.Heartbeat())))
		for _, want := range []string{"1", "2", ""} {
			m, err := l.Receive()
			if err != nil || m.ID != want || m.IsHeartbeat() != (want == "") {
				t.Errorf("received %v, %v; want %s", m, err, want)
			}
		}
		if got := l.Info().LastReceived.Sub(began); got != time.Second {
			t.Errorf("the last bytes came after %v", got)
		}
		events.Close()
		_, err := l.Receive()
		if !errors.Is(err, conn.ErrLinkLost) || !errors.Is(err, io.EOF) {
			t.Errorf("the end is %v", err)
		}
		for range 3 {
			if _, again := l.Receive(); again != err {
				t.Errorf("the end is %v, and then %v", err, again)
			}
		}
		l.Close()
		if _, again := l.Receive(); again != err {
			t.Errorf("the end is %v, and after Close %v", err, again)
		}
	})
}

// When the command socket dies, what has arrived by the other one is received,
// and what says why (protocol §2.5).
func TestTheEventSocketOutlivesTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, events, commands := pipe(t, true)
		began := time.Now()
		commands.Close()
		synctest.Wait()
		feed(events, event(t, "1"), event(t, "2"), event(t, "3"))
		ids, err := ended(t, l)
		if !slices.Equal(ids, []string{"1", "2", "3"}) || !errors.Is(err, conn.ErrLinkLost) || !errors.Is(err, io.EOF) {
			t.Errorf("received %v, then %v", ids, err)
		}
		if took := time.Since(began); took != drainTime {
			t.Errorf("it went on for %v", took)
		}
		if _, err := l.Send(t.Context(), command("x", 1)); !errors.Is(err, conn.ErrNotSent) || !errors.Is(err, conn.ErrLinkLost) {
			t.Errorf("a message after that: %v", err)
		}
	})
}

// A hall that goes on sending does not keep half a link alive.
func TestHalfALinkEnds(t *testing.T) {
	for _, idle := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			l, events, commands := pipe(t, true, func(c *Config) { c.IdleTimeout = idle })
			began := time.Now()
			stop := make(chan struct{})
			go func() {
				defer close(stop)
				for {
					if _, err := events.Write(event(t, "1")); err != nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			}()
			l.Receive()
			commands.Close()
			if _, err := ended(t, l); !errors.Is(err, conn.ErrLinkLost) {
				t.Errorf("the end is %v", err)
			}
			if took := time.Since(began); took != drainTime {
				t.Errorf("it went on for %v", took)
			}
			<-stop
		})
	}
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, events, _ := pipe(t, true, func(c *Config) { c.IdleTimeout = 10 * time.Second })
		began := time.Now()
		go func() {
			for range 5 {
				time.Sleep(9 * time.Second)
				events.Write(event(t, "1"))
			}
		}()
		ids, err := ended(t, l)
		if len(ids) != 5 || !errors.Is(err, conn.ErrTimeout) || !strings.Contains(err.Error(), "nothing was received for 10s") {
			t.Errorf("received %d, then %v", len(ids), err)
		}
		if took := time.Since(began); took != 55*time.Second {
			t.Errorf("it ended after %v", took)
		}
	})
}

// inBubble is the number of goroutines of this bubble: those of the process may
// include some that end just now.
func inBubble(t *testing.T) int {
	t.Helper()
	stacks := make([]byte, 1<<20)
	name := regexp.MustCompile(`synctest bubble \d+`).FindString(string(stacks[:runtime.Stack(stacks, false)]))
	if name == "" {
		t.Fatal("not in a bubble")
	}
	all := stacks[:runtime.Stack(stacks, true)]
	return len(regexp.MustCompile(`(?m)^goroutine .*\b`+name+`\b`).FindAll(all, -1))
}

// Close ends everything at once, whoever waits, and may be called by all.
func TestCloseFromAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := inBubble(t)
		l, _, _ := pipe(t, true, func(c *Config) { c.SendQueue = 1 })
		synctest.Wait()
		if got := inBubble(t) - before; got != l.Info().Goroutines || got != 1 {
			t.Errorf("an idle link has %d goroutines and says %d", got, l.Info().Goroutines)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := l.Receive(); !errors.Is(err, conn.ErrClosed) {
				t.Errorf("received: %v", err)
			}
		})
		for i := range 5 {
			wg.Go(func() {
				for {
					if _, err := l.Send(context.Background(), command(fmt.Sprint(i), 10)); err != nil {
						if !errors.Is(err, conn.ErrClosed) || !errors.Is(err, conn.ErrNotSent) {
							t.Errorf("sent: %v", err)
						}
						return
					}
				}
			})
		}
		synctest.Wait()
		for range 3 {
			wg.Go(func() {
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if got := inBubble(t) - before; got != 0 {
			t.Errorf("%d goroutines are left", got)
		}
	})
}

// A peer that dies in the middle of something is lost, not wrong.
func TestDeathInTheMiddle(t *testing.T) {
	whole := framed(t, &wire.Message{Topic: "a::b", Token: "t", ID: "1", Data: []byte("1")})
	for _, compressed := range []bool{true, false} {
		wrap := func(b []byte) []byte { return b }
		if compressed {
			wrap = func(b []byte) []byte { return packed(6, gzip.Header{}, b) }
		}
		for _, sent := range [][]byte{whole[:1], whole[:7], whole[:len(whole)-1]} {
			deaths := [][]byte{wrap(sent)}
			if compressed {
				deaths = append(deaths, deaths[0][:5], deaths[0][:12], deaths[0][:len(deaths[0])-1])
			}
			for _, b := range deaths {
				synctest.Test(t, func(t *testing.T) {
					l, events, _ := pipe(t, compressed)
					go func() {
						events.Write(b)
						events.Close()
					}()
					ids, err := ended(t, l)
					if len(ids) != 0 || !errors.Is(err, conn.ErrLinkLost) || errors.Is(err, conn.ErrProtocol) {
						t.Errorf("after % x: %v, then %v", b, ids, err)
					}
				})
			}
		}
	}
}

func TestBytesByTheWrongSocket(t *testing.T) {
	for _, test := range []struct {
		sent byte
		want error
	}{{0x21, conn.ErrProtocol}, {0x1f, conn.ErrProtocol}, {tlsAlert, conn.ErrTLSRequired}} {
		synctest.Test(t, func(t *testing.T) {
			l, _, commands := pipe(t, true)
			feed(commands, []byte{test.sent})
			if _, err := ended(t, l); !errors.Is(err, test.want) {
				t.Errorf("after 0x%02x: %v", test.sent, err)
			}
		})
	}
}

// What is announced is not allocated, and what comes is held up to the limit.
func TestLargeFramesAreRefused(t *testing.T) {
	announced := binary.BigEndian.AppendUint32([]byte("\x22AXON\x00\x00\x00\x06s:a::b"), 1<<31)
	bomb := binary.BigEndian.AppendUint32([]byte("\x22AXON\x00\x00\x00\x06s:a::b"), 900<<10)
	bomb = append(bomb, make([]byte, 3<<20)...)
	for name, test := range map[string]struct {
		sent []byte
		cost uint64
	}{
		"a length":     {announced, 128 << 10},
		"a bomb":       {bomb, 4 << 20},
		"many bombs":   {slices.Concat(bomb[:1<<20], bomb[:1<<20]), 4 << 20},
		"a long topic": {append([]byte("\x22AXON\x00\x10\x00\x00s:"), make([]byte, 1<<20)...), 128 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			member := packed(1, gzip.Header{}, test.sent)
			if cost := allocated(func() {
				synctest.Test(t, func(t *testing.T) {
					l, events, _ := pipe(t, true, func(c *Config) { c.Limits.MaxFrame = 1 << 20 })
					feed(events, member)
					if ids, err := ended(t, l); len(ids) != 0 || !errors.Is(err, conn.ErrProtocol) {
						t.Errorf("%v, then %v", ids, err)
					}
				})
			}); cost > test.cost {
				t.Errorf("it cost %d bytes of memory", cost)
			}
		})
	}
}

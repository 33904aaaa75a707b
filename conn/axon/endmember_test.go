package axon

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// ends are the ways in which this side ends a link.
var ends = map[string]func(*link){
	"Close":   func(l *link) { l.Close() },
	"EndWith": func(l *link) { l.EndWith(errors.New("enough")) },
}

// whatCame returns all that a link writes until it ends.
func whatCame(from io.Reader) <-chan []byte {
	came := make(chan []byte, 1)
	go func() {
		raw, _ := io.ReadAll(from)
		came <- raw
	}()
	return came
}

// A link that is ended leaves a whole gzip member: one that is cut off would cost
// a busy peer of the reference the last frames.
func TestTheMemberIsEnded(t *testing.T) {
	for _, level := range []int{0, 6} {
		for name, end := range ends {
			t.Run(fmt.Sprint(name, " ", level), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l, _, commands := pipe(t, true, func(c *Config) { c.Compression = level })
					came := whatCame(commands)
					var want []byte
					for _, size := range []int{10, 1000, maxBlock + 1, 20} {
						m := command("1", size)
						send(t, l, m)
						want = append(want, framed(t, m)...)
						if err := l.Flush(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					end(l)
					z, err := gzip.NewReader(bytes.NewReader(<-came))
					if err != nil {
						t.Fatal(err)
					}
					if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, want) {
						t.Errorf("%d bytes, then %v; want %d", len(got), err, len(want))
					}
				})
			})
		}
	}
}

// A peer that writes as xbus does needs no end, and no sum is kept for it.
func TestNoEndForAPeerOfXbus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, events, commands := pipe(t, true)
		came := whatCame(commands)
		go events.Write(endlessMember(string(framed(t, command("0", 1)))))
		if _, err := l.Receive(); err != nil {
			t.Fatal(err)
		}
		send(t, l, command("1", 10))
		l.Flush(t.Context())
		if l.out.sum != 0 || l.out.size != 0 {
			t.Error("a sum is kept for nothing")
		}
		l.Close()
		raw := <-came
		if m, err := wire.NewReader(newInflater(bytes.NewReader(raw)), wire.Limits{}).Next(); err != nil || m.ID != "1" {
			t.Errorf("received %v, %v", m, err)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(z); err != io.ErrUnexpectedEOF {
			t.Errorf("the member ends with %v", err)
		}
	})
}

// Nothing is written in order to end what has not begun, or what is being written,
// and who takes nothing does not hold up the end.
func TestTheEndDoesNotWait(t *testing.T) {
	for name, end := range ends {
		synctest.Test(t, func(t *testing.T) {
			l, _, commands := pipe(t, true)
			came := whatCame(commands)
			end(l)
			if raw := <-came; len(raw) != 0 {
				t.Errorf("%s: % x was written without a message", name, raw)
			}

			l, _, commands = pipe(t, true)
			send(t, l, command("1", 10))
			if _, err := io.ReadFull(commands, make([]byte, len(endlessHead)+blockHead+len(framed(t, command("1", 10))))); err != nil {
				t.Fatal(err)
			}
			if err := l.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			end(l)
			if took := time.Since(began); took != endTime {
				t.Errorf("%s took %v with a peer that takes nothing, want %v", name, took, endTime)
			}

			l, _, _ = pipe(t, true)
			send(t, l, command("1", 10))
			synctest.Wait() // it is being written
			began = time.Now()
			end(l)
			if took := time.Since(began); took != 0 {
				t.Errorf("%s took %v while something was written", name, took)
			}
		})
	}
}

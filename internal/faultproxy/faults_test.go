package faultproxy_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/xcraft-go/xbus/internal/faultproxy"
)

func TestStallKeepsTheConnectionAndTheBytes(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{Stall: true})
	r.write(client, "first, ")
	r.write(server, "open?")
	r.read(client, "open?") // the other direction works
	if s := r.proxy.Stats(); s.Up.Forwarded != 0 {
		t.Errorf("stats %+v: forwarded during the stall", s)
	}
	r.write(client, "second")
	client.CloseWrite()
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{})
	r.readEnd(server, "first, second")
}

// A stall that comes while bytes are on their way holds them too.
func TestStallHoldsWhatIsPending(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{Delay: time.Hour})
	r.write(client, "held")
	r.wait(func(s faultproxy.Stats) bool { return s.Up.Received == 4 })
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{Stall: true})
	r.write(server, "!")
	r.read(client, "!")
	if f := r.proxy.Stats().Up; f.Pending() != 4 || f.Forwarded != 0 {
		t.Errorf("stats %+v, want 4 pending bytes", f)
	}
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{})
	r.read(server, "held")
}

func TestStallIsFeltBySenders(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{Stall: true})
	client.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	const size = 256 << 20 // more than the systems buffer
	sent, err := io.Copy(client, io.LimitReader(zeros{}, size))
	if err == nil || sent == size {
		t.Fatalf("all was sent into a stall: %v", err)
	}
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{})
	client.CloseWrite()
	if got, err := io.Copy(io.Discard, server); got < sent || err != nil {
		t.Errorf("%d bytes of %d arrived, %v", got, sent, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestSwallow(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{Swallow: true})
	r.write(client, "gone")
	r.wait(func(s faultproxy.Stats) bool { return s.Up.Swallowed == 4 })
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{})
	r.write(client, "back")
	r.read(server, "back")
}

func TestDelay(t *testing.T) {
	const delay = 50 * time.Millisecond
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.proxy.Set(faultproxy.Down, faultproxy.Faults{Delay: delay})
	start := time.Now()
	r.write(server, "late")
	r.read(client, "late")
	if took := time.Since(start); took < delay {
		t.Errorf("arrived after %v, want %v at least", took, delay)
	}

	// A delay of an hour ends when it is taken away, the end of the stream
	// comes after the bytes.
	r.proxy.Set(faultproxy.Down, faultproxy.Faults{Delay: time.Hour})
	r.write(server, "sooner")
	server.CloseWrite()
	r.wait(func(s faultproxy.Stats) bool { return s.Down.Received == 10 })
	r.proxy.Set(faultproxy.Down, faultproxy.Faults{})
	r.readEnd(client, "sooner")
}

func TestDelayIsNotPaidTwice(t *testing.T) {
	const delay, pieces = 100 * time.Millisecond, 30
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{Delay: delay})
	start := time.Now()
	for i := range pieces {
		r.write(client, "x")
		// each one is a chunk of its own
		r.wait(func(s faultproxy.Stats) bool { return s.Up.Received == int64(i+1) })
	}
	r.read(server, strings.Repeat("x", pieces))
	if took := time.Since(start); took >= delay*pieces/2 {
		t.Errorf("%d pieces took %v: the delays add up", pieces, took)
	}
}

func TestPiece(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{Piece: 1})
	r.write(client, "one by one")
	r.read(server, "one by one")
	r.wait(func(s faultproxy.Stats) bool { return s.Up.Writes == 10 })
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{Piece: 4})
	r.write(client, "in fours..")
	r.read(server, "in fours..")
	r.wait(func(s faultproxy.Stats) bool { return s.Up.Writes == 13 })
}

func TestLimit(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.proxy.Set(faultproxy.Down, faultproxy.Faults{Limit: 100_000})
	start := time.Now()
	r.write(server, strings.Repeat("x", 12_000))
	r.read(client, strings.Repeat("x", 12_000))
	// the last piece, a fiftieth of a second, is paid by who comes after it
	if took := time.Since(start); took < 95*time.Millisecond {
		t.Errorf("12 kB at 100 kB/s took %v", took)
	}
}

func TestFlipEvery(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	client, server := r.dial()
	r.write(client, "0000") // counted from the beginning of the connection
	r.read(server, "0000")
	r.proxy.Set(faultproxy.Up, faultproxy.Faults{FlipEvery: 3, Piece: 2})
	r.write(client, "00000000")
	r.read(server, "01001001")
	r.wait(func(s faultproxy.Stats) bool { return s.Up.Flipped == 3 })
	r.write(server, "0000")
	r.read(client, "0000") // the other direction is not concerned
}

func TestCutAfter(t *testing.T) {
	for _, piece := range []int{0, 1, 4} {
		r := newRig(t, faultproxy.Config{})
		client, server := r.dial()
		r.write(server, "before")
		r.read(client, "before")
		r.proxy.Set(faultproxy.Down, faultproxy.Faults{CutAfter: 7, Piece: piece})
		r.write(server, "0123")
		r.read(client, "0123")
		r.write(server, "456789")
		r.readEnd(client, "456")
		r.readEnd(server, "")
		server.Close()
		client.Close()

		client, server = r.dial() // later connections count for themselves
		r.write(server, "abcdefghij")
		r.readEnd(client, "abcdefg")
		server.Close()
		client.Close()
		r.wait(func(s faultproxy.Stats) bool { return s.Open == 0 })
		balanced(t, r.proxy.Stats())
	}
}

func TestNegativeFaultsPanic(t *testing.T) {
	r := newRig(t, faultproxy.Config{})
	for _, f := range []faultproxy.Faults{{Delay: -1}, {Piece: -1}, {Limit: -1}, {FlipEvery: -1}, {CutAfter: -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v: no panic", f)
				}
			}()
			r.proxy.Set(faultproxy.Up, f)
		}()
	}
}

// Whatever faults that lose nothing come and go, the bytes and the end of the
// stream arrive unchanged, and the counts add up.
func TestFaultsThatLoseNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, faultproxy.Config{})
		client, server := r.dial()
		payload := make([]byte, rapid.IntRange(0, 200_000).Draw(rt, "size"))
		seed := rand.NewChaCha8([32]byte{1})
		seed.Read(payload)
		faults := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) faultproxy.Faults {
			return faultproxy.Faults{
				Stall: rapid.Bool().Draw(t, "stall"),
				Delay: time.Duration(rapid.IntRange(0, 3).Draw(t, "delay ms")) * time.Millisecond,
				Piece: rapid.SampledFrom([]int{0, 1, 7, 1000}).Draw(t, "piece"),
				Limit: rapid.SampledFrom([]int{0, 1 << 20, 1 << 30}).Draw(t, "limit"),
			}
		}), 0, 8).Draw(rt, "faults")

		var work sync.WaitGroup
		work.Go(func() {
			client.Write(payload)
			client.CloseWrite()
		})
		work.Go(func() {
			for _, f := range faults {
				r.proxy.Set(faultproxy.Up, f)
			}
			r.proxy.Set(faultproxy.Up, faultproxy.Faults{})
		})
		got, err := io.ReadAll(server)
		work.Wait()
		if err != nil || !bytes.Equal(got, payload) {
			rt.Fatalf("%d bytes of %d arrived, equal %v, %v", len(got), len(payload), bytes.Equal(got, payload), err)
		}
		server.Close()
		r.wait(func(s faultproxy.Stats) bool { return s.Open == 0 })
		if s := r.proxy.Stats(); s.Up.Forwarded != int64(len(payload)) || s.Up.Pending() != 0 {
			rt.Fatalf("stats %+v", s)
		}
	})
}

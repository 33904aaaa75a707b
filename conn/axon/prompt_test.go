package axon

import (
	"fmt"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// sendNow is send by SendNow.
func sendNow(t *testing.T, l *link, m *wire.Message) {
	t.Helper()
	if _, err := l.SendNow(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// A message that is alone has been handed to the system when SendNow returns, and
// there is no writer.
func TestSendNowWritesAtOnce(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		l, _, commands := loopback(t, compressed)
		if l.out.prompt == nil {
			t.Skip("there is no such write on this system")
		}
		for i := range 10 {
			sendNow(t, l, command(fmt.Sprint(i), 100))
			l.out.mu.Lock()
			if l.out.writing || !l.out.backlog.empty() || l.Info().Written != uint64(i+1) {
				t.Errorf("message %d is not written when SendNow returns", i)
			}
			l.out.mu.Unlock()
		}
		readAll(t, commands, compressed, 10)
	}
}

// A peer that does not read makes nobody wait, and gets all of it in order later,
// what was half written included.
func TestSendNowLeavesTheRestToTheWriter(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		l, _, commands := loopback(t, compressed, func(c *Config) { c.SendQueue = 64 << 20 })
		const many = 1200 // 24 MiB, more than the buffers of two sockets
		for i := range many {
			m := command(fmt.Sprint(i), 20<<10)
			if i%3 == 0 {
				send(t, l, m)
			} else {
				sendNow(t, l, m)
			}
		}
		readAll(t, commands, compressed, many)
		if err := l.Flush(t.Context()); err != nil || l.Info().Written != many {
			t.Errorf("%d messages are written, %v", l.Info().Written, err)
		}
		sendNow(t, l, command(fmt.Sprint(many), 10)) // the role of the writer is free again
		if l.Info().Written != many+1 {
			t.Error("afterwards a message is not written at once")
		}
	}
}

// readAll reads messages whose ids count from 0.
func readAll(t *testing.T, commands interface {
	Read([]byte) (int, error)
	SetReadDeadline(time.Time) error
}, compressed bool, many int) {
	t.Helper()
	commands.SetReadDeadline(time.Now().Add(20 * time.Second))
	reader := wire.NewReader(commands, wire.Limits{})
	if compressed {
		reader = wire.NewReader(newInflater(commands), wire.Limits{})
	}
	for i := range many {
		if m, err := reader.Next(); err != nil || m.ID != fmt.Sprint(i) {
			t.Fatalf("message %d is %v, %v", i, m, err)
		}
	}
}

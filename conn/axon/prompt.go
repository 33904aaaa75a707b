package axon

import (
	"context"
	"net"
	"syscall"

	"github.com/xcraft-go/xbus/wire"
)

// SendNow is Send for a message that is the only one for a while, as that of a
// caller who waits for its answer: where nothing is queued, it is written before
// SendNow returns, without a goroutine, as far as the system takes it at once.
// Where many are sent, Send makes larger batches.
func (l *link) SendNow(ctx context.Context, m *wire.Message) (uint64, error) {
	if l.out.prompt == nil {
		return l.out.put(ctx, m, queued)
	}
	return l.out.put(ctx, m, prompt)
}

// maxNow is the largest message that is written at once.
const maxNow = 32 << 10

// A promptWriter writes to a socket what the system takes without a wait. It
// is used by the writer of an outbox only.
type promptWriter struct {
	raw  syscall.RawConn
	call func(fd uintptr) bool // writes rest, once
	rest []byte
}

// newPromptWriter returns nil for what is no plain socket.
func newPromptWriter(c net.Conn) *promptWriter {
	socket, ok := c.(syscall.Conn)
	if !ok || !writesAtOnce {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	w := &promptWriter{raw: raw}
	w.call = func(fd uintptr) bool {
		if n := writeOnce(fd, w.rest); n > 0 {
			w.rest = w.rest[n:]
		}
		return true
	}
	return w
}

// write returns what it has not written. Errors are left to who writes that.
func (w *promptWriter) write(b []byte) (rest []byte) {
	w.rest = b
	_ = w.raw.Write(w.call)
	rest, w.rest = w.rest, nil
	return rest
}

// writeNow is write on the goroutine that has put the first message. It gives the
// role of the writer to a goroutine when more is left than it can write at once.
func (o *outbox) writeNow() {
	batch, ok := o.take()
	if !ok {
		o.link.wg.Done()
		return
	}
	frames := batch.frames
	out := frames[headRoom:]
	if o.link.cfg.compressed {
		out = o.storedInPlace(frames)
		o.note(frames[headRoom:])
	}
	if o.rest = o.prompt.write(out); len(o.rest) > 0 {
		o.restOf = frames
		go o.writer()
		return
	}
	o.mu.Lock()
	o.backlog.giveBack(frames)
	over := o.over()
	o.mu.Unlock()
	if over {
		o.link.wg.Done()
		return
	}
	go o.writer()
}

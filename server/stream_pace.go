package server

import (
	"context"
	"time"

	"github.com/xcraft-go/xbus/conn"
)

// A pacer keeps a stream from filling the queue of a link: no more than two
// stretches of it wait there to be written.
type pacer struct {
	link   conn.Link
	bytes  int    // in the present stretch
	before uint64 // what was written when the stretch before ended
	begun  bool
}

const stretch = 256 << 10

// shares reports whether the link keeps what it was given.
func (p *pacer) shares() bool { return p.link.Info().Server }

// await waits until there is room for a piece.
func (p *pacer) await(ctx context.Context, size int, idle time.Duration) error {
	p.bytes += size
	if p.bytes <= stretch {
		return nil
	}
	if p.begun {
		if err := p.written(ctx, idle); err != nil {
			return err
		}
	}
	p.begun, p.bytes, p.before = true, size, p.link.Info().Written
	return nil
}

// written waits until the link has taken up a batch since the mark was set: a
// batch is all that waits. Under the traffic of others the link is never idle,
// so both are looked at.
func (p *pacer) written(ctx context.Context, idle time.Duration) error {
	l, ok := p.link.(interface{ Flush(context.Context) error })
	if !ok {
		return nil
	}
	began := time.Now()
	for nap := time.Millisecond; p.link.Info().Written <= p.before; nap = min(2*nap, 100*time.Millisecond) {
		brief, cancel := context.WithTimeout(ctx, nap)
		err := l.Flush(brief)
		timeout := brief.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			return nil
		case !timeout:
			return ErrCallerGone
		case time.Since(began) > idle:
			return ErrStreamIdle
		}
	}
	return nil
}

// escape keeps a piece from being taken for another kind of argument: its first
// byte goes into the prefix.
func escape(piece []byte) (prefix string, escaped []byte) {
	if len(piece) >= 2 && piece[1] == ':' && (piece[0] == 's' || piece[0] == 'j' || piece[0] == 'b') {
		prefix = string(piece[:1])
		piece[0] = 0
	}
	return prefix, piece
}

package server

import (
	"sync"
	"unsafe"

	"github.com/xcraft-go/xbus/wire"
)

// A letter is the message of an answer while it is handed to a link. Its topic
// and its id point into text. A socket uses nothing of them afterwards; a client
// in this process does, and then the next letter begins behind them.
type letter struct {
	m     wire.Message
	text  []byte
	alone bool // no other answers are about to be sent to this client
}

// textAtOnce is how much is allocated for the text of letters.
const textAtOnce = 4 << 10

var letters = sync.Pool{New: func() any { return new(letter) }}

// answer sends the answer of a command to the one who asked, or to who owns its
// name by now.
func (h *Hall) answer(r *Request, isError bool, p parts) {
	l := letters.Get().(*letter)
	l.write(r, isError, p)
	if err := wire.Check(&l.m); err != nil {
		l.write(r, true, parts{Data: encodeError(Errorf(CodeUnsendable, "the result of %s cannot be sent: %w", r.Message.Topic, err))})
	}
	l.alone = r.peer.ledger.alone()
	s := r.session
	delivered := s.reply(l)
	if !delivered {
		s = h.routes.owner(r.OrcName)
		delivered = s != nil && s != r.session && s.reply(l)
	}
	if delivered {
		h.counts.delivered.Add(1)
	} else {
		h.counts.unrouted.Add(1)
	}
	l.m = wire.Message{} // the pool keeps no payload
	letters.Put(l)
}

// write makes the answer: <orc>::<command>.<id>.finished, or .error.
func (l *letter) write(r *Request, isError bool, p parts) {
	ask, end := r.Message, ".finished"
	if isError {
		end = ".error"
	}
	size := len(r.OrcName) + len("::") + len(ask.Topic) + len(".") + len(ask.ID) + len(end) + wire.IDLen
	if cap(l.text) < size {
		l.text = make([]byte, 0, max(size, textAtOnce))
	}
	text := append(append(append(l.text[:0], r.OrcName...), "::"...), ask.Topic...)
	text = append(append(append(text, '.'), ask.ID...), end...)
	topic := len(text)
	var id [wire.IDLen]byte
	wire.PutID(&id)
	l.text = append(text, id[:]...)

	m := &l.m
	m.Topic, m.ID = textOf(l.text[:topic]), textOf(l.text[topic:])
	m.OrcName, m.Token = r.OrcName, r.hall.token
	m.SetPayload(p.Data, p.Immu, p.Shred, p.Chunk)
	m.SetContext(ask.Context())
	m.IsError, m.Stream = isError, r.announced && !isError
	m.Router, m.OriginRouter = wire.Axon, origin(ask)
}

func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// reply gives the session an answer, as deliver does with an event, and reports
// whether it is on its way or kept.
func (s *session) reply(l *letter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	l.m.Seq = 0
	if s.numbered {
		s.seq++
		l.m.Seq = s.seq
	}
	if s.peer != nil && s.peer.post(&l.m, l.alone) {
		if s.peer.info.InProcess {
			l.text = l.text[len(l.text):]
		}
		return true
	}
	if s.numbered {
		s.kept.add(l.m.Clone())
	}
	return s.numbered
}

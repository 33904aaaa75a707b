package server

import "github.com/xcraft-go/xbus/wire"

// kept holds the last events for a client that may come back, oldest first.
type kept struct {
	limit  int
	events []*wire.Message
	bytes  int
}

// maxKept bounds the payloads that are kept for one client, in bytes.
const maxKept = 8 << 20

func (k *kept) add(m *wire.Message) {
	k.events = append(k.events, m)
	k.bytes += weight(m)
	drop := 0
	for len(k.events)-drop > k.limit || k.bytes > maxKept && drop < len(k.events) {
		k.bytes -= weight(k.events[drop])
		k.events[drop] = nil
		drop++
	}
	k.events = k.events[drop:]
}

func weight(m *wire.Message) int {
	return len(m.Topic) + len(m.Data) + len(m.Immu()) + len(m.Shred()) + len(m.Chunk) + len(m.Context())
}

// after returns the kept events with a number above seq.
func (k *kept) after(seq uint64) []*wire.Message {
	events := k.events
	for len(events) > 0 && events[0].Seq <= seq {
		events = events[1:]
	}
	return events
}

// resume tells a client of xbus where its session stands, and which events it
// gets once more. The lock of the session is held.
func (s *session) resume(a *announced) (*resumed, []*wire.Message) {
	r := &resumed{session: s.id, seq: s.seq, lost: s.lost}
	if a == nil || a.session != s.id {
		return r, nil
	}
	replay := s.kept.after(a.seq)
	r.known, r.replayed = true, len(replay)
	return r, replay
}

// keeps reports whether events with this topic are kept for clients that are
// away.
func (h *Hall) keeps(topic string) bool {
	for _, pattern := range h.replay {
		if pattern.Match(topic) {
			return true
		}
	}
	return false
}

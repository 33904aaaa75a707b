package xbus

import "encoding/json"

// Halls of xbus number the events that they send to a client of xbus and keep
// its session for a while when the connection is gone. The client says in its
// autoconnect which session it had and which event it saw last; the hall says
// which one it published last, and how many of the missed ones it sends again.
// Other halls ignore what they do not know.

// An announcement is what the client says.
type announcement struct {
	Version int    `json:"version"`
	Session string `json:"session,omitempty"`
	Seq     uint64 `json:"seq,omitempty"`
	Attempt uint64 `json:"attempt"` // so that the hall knows the newest of two connections
}

// A resume is what the hall answers.
type resume struct {
	Session  string `json:"session"`
	Known    bool   `json:"known"`    // the session goes on
	Seq      uint64 `json:"seq"`      // of the last event for this client
	Replayed uint64 `json:"replayed"` // how many of the missed ones follow
	Lost     string `json:"lost"`     // why the hall cut the last connection
}

// announce is called for each autoconnect.
func (c *Client) announce() map[string]any {
	c.subs.mu.Lock()
	session := c.subs.session
	c.subs.mu.Unlock()
	c.attempts++
	return map[string]any{"xbus": announcement{Version: 1, Session: session, Seq: c.events.last(), Attempt: c.attempts}}
}

// resumeOf reads the member that only halls of xbus have.
func resumeOf(xbus []byte) (r resume) {
	if xbus != nil {
		_ = json.Unmarshal(xbus, &r) // what another hall means by it says nothing
	}
	return r
}

// A position is how far the numbered events of a hall have come. After a return
// the replayed ones come first, with numbers up to base, then those above.
type position struct {
	base     uint64 // of the last event before the return
	owed     uint64 // replayed events that have not come yet
	replayed uint64 // of the last one that has, or the last before the loss
	seq      uint64 // of the last event after the return
}

// came notes an event; 0 is the number of one that has none.
func (p *position) came(seq uint64) {
	switch {
	case seq == 0:
	case seq > p.base:
		p.seq, p.owed = seq, 0
	case p.owed > 0:
		p.owed--
		p.replayed = seq
	}
}

// last is the number of the event up to which nothing more is wanted.
func (p *position) last() uint64 {
	if p.owed > 0 {
		return p.replayed
	}
	return max(p.seq, p.base)
}

// resume begins a session and returns how many events were missed: those that
// were published since the last one, and those that the hall has promised to
// send again and could not.
func (p *position) resume(r resume) (missed uint64) {
	last := max(p.seq, p.base)
	missed = r.Seq - min(last, r.Seq) + p.owed
	*p = position{base: r.Seq, owed: r.Replayed, replayed: p.last()}
	if !r.Known {
		p.owed, missed = 0, 0
	}
	return missed
}

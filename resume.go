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
	l := &c.subs
	l.mu.Lock()
	defer l.mu.Unlock()
	return map[string]any{"xbus": announcement{Version: 1, Session: l.session, Seq: l.seq.Load()}}
}

func resumeOf(answer []byte) resume {
	var data struct {
		Resume resume `json:"xbus"`
	}
	_ = json.Unmarshal(answer, &data) // other halls say nothing
	return data.Resume
}

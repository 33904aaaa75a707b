package server

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/xcraft-go/xbus/topics"
	"github.com/xcraft-go/xbus/wire"
)

// offered are the builtin commands that a hall has only when it offers them.
var offered = map[string]bool{"shutdown": true, "broadcast": true, "error": true}

// builtins are the commands of the hall itself (protocol §4.7).
func (h *Hall) builtins() []*command {
	all := []struct {
		name, desc string
		run        func(*Request)
	}{
		{wire.CommandAuto, "", func(r *Request) { r.settle(nil, nil) }}, // handled before
		{"motd", "", h.motd},
		{"disconnect", "", h.disconnect},
		{commandLines, "connect or disconnect a line", h.updateLine},
		{"shutdown", "end the hall", h.shutdown},
		{"broadcast", "", h.broadcast},
		{"error", "", h.forge},
	}
	var list []*command
	for _, b := range all {
		if !offered[b.name] || slices.Contains(h.cfg.Offer, b.name) {
			list = append(list, &command{name: b.name, inline: b.run, parallel: true, entry: builtinEntry(b.name, b.desc)})
		}
	}
	for _, b := range h.streams.builtins() {
		list = append(list, &command{name: b.name, inline: b.run, parallel: true, entry: streamEntry(b.name, b.desc)})
	}
	return list
}

// done ends a builtin command. answer is the event that says so, which has no
// message id (protocol §4.7); "" for none.
func (h *Hall) done(r *Request, answer string) {
	if answer != "" {
		h.reply(r, answer, nil)
	}
	r.release()
}

// reply sends an event to the connection that asked.
func (h *Hall) reply(r *Request, name string, data any) {
	m := h.direct(r.OrcName, r.OrcName+"::"+name, data)
	if r.session.deliver(m, keepNever) {
		h.counts.delivered.Add(1)
	}
}

func (h *Hall) motd(r *Request) {
	commander, notifier := h.Ports()
	type text struct {
		Race string `json:"race"`
		Unit string `json:"unit"`
		Text string `json:"text"`
	}
	h.reply(r, "motd", struct {
		Server       string `json:"server"`
		CommandsPort int    `json:"commandsPort"`
		EventsPort   int    `json:"eventsPort"`
		Timeout      int    `json:"timeout"`
		OrcName      string `json:"orcName"`
		Motd         text   `json:"motd"`
	}{h.cfg.Name, commander, notifier, 0, r.OrcName, text{"orc", "grunt", "Work, work."}})
	h.done(r, "motd.finished")
}

// disconnect closes nothing; the session of a client of xbus ends with its
// connection then.
func (h *Hall) disconnect(r *Request) {
	r.session.mu.Lock()
	r.session.leaving = true
	r.session.mu.Unlock()
	h.done(r, "disconnect.finished")
}

func (h *Hall) shutdown(r *Request) {
	h.done(r, "")
	h.cfg.Logger.Info("shutdown", "by", wire.Redact(r.OrcName))
	end := h.cfg.OnShutdown
	if end == nil {
		end = func() { h.Close() }
	}
	go end() // it ends the hall, which waits for this connection
}

// broadcast sends an event that a client wants to be sent. What only the hall
// says, and what concerns an orc of somebody else, stays unsaid.
func (h *Hall) broadcast(r *Request) {
	var data struct {
		Topic string
		Msg   struct {
			ID         string
			Data       json.RawMessage
			Context    json.RawMessage
			Serialized bool
			Immu       json.RawMessage `json:"_xImmu"`
			Shred      json.RawMessage `json:"_xShred"`
			Horde      string          `json:"_xcraftHorde"` // from which the sender has it
		}
	}
	if err := json.Unmarshal(r.Message.Data, &data); err != nil || topics.CheckTopic(data.Topic) != nil {
		h.counts.refuse(BadArguments)
		r.settle(nil, Errorf(CodeArguments, "broadcast wants {topic: \"namespace::name\", msg: {data}}"))
		return
	}
	if !h.mayBroadcast(r, data.Topic) {
		h.counts.refuse(ForeignTopic)
		r.settle(nil, Errorf(CodeForbidden, "events with the topic %.100s are not yours to send", wire.Redact(data.Topic)))
		return
	}
	m := h.event(data.Topic, nil)
	m.SetPayload(data.Msg.Data, data.Msg.Immu, data.Msg.Shred, r.Message.Chunk)
	m.SetContext(data.Msg.Context)
	if data.Msg.Horde != "" {
		m.MakeRare().Horde = data.Msg.Horde
	}
	m.Serialized, m.Broadcasted = data.Msg.Serialized, true
	if data.Msg.ID != "" {
		m.ID = data.Msg.ID
	}
	if wire.Check(m) == nil {
		h.route(m)
	}
	h.done(r, "")
}

func (h *Hall) mayBroadcast(r *Request, topic string) bool {
	namespace, _, _ := topics.Split(topic)
	if orc, ok := orcished(topic); ok && h.routes.owner(orc) != r.session {
		return false
	}
	if strings.Contains(namespace, "@") {
		return h.routes.owner(namespace) == r.session
	}
	return namespace != wire.GreatHall
}

// forge makes the error event of a command of the sender (protocol §4.7).
func (h *Hall) forge(r *Request) {
	var data struct{ OrcName, ID string }
	_ = json.Unmarshal(r.Message.Data, &data) // an empty name is nobody's
	var cmd string
	_ = json.Unmarshal(r.Message.Member("cmd"), &cmd)
	if h.routes.owner(data.OrcName) != r.session || cmd == "" {
		h.counts.refuse(ForeignTopic)
		r.settle(nil, Errorf(CodeForbidden, "errors of others are not yours to send"))
		return
	}
	m := h.direct(data.OrcName, data.OrcName+"::"+cmd+"."+data.ID+".error", nil)
	m.IsError, m.Data = true, r.Message.Member("desc")
	r.session.deliver(m, keepNever)
	h.done(r, "")
}

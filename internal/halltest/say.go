package halltest

import (
	"strings"

	"github.com/xcraft-go/xbus/wire"
)

// Event sends an event with this JSON as its data, and the hall's token. An
// empty data is none.
func (h *Hall) Event(topic, data string) { h.Send(h.Message(topic, data)) }

// Message makes the message of an event.
func (h *Hall) Message(topic, data string) *wire.Message {
	orc, _, _ := strings.Cut(topic, "::")
	m := &wire.Message{
		Topic: topic, Token: wire.Token(h.present().Token), OrcName: orc, ID: wire.NewID(),
		IsError: strings.HasSuffix(topic, ".error"),
	}
	if data != "" {
		m.Data = []byte(data)
	}
	return m
}

// Finish and Fail answer a command.
func (h *Hall) Finish(m *wire.Message, data string) { h.answer(m, ".finished", data) }

// Fail answers a command with an error.
func (h *Hall) Fail(m *wire.Message, data string) { h.answer(m, ".error", data) }

func (h *Hall) answer(m *wire.Message, end, data string) {
	h.Event(m.OrcName+"::"+m.Topic+"."+m.ID+end, data)
}

// Beat sends one heartbeat.
func (h *Hall) Beat() { h.Send(wire.Heartbeat()) }

// GameOver says farewell, and closes nothing.
func (h *Hall) GameOver() { h.Event(wire.TopicGameOver, "{}") }

// Send sends a message as it is to all clients.
func (h *Hall) Send(m *wire.Message) {
	for _, p := range h.list(Notifier) {
		if err := p.send(m); err != nil {
			h.leave(p)
		}
	}
}

// Raw writes bytes as they are to all event sockets. Over TCP and TLS they must
// bring their own gzip.
func (h *Hall) Raw(b []byte) {
	h.tb.Helper()
	for _, p := range h.list(Notifier) {
		if p.write == nil {
			h.tb.Fatal("halltest: there are no bytes over inproc: use Send")
		}
		if err := p.write(b); err != nil {
			h.leave(p)
		}
	}
}

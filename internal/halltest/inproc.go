package halltest

import (
	"context"
	"testing"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/wire"
)

// Inproc is a hall inside the process, at mem://name. Both sockets of a client
// are one there: whichever is cut, the other one ends as well.
func Inproc(name string) Backend {
	return Backend{func(testing.TB) backend { return &inside{name: name} }}
}

type inside struct {
	name     string
	listener *inproc.Listener
}

func (b *inside) addr() Addr { return Addr{Name: b.name} }

func (b *inside) open(h *Hall) error {
	listener, err := inproc.Listen(b.name)
	if err != nil {
		return err
	}
	b.listener = listener
	h.wg.Go(func() {
		for {
			link, err := listener.Accept(context.Background())
			if err != nil {
				return
			}
			h.wg.Go(func() { h.host(link) })
		}
	})
	return nil
}

func (b *inside) close() { b.listener.Close() }

// host serves one client from beginning to end.
func (h *Hall) host(link conn.Link) {
	end := func() { link.Close() }
	send := func(m *wire.Message) error {
		_, err := link.Send(h.ctx, m)
		return err
	}
	events := &peer{side: Notifier, send: send, close: end}
	commands := &peer{side: Commander, close: end}
	defer link.Close()
	if !h.enter(events) {
		if h.present().Reject {
			_ = send(h.rejection())
		}
		return // the client still reads what it was sent
	}
	h.enter(commands)
	defer h.leave(commands)
	defer h.leave(events)
	for {
		m, err := link.Receive()
		if err != nil {
			return
		}
		h.command(m)
	}
}

// rejection is what a hall says to a client whose certificate it does not
// accept (protocol §2.5).
func (h *Hall) rejection() *wire.Message {
	return &wire.Message{Topic: wire.TopicReject, Bare: true,
		Rare: &wire.Rare{Extra: []byte(`"code":"XCRAFT_AXON_CLIENT_CERTIFICATE_REJECT","message":"Unauthorized client connection"`)}}
}

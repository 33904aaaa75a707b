package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// natsPeer is nats.go with a server in this process, without accounts, logs and
// storage, over TCP. A request goes to the server, to who answers, and back.
func natsPeer() Peer {
	return Peer{
		Name: "nats",
		Calls: func(context.Context) (Caller, error) {
			n := new(natsCaller)
			return begin(n, n.start)
		},
		Events: func(_ context.Context, c EventConfig) (Publisher, error) {
			n := &natsEvents{gate: newGate(c), data: Object(c.Size)}
			return begin(n, func() error { return n.start(c) })
		},
		Pulses: func(context.Context) (Pulser, error) {
			p := new(natsPulse)
			return begin(p, p.start)
		},
	}
}

// startNATS starts a server and returns its address.
func startNATS(c *closing) (url string, err error) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		MaxPayload: 8 << 20, MaxPending: 256 << 20,
	})
	if err != nil {
		return "", err
	}
	s.Start()
	c.thenQuietly(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		return "", fmt.Errorf("nats-server is not ready")
	}
	return s.ClientURL(), nil
}

func dialNATS(url string, c *closing) (*nats.Conn, error) {
	closed := make(chan struct{})
	nc, err := nats.Connect(url, nats.NoReconnect(), nats.Timeout(30*time.Second), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		return nil, err
	}
	c.thenQuietly(func() { nc.Close(); <-closed })
	return nc, nil
}

type natsCaller struct {
	closing
	nc *nats.Conn
}

func (n *natsCaller) start() error {
	url, err := startNATS(&n.closing)
	if err != nil {
		return err
	}
	answering, err := dialNATS(url, &n.closing)
	if err != nil {
		return err
	}
	if _, err = answering.Subscribe(echoCommand, func(m *nats.Msg) { m.Respond(m.Data) }); err != nil {
		return err
	}
	if err = answering.Flush(); err != nil {
		return err
	}
	n.nc, err = dialNATS(url, &n.closing)
	return err
}

func (n *natsCaller) PIDs() []int { return nil }

func (n *natsCaller) Call(context.Context) error {
	answer, err := n.nc.Request(echoCommand, callData, time.Minute)
	if err != nil {
		return err
	}
	return checkEcho(answer.Data)
}

func (n *natsCaller) Calls(ctx context.Context, count, inFlight int) error {
	return callMany(ctx, count, inFlight, func(ctx context.Context, _ int) error { return n.Call(ctx) })
}

type natsEvents struct {
	closing
	nc   *nats.Conn
	gate *gate
	data []byte
}

func (n *natsEvents) start(c EventConfig) error {
	loops := startLoops[*nats.Msg](&n.closing)
	url, err := startNATS(&n.closing)
	if err != nil {
		return err
	}
	for i := range c.Receivers {
		nc, err := dialNATS(url, &n.closing)
		if err != nil {
			return err
		}
		events := loops.over(func(m *nats.Msg) {
			if len(m.Data) >= c.Size {
				n.gate.received(i)
			}
		})
		if _, err := nc.ChanSubscribe("demo.burst", events); err != nil {
			return err
		}
		if err := nc.Flush(); err != nil {
			return err
		}
	}
	n.nc, err = dialNATS(url, &n.closing)
	return err
}

func (n *natsEvents) PIDs() []int { return nil }

func (n *natsEvents) Events(ctx context.Context, count int) error {
	return n.gate.publish(ctx, count, func() error { return n.nc.Publish("demo.burst", n.data) }, unbuffered)
}

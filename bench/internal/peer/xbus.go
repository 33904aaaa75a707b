package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"sync"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/server"
)

// The names that the module of the real server in interop has as well.
const (
	echoCommand = "demo.echo"
	eventTopic  = "demo::burst"
)

// xbusPeer is our client and our hall.
func xbusPeer(network string) Peer {
	return Peer{
		Name: "xbus " + network,
		Calls: func(ctx context.Context) (Caller, error) {
			x := new(xbusCaller)
			return begin(x, func() error { return x.start(ctx, network) })
		},
		Events: func(ctx context.Context, c EventConfig) (Publisher, error) {
			x := &xbusEvents{gate: newGate(c), data: Object(c.Size)}
			return begin(x, func() error { return x.start(ctx, network, c) })
		},
		Pulses: func(ctx context.Context) (Pulser, error) {
			p := new(xbusPulse)
			return begin(p, func() error { return p.start(ctx, network) })
		},
	}
}

// openHall opens a hall with the echo command. Commands of 10,000 callers are
// more than a hall takes from one connection by default.
func openHall(ctx context.Context, network string, c *closing) (*server.Hall, error) {
	address, err := hallAddress(network, c)
	if err != nil {
		return nil, err
	}
	hall, err := server.Listen(ctx, server.Config{Listen: []string{address}, Limits: server.Limits{InFlight: 1 << 16}})
	if err != nil {
		return nil, err
	}
	c.then(hall.Close)
	return hall, server.Handle(hall, echoCommand, func(_ context.Context, in json.RawMessage) (json.RawMessage, error) { return in, nil })
}

func hallAddress(network string, c *closing) (string, error) {
	switch network {
	case "tls":
		certs, err := makeCerts(c)
		if err != nil {
			return "", err
		}
		return "xcrafts://127.0.0.1:0?" + url.Values{"cert": {certs.Server.Cert}, "key": {certs.Server.Key}}.Encode(), nil
	case "unix":
		return fmt.Sprintf("xcraft+unix://xbus-bench-%d", os.Getpid()), nil
	case "mem":
		return "mem://bench", nil
	}
	return "xcraft://127.0.0.1:0", nil
}

func makeCerts(c *closing) (*interop.Certs, error) {
	dir, err := os.MkdirTemp("", "xbus-bench-")
	if err != nil {
		return nil, err
	}
	c.then(func() error { return os.RemoveAll(dir) })
	return interop.MakeCerts(dir)
}

func connect(ctx context.Context, url string, c *closing, opts ...xbus.Option) (*xbus.Client, error) {
	client, err := xbus.Connect(ctx, url, opts...)
	if err == nil {
		c.then(client.Close)
	}
	return client, err
}

// An xbusCaller is a client of xbus of whatever hall.
type xbusCaller struct {
	closing
	client *xbus.Client
	pids   []int
}

func (x *xbusCaller) start(ctx context.Context, network string) error {
	hall, err := openHall(ctx, network, &x.closing)
	if err != nil {
		return err
	}
	x.client, err = connect(ctx, hall.URL(), &x.closing)
	return err
}

func (x *xbusCaller) PIDs() []int { return x.pids }

func (x *xbusCaller) Call(ctx context.Context) error {
	answer, err := xbus.Call[json.RawMessage](ctx, x.client, echoCommand, callData).Await(ctx)
	if err != nil {
		return err
	}
	return checkEcho(answer)
}

func (x *xbusCaller) Calls(ctx context.Context, n, inFlight int) error {
	return callMany(ctx, n, inFlight, func(ctx context.Context, _ int) error { return x.Call(ctx) })
}

// xbusEvents is a hall and its receivers.
type xbusEvents struct {
	closing
	hall *server.Hall
	gate *gate
	data json.RawMessage
}

func (x *xbusEvents) start(ctx context.Context, network string, c EventConfig) (err error) {
	if x.hall, err = openHall(ctx, network, &x.closing); err != nil {
		return err
	}
	for i := range c.Receivers {
		client, err := connect(ctx, x.hall.URL(), &x.closing)
		if err != nil {
			return err
		}
		if err := receive(client, c, &x.closing, func() { x.gate.received(i) }); err != nil {
			return err
		}
	}
	return nil
}

// receive runs a loop over the events of a client until it is closed.
func receive(client *xbus.Client, c EventConfig, end *closing, received func()) error {
	sub, err := client.Topic(eventTopic, observable.WithLimit(queue)).Subscribe()
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for ev, err := range sub.All(context.Background()) {
			if err != nil {
				return
			}
			if ev.Lost == 0 && len(ev.Data) >= c.Size { // a loss is found as an event that does not come
				received()
			}
		}
	})
	end.thenWait(&wg)
	end.thenQuietly(func() { sub.Close() })
	return nil
}

func (x *xbusEvents) PIDs() []int { return nil }

func (x *xbusEvents) Events(ctx context.Context, n int) error {
	return x.gate.publish(ctx, n, func() error { return x.hall.Publish(ctx, eventTopic, x.data) }, unbuffered)
}

package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
)

// jsPeer is the real client and the real server.
func jsPeer(network string) Peer {
	return Peer{
		Name: "js " + network, Missing: interop.Available,
		Calls: func(ctx context.Context) (Caller, error) {
			n := new(nodeCaller)
			return begin(n, func() error {
				server, err := startServer(ctx, network, &n.closing)
				if err != nil {
					return err
				}
				n.pids = append(n.pids, server.Ready().PID)
				return n.connect(ctx, server.URL())
			})
		},
		Events: func(ctx context.Context, c EventConfig) (Publisher, error) {
			n := &nodeEvents{size: c.Size}
			return begin(n, func() error { return n.start(ctx, network, c) })
		},
		Pulses: func(ctx context.Context) (Pulser, error) {
			n := new(nodeEvents)
			return begin(nodePulse{n}, func() error { return n.start(ctx, network, EventConfig{Receivers: 1}) })
		},
	}
}

// jsGoPeer is the real client and our hall.
func jsGoPeer(network string) Peer {
	return Peer{
		Name: "jsgo " + network, Missing: interop.Available,
		Calls: func(ctx context.Context) (Caller, error) {
			n := new(nodeCaller)
			return begin(n, func() error {
				hall, err := openHall(ctx, network, &n.closing)
				if err != nil {
					return err
				}
				return n.connect(ctx, hall.URL())
			})
		},
	}
}

// goJSPeer is our client and the real server.
func goJSPeer(network string) Peer {
	return Peer{
		Name: "gojs " + network, Missing: interop.Available,
		Calls: func(ctx context.Context) (Caller, error) {
			x := new(xbusCaller)
			return begin(x, func() error {
				server, err := startServer(ctx, network, &x.closing)
				if err != nil {
					return err
				}
				x.pids = []int{server.Ready().PID}
				if x.client, err = connect(ctx, server.URL(), &x.closing); err != nil {
					return err
				}
				return x.Calls(ctx, warmUp, 16)
			})
		},
		Events: func(ctx context.Context, c EventConfig) (Publisher, error) {
			g := &goJSEvents{gate: newGate(c), size: c.Size}
			return begin(g, func() error { return g.start(ctx, network, c) })
		},
		Pulses: func(ctx context.Context) (Pulser, error) {
			p := new(goJSPulse)
			return begin(p, func() error { return p.start(ctx, network) })
		},
	}
}

func startServer(ctx context.Context, network string, c *closing) (*interop.Server, error) {
	var opts interop.ServerOptions
	switch network {
	case "tls":
		certs, err := makeCerts(c)
		if err != nil {
			return nil, err
		}
		opts.Key, opts.Cert = certs.Server.Key, certs.Server.Cert
	case "unix":
		opts.Unix = fmt.Sprintf("xbus-bench-js-%d", os.Getpid())
	}
	server, err := interop.StartServer(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.then(func() error { _, err := server.Stop(); return err })
	return server, nil
}

// startClient starts a real client and connects it.
func startClient(ctx context.Context, url string, c *closing) (client *interop.Client, pid int, err error) {
	if client, err = interop.StartClient(ctx, interop.ClientOptions{URL: url}); err != nil {
		return nil, 0, err
	}
	c.then(client.Stop)
	var started struct{ PID int }
	for _, f := range client.Facts() {
		if f.Kind == "started" {
			err = f.Decode(&started)
		}
	}
	if err != nil {
		return nil, 0, err
	}
	_, err = client.Connect(ctx)
	return client, started.PID, err
}

// warmUp is how many messages Node handles before it is measured: by then its
// compiler has seen enough.
const warmUp = 2000

// A nodeCaller is a real client of whatever hall.
type nodeCaller struct {
	closing
	client *interop.Client
	pids   []int
	runs   int
}

func (n *nodeCaller) connect(ctx context.Context, url string) error {
	client, pid, err := startClient(ctx, url, &n.closing)
	if err != nil {
		return err
	}
	n.client, n.pids = client, append(n.pids, pid)
	return n.Calls(ctx, warmUp, 16)
}

func (n *nodeCaller) PIDs() []int { return n.pids }

// Calls has the member i in its data, which the client compares; the text is
// shorter for it.
func (n *nodeCaller) Calls(ctx context.Context, count, inFlight int) error {
	n.runs++
	label := fmt.Sprint("calls ", n.runs)
	const member = len(`"i":12345,`)
	err := n.client.Do(map[string]any{"op": "calls", "label": label, "cmd": echoCommand, "n": count,
		"concurrency": inFlight, "echo": true, "nested": true, "data": Object(CallSize - member)})
	if err != nil {
		return err
	}
	fact, err := n.client.Wait(ctx, "calls", label)
	if err != nil {
		return err
	}
	var result struct{ OK, Failed, Wrong int }
	if err := fact.Decode(&result); err != nil {
		return err
	}
	if result.OK != count {
		return fmt.Errorf("%d of %d calls succeeded, %d failed, %d had the answer of another", result.OK, count, result.Failed, result.Wrong)
	}
	return nil
}

// What demo.burst adds to its text: the members i and at.
const burstMembers = len(`{"i":1234,"at":1700000000000000,"text":""}`)

// nodeEvents is a real server and real clients, of which the first one asks for
// the events. The server sends them all at once, as far as the sockets go.
type nodeEvents struct {
	closing
	clients []*interop.Client
	pids    []int
	size    int
	runs    int
}

func (n *nodeEvents) start(ctx context.Context, network string, c EventConfig) error {
	server, err := startServer(ctx, network, &n.closing)
	if err != nil {
		return err
	}
	n.pids = append(n.pids, server.Ready().PID)
	for range c.Receivers {
		client, pid, err := startClient(ctx, server.URL(), &n.closing)
		if err != nil {
			return err
		}
		n.clients, n.pids = append(n.clients, client), append(n.pids, pid)
	}
	return nil
}

func (n *nodeEvents) PIDs() []int { return n.pids }

func (n *nodeEvents) Events(ctx context.Context, count int) error {
	_, err := n.counted(ctx, eventTopic, count, "demo.burst", burst(count, n.size))
	return err
}

// counted lets all clients count the events that the first one asks for, and
// returns what each has to say about them. The command is nested, as those of
// xbus are: else the server would send another event after each of them, that
// the activity goes on.
func (n *nodeEvents) counted(ctx context.Context, topic string, count int, cmd string, data any) (facts []interop.Fact, err error) {
	n.runs++
	label := fmt.Sprint("events ", n.runs)
	for _, c := range n.clients {
		if err := c.Do(map[string]any{"op": "count", "label": label, "topic": topic, "n": count}); err != nil {
			return nil, err
		}
		if _, err := c.Wait(ctx, "subscribed", label); err != nil {
			return nil, err
		}
	}
	if err := n.clients[0].Do(map[string]any{"op": "send", "cmd": cmd, "data": data, "nested": true}); err != nil {
		return nil, err
	}
	for _, c := range n.clients {
		fact, err := c.Wait(ctx, "counted", label)
		if err != nil {
			return nil, err
		}
		var result struct{ Gaps int }
		if err := fact.Decode(&result); err != nil {
			return nil, err
		}
		if result.Gaps > 0 {
			return nil, fmt.Errorf("there were gaps between the %d events: %d", count, result.Gaps)
		}
		facts = append(facts, fact)
	}
	return facts, nil
}

// burst is the data of the command demo.burst.
func burst(n, size int) map[string]any {
	return map[string]any{"n": n, "text": Text(size - burstMembers)}
}

// goJSEvents is a real server and clients of xbus.
type goJSEvents struct {
	closing
	client *xbus.Client // asks for the events
	pid    int
	gate   *gate
	size   int
}

func (g *goJSEvents) start(ctx context.Context, network string, c EventConfig) error {
	server, err := startServer(ctx, network, &g.closing)
	if err != nil {
		return err
	}
	g.pid = server.Ready().PID
	c.Size -= burstMembers // as the texts of small bursts are shorter
	for i := range c.Receivers {
		client, err := connect(ctx, server.URL(), &g.closing)
		if err != nil {
			return err
		}
		if err := receive(client, c, &g.closing, func() { g.gate.received(i) }); err != nil {
			return err
		}
		g.client = client
	}
	return nil
}

func (g *goJSEvents) PIDs() []int { return []int{g.pid} }

func (g *goJSEvents) Events(ctx context.Context, n int) error {
	g.gate.sent = g.gate.expect(n)
	if _, err := xbus.Call[json.RawMessage](ctx, g.client, "demo.burst", burst(n, g.size)).Await(ctx); err != nil {
		return err
	}
	_, err := g.gate.wait(ctx, g.gate.sent)
	return err
}

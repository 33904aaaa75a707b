package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// redisPeer is the redis-server of the system without storage, and a client that
// pipelines what comes at the same time. A request is ECHO, which the server
// answers by itself.
func redisPeer() Peer {
	return Peer{
		Name:    "redis",
		Missing: func() error { _, err := redisServer(); return err },
		Calls: func(ctx context.Context) (Caller, error) {
			r := new(redisCaller)
			return begin(r, func() error { return r.start(ctx) })
		},
		Events: func(ctx context.Context, c EventConfig) (Publisher, error) {
			r := &redisEvents{gate: newGate(c), data: string(Object(c.Size))}
			return begin(r, func() error { return r.start(ctx, c) })
		},
	}
}

func redisServer() (path string, err error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err = exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("redis-server is not installed")
}

// startRedis starts a server and returns its address and process.
func startRedis(ctx context.Context, c *closing) (addr string, pid int, err error) {
	path, err := redisServer()
	if err != nil {
		return "", 0, err
	}
	addr, err = freeAddress()
	if err != nil {
		return "", 0, err
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(path, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no",
		"--dir", os.TempDir(), "--client-output-buffer-limit", "pubsub 0 0 0", "--loglevel", "warning")
	if err := cmd.Start(); err != nil {
		return "", 0, err
	}
	c.thenQuietly(func() { cmd.Process.Kill(); cmd.Wait() })
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return addr, cmd.Process.Pid, nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return "", 0, fmt.Errorf("redis-server does not listen on %s: %w", addr, context.Cause(ctx))
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func dialRedis(addr string, c *closing) (rueidis.Client, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true,
	})
	if err == nil {
		c.thenQuietly(client.Close)
	}
	return client, err
}

type redisCaller struct {
	closing
	client rueidis.Client
	pid    int
	data   string
}

func (r *redisCaller) start(ctx context.Context) error {
	addr, pid, err := startRedis(ctx, &r.closing)
	if err != nil {
		return err
	}
	r.pid, r.data = pid, string(callData)
	r.client, err = dialRedis(addr, &r.closing)
	return err
}

func (r *redisCaller) PIDs() []int { return []int{r.pid} }

func (r *redisCaller) Call(ctx context.Context) error {
	answer, err := r.client.Do(ctx, r.client.B().Echo().Message(r.data).Build()).AsBytes()
	if err != nil {
		return err
	}
	return checkEcho(answer)
}

func (r *redisCaller) Calls(ctx context.Context, n, inFlight int) error {
	return callMany(ctx, n, inFlight, func(ctx context.Context, _ int) error { return r.Call(ctx) })
}

type redisEvents struct {
	closing
	client rueidis.Client
	pid    int
	gate   *gate
	data   string
	batch  rueidis.Commands
}

// redisBatch is how many events are given to the client at once.
const redisBatch = 512

func (r *redisEvents) start(ctx context.Context, c EventConfig) error {
	loops := startLoops[string](&r.closing)
	addr, pid, err := startRedis(ctx, &r.closing)
	if err != nil {
		return err
	}
	r.pid = pid
	for i := range c.Receivers {
		events := loops.over(func(text string) {
			if len(text) >= c.Size {
				r.gate.received(i)
			}
		})
		if err := r.subscribe(ctx, addr, events); err != nil {
			return err
		}
	}
	r.client, err = dialRedis(addr, &r.closing)
	return err
}

// subscribe returns when the server has confirmed the subscription.
func (r *redisEvents) subscribe(ctx context.Context, addr string, events chan<- string) error {
	client, err := dialRedis(addr, &r.closing)
	if err != nil {
		return err
	}
	receiving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	confirmed := make(chan struct{})
	confirm := sync.OnceFunc(func() { close(confirmed) })
	hooked := rueidis.WithOnSubscriptionHook(receiving, func(rueidis.PubSubSubscription) { confirm() })
	var wg sync.WaitGroup
	wg.Go(func() {
		client.Receive(hooked, client.B().Subscribe().Channel("demo.burst").Build(), func(m rueidis.PubSubMessage) { events <- m.Message })
	})
	r.thenWait(&wg)
	r.thenQuietly(cancel)
	select {
	case <-confirmed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *redisEvents) PIDs() []int { return []int{r.pid} }

func (r *redisEvents) Events(ctx context.Context, n int) error {
	limit := min(redisBatch, int(max(r.gate.window/4, 1)))
	return r.gate.publish(ctx, n, func() error {
		r.batch = append(r.batch, r.client.B().Publish().Channel("demo.burst").Message(r.data).Build())
		if len(r.batch) < limit {
			return nil
		}
		return r.flush(ctx)
	}, func() error { return r.flush(ctx) })
}

func (r *redisEvents) flush(ctx context.Context) error {
	batch := r.batch
	r.batch = nil
	for _, answer := range r.client.DoMulti(ctx, batch...) {
		if err := answer.Error(); err != nil {
			return err
		}
	}
	return nil
}

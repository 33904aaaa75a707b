package peer

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"
)

// zmqPeer is the ZeroMQ that is written in Go.
func zmqPeer() Peer {
	return Peer{
		Name: "zmq",
		Calls: func(ctx context.Context) (Caller, error) {
			z := new(zmqCaller)
			return begin(z, func() error { return z.start(ctx) })
		},
		Events: func(ctx context.Context, c EventConfig) (Publisher, error) {
			z := &zmqEvents{gate: newGate(c), data: append([]byte("demo.burst "), Object(c.Size)...)}
			return begin(z, func() error { return z.start(ctx, c) })
		},
	}
}

// A zmqCaller is a DEALER, asked by many goroutines, and a ROUTER that echoes.
type zmqCaller struct {
	closing
	dealer zmq4.Socket
	mu     sync.Mutex // a send is not made for several goroutines
	slots  []*slot
}

func (z *zmqCaller) start(ctx context.Context) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	z.thenWait(&wg)
	z.thenQuietly(cancel)
	router := zmq4.NewRouter(ctx, zmqOptions()...)
	z.thenQuietly(func() { router.Close() })
	if err := router.Listen("tcp://127.0.0.1:0"); err != nil {
		return err
	}
	wg.Go(func() {
		for {
			m, err := router.Recv()
			if err != nil || ctx.Err() != nil || router.Send(m) != nil {
				return
			}
		}
	})
	z.dealer = zmq4.NewDealer(ctx, zmqOptions()...)
	z.thenQuietly(func() { z.dealer.Close() })
	if err := z.dealer.Dial("tcp://" + router.Addr().String()); err != nil {
		return err
	}
	wg.Go(func() { z.receive(ctx) })
	return nil
}

// zmqOptions make it silent.
func zmqOptions() []zmq4.Option {
	return []zmq4.Option{zmq4.WithLogger(log.New(io.Discard, "", 0))}
}

func (z *zmqCaller) receive(ctx context.Context) {
	for {
		m, err := z.dealer.Recv()
		if err != nil || ctx.Err() != nil || len(m.Frames) != 2 {
			return
		}
		s := z.slots[binary.BigEndian.Uint32(m.Frames[0])]
		s.answer = m.Frames[1]
		s.ready <- nil
	}
}

func (z *zmqCaller) PIDs() []int { return nil }

func (z *zmqCaller) Calls(ctx context.Context, n, inFlight int) error {
	z.mu.Lock()
	z.slots = newSlots(inFlight)
	z.mu.Unlock()
	return callMany(ctx, n, inFlight, func(ctx context.Context, worker int) error {
		m := zmq4.NewMsgFrom(binary.BigEndian.AppendUint32(nil, uint32(worker)), callData)
		z.mu.Lock()
		err := z.dealer.Send(m)
		z.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-z.slots[worker].ready:
			return checkEcho(z.slots[worker].answer)
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", context.Cause(ctx))
		}
	})
}

type zmqEvents struct {
	closing
	pub  zmq4.Socket
	gate *gate
	data []byte
}

func (z *zmqEvents) start(ctx context.Context, c EventConfig) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	z.thenWait(&wg)
	z.thenQuietly(cancel)
	z.pub = zmq4.NewPub(ctx, zmqOptions()...)
	z.thenQuietly(func() { z.pub.Close() })
	if err := z.pub.Listen("tcp://127.0.0.1:0"); err != nil {
		return err
	}
	for i := range c.Receivers {
		sub := zmq4.NewSub(ctx, zmqOptions()...)
		z.thenQuietly(func() { sub.Close() })
		if err := sub.Dial("tcp://" + z.pub.Addr().String()); err != nil {
			return err
		}
		if err := sub.SetOption(zmq4.OptionSubscribe, "demo.burst"); err != nil {
			return err
		}
		joined := make(chan struct{})
		wg.Go(func() { z.receive(ctx, sub, i, c.Size, sync.OnceFunc(func() { close(joined) })) })
		if err := z.join(ctx, joined); err != nil {
			return err
		}
	}
	return nil
}

func (z *zmqEvents) receive(ctx context.Context, sub zmq4.Socket, i, size int, joined func()) {
	for m, err := sub.Recv(); err == nil && ctx.Err() == nil; m, err = sub.Recv() {
		switch {
		case len(m.Bytes()) >= size:
			z.gate.received(i)
		case string(m.Bytes()) == trial:
			joined()
		}
	}
}

// trial is an event that tells that a subscription has come to the publisher,
// which does not say so. It is shorter than all that are counted.
const trial = "demo.burst trial"

func (z *zmqEvents) join(ctx context.Context, joined <-chan struct{}) error {
	for {
		if err := z.pub.Send(zmq4.NewMsgString(trial)); err != nil {
			return err
		}
		select {
		case <-joined:
			return nil
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (z *zmqEvents) PIDs() []int { return nil }

func (z *zmqEvents) Events(ctx context.Context, n int) error {
	return z.gate.publish(ctx, n, func() error { return z.pub.Send(zmq4.NewMsg(z.data)) }, unbuffered)
}

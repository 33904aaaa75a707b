package conn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/wire"
)

// A client attaches itself to a hall of the same process, hears an event, and
// leaves.
func Example() {
	hall, err := inproc.Listen("example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hall.Close()
	go welcome(hall)

	transport, err := inproc.New("example")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, leave := context.WithCancelCause(context.Background())
	c, err := conn.New(conn.Config{
		Transport: transport,
		OnAttach:  func(s conn.Session) { fmt.Println("attached as", s.Identity) },
		OnMessage: func(m *wire.Message) {
			fmt.Println(m.Topic, string(m.Data))
			leave(conn.ErrClosed)
		},
		OnDetach: func(s conn.Session, err error) { fmt.Println("detached:", conn.ReasonOf(err)) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.Run(ctx)
	fmt.Println(c.State().Load(), errors.Is(err, conn.ErrClosed))
	// Output:
	// attached as Grom@0123…
	// news::weather "fair"
	// detached: closed
	// closed true
}

// welcome is the least that a hall does: it answers one autoconnect.
func welcome(hall *inproc.Listener) {
	link, err := hall.Accept(context.Background())
	if err != nil {
		return
	}
	question, err := link.Receive()
	if err != nil {
		return
	}
	var data struct{ AutoConnectToken string }
	_ = json.Unmarshal(question.Data, &data)
	const token = "0123456789abcdef0123456789abcdef"
	say := func(topic, data string) {
		link.Send(context.Background(), &wire.Message{Topic: topic, Token: token, Data: []byte(data)})
	}
	say(data.AutoConnectToken+"::autoconnect.finished", `{"token":"`+token+`","orcName":"Grom@`+token+`","cmdRegistry":{},"isLoaded":true}`)
	say("news::weather", `"fair"`)
}

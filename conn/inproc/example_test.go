package inproc_test

import (
	"context"
	"fmt"

	"github.com/xcraft-go/xbus/conn/inproc"
	"github.com/xcraft-go/xbus/wire"
)

// A link between a client and a hall of the same process.
func Example() {
	ctx := context.Background()
	hall, err := inproc.Listen("example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hall.Close()

	transport, err := inproc.New("example")
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := transport.Dial(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Send(ctx, &wire.Message{Topic: "demo.hello"}); err != nil {
		fmt.Println(err)
	}
	client.Close()

	link, err := hall.Accept(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, _ := link.Receive()
	fmt.Println(m.Topic)
	_, err = link.Receive()
	fmt.Println(err)
	// Output:
	// demo.hello
	// conn: session mem://example: link lost: EOF
}

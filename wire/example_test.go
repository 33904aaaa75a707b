package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/xcraft-go/xbus/wire"
)

func ExampleAppend() {
	command := &wire.Message{
		Topic:        "demo.echo",
		Token:        "0123456789abcdef0123456789abcdef",
		OrcName:      "Grom@0123456789abcdef0123456789abcdef",
		ID:           "8598b916-4c0f-4084-a0bd-581062bb126c",
		Data:         json.RawMessage(`{"x":1}`),
		OriginRouter: wire.Axon,
		Router:       wire.Axon,
	}
	frame, err := wire.Append(nil, command)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", frame[:20])
	fmt.Println(string(wire.AppendEnvelope(nil, command)))

	command.Chunk = []byte("s:would arrive as a string")
	_, err = wire.Append(nil, command)
	fmt.Println(errors.Is(err, wire.ErrChunk))
	// Output:
	// "\"AXON\x00\x00\x00\vs:demo.echo"
	// {"_xcraftMessage":true,"token":"0123456789abcdef0123456789abcdef","orcName":"Grom@0123456789abcdef0123456789abcdef","id":"8598b916-4c0f-4084-a0bd-581062bb126c","topic":"demo.echo","data":{"x":1},"isNested":false,"isError":false,"router":"axon","originRouter":"axon"}
	// true
}

func ExampleReader() {
	stream, _ := wire.Append(nil, wire.Heartbeat())
	stream, _ = wire.Append(stream, &wire.Message{Topic: "demo::ticked", Data: json.RawMessage(`{"i":1}`)})
	stream = append(stream, "\x31AXON"...) // version 3

	r := wire.NewReader(bytes.NewReader(stream), wire.Limits{})
	for {
		m, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s, %d bytes of data\n", m.Topic, len(m.Data))
	}
	// Output:
	// greathall::heartbeat, 0 bytes of data
	// demo::ticked, 7 bytes of data
	// wire: AMP version not supported: version 3, this is version 2 (in the frame at byte 173 of the stream)
}

func ExampleMessage_Edit() {
	received := read(&wire.Message{Topic: "demo::ticked", ID: "1", Token: "old", Rare: &wire.Rare{Extra: []byte(`"seq":7`)}})
	edited := received.Edit()
	edited.Token = "new"
	fmt.Println(string(wire.AppendEnvelope(nil, edited)))
	fmt.Println(string(received.Member("seq")))
	// Output:
	// {"_xcraftMessage":true,"token":"new","id":"1","topic":"demo::ticked","isNested":false,"isError":false,"seq":7}
	// 7
}

func read(m *wire.Message) *wire.Message {
	frame, err := wire.Append(nil, m)
	if err != nil {
		panic(err)
	}
	m, err = wire.NewReader(bytes.NewReader(frame), wire.Limits{}).Next()
	if err != nil {
		panic(err)
	}
	return m
}

func ExampleValid() {
	fmt.Println(wire.Valid([]byte(`{"x":[1,2]}`)))
	fmt.Println(wire.Valid([]byte(`{"x":[1,2,]}`)))
	// Output:
	// true
	// false
}

func ExampleRedact() {
	fmt.Println(wire.Redact("Grom@0123456789abcdef0123456789abcdef::demo.echo.1.finished"))
	token := wire.NewToken()
	fmt.Println(len(token), len(fmt.Sprint(token)) < len(token))
	// Output:
	// Grom@0123…::demo.echo.1.finished
	// 32 true
}

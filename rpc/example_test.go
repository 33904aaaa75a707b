package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/wire"
)

// An echo is a Sender whose hall answers demo.echo at once, and nothing else.
type echo struct{ calls *rpc.Calls }

func (e *echo) Connected() bool             { return true }
func (e *echo) Ready(context.Context) error { return nil }
func (e *echo) Send(_ context.Context, m *wire.Message) (rpc.Receipt, error) {
	answer := &wire.Message{Topic: "Grom@token::" + m.Topic + "." + m.ID + ".finished", Data: m.Data}
	if m.Topic != "demo.echo" {
		answer.Data, answer.IsError = json.RawMessage(`{"code":"CMD_NOT_AVAILABLE"}`), true
	}
	e.calls.Settle(answer, true)
	return rpc.Receipt{Epoch: 1, Number: 1}, nil
}

func newCalls() *rpc.Calls {
	e := &echo{}
	e.calls = rpc.New(rpc.Config{Sender: e})
	return e.calls
}

func Example() {
	calls := newCalls()
	defer calls.Close(nil)
	ctx := context.Background()

	type point struct{ X, Y int }
	call := rpc.Typed[point](calls.Call(ctx, "demo.echo", point{1, 2}))
	p, err := call.Await(ctx)
	fmt.Println(p, err)

	_, err = calls.Call(ctx, "demo.ecko", nil).Await(ctx)
	fmt.Println(err, errors.Is(err, rpc.ErrCommandNotAvailable))
	// Output:
	// {1 2} <nil>
	// rpc: call "demo.ecko": command not available true
}

// Whether it is safe to repeat a call that failed.
func ExampleVerdictOf() {
	calls := newCalls()
	calls.Close(nil)
	_, err := calls.Call(context.Background(), "demo.echo", nil).Await(context.Background())
	verdict, known := rpc.VerdictOf(err)
	fmt.Println(known, verdict)
	// Output: true it was not sent
}

func ExampleRegistry() {
	text := `{
		"warehouse.get": {"desc": "a value", "options": {"params": {"required": "path", "optional": "more..."}}},
		"shutdown": {}
	}`
	registry := rpc.NewRegistry([]byte(text), time.Now())
	for _, c := range registry.All() {
		fmt.Println(c.Name, c.Params.Required, c.Params.Optional, c.Params.Variadic)
	}
	_, err := registry.Lookup("warehouse.gett")
	fmt.Println(err)
	// Output:
	// shutdown [] [] false
	// warehouse.get [path] [more] true
	// command not available: "warehouse.gett" is none of the 2 commands of the hall; did you mean "warehouse.get"?
}

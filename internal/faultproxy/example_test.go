package faultproxy_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/xcraft-go/xbus/internal/faultproxy"
)

// A connection that stays open and silent, and goes on as if nothing had been.
func Example() {
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer target.Close()
	proxy, err := faultproxy.Listen(target.Addr().String(), faultproxy.Config{})
	if err != nil {
		panic(err)
	}
	defer proxy.Close()

	client, err := net.Dial("tcp", proxy.Addr())
	if err != nil {
		panic(err)
	}
	defer client.Close()
	server, err := target.Accept()
	if err != nil {
		panic(err)
	}
	defer server.Close()

	proxy.Set(faultproxy.Up, faultproxy.Faults{Swallow: true})
	fmt.Fprint(client, "lost ")
	proxy.Wait(context.Background(), func(s faultproxy.Stats) bool { return s.Up.Swallowed == 5 })

	proxy.Set(faultproxy.Up, faultproxy.Faults{FlipEvery: 2})
	fmt.Fprint(client, "1111")
	got := make([]byte, 4)
	io.ReadFull(server, got)
	fmt.Printf("the server reads %s\n", got)

	proxy.Cut(faultproxy.Close)
	_, err = client.Read(got)
	fmt.Println("the client reads", err)
	fmt.Println("swallowed:", proxy.Stats().Up.Swallowed)
	// Output:
	// the server reads 1010
	// the client reads EOF
	// swallowed: 5
}

package axon_test

import (
	"fmt"

	"github.com/xcraft-go/xbus/conn/axon"
)

// A hall on another machine that shows a self-signed certificate, as most Xcraft
// halls do.
func ExampleNew() {
	transport, err := axon.New(axon.Config{
		Host: "bus.example.com",
		TLS:  &axon.TLS{Pin: "certs/bus.pem"},
	})
	fmt.Println(transport, err)

	_, err = axon.New(axon.Config{UnixSocketID: "myapp", TLS: &axon.TLS{}})
	fmt.Println(err)
	// Output:
	// bus.example.com:35400 <nil>
	// axon: unix sockets have no TLS: leave out Config.TLS or Config.UnixSocketID
}

func ExampleSocketPaths() {
	fmt.Println(axon.SocketPaths("/tmp", "myapp", axon.DefaultCommanderPort, axon.DefaultNotifierPort))
	fmt.Println(axon.SocketPaths("", "myapp", 1, 2)) // where halls have them
	// Output:
	// /tmp/myapp35400-cmd.sock /tmp/myapp35800-evt.sock
	// /tmp/myapp1-cmd.sock /tmp/myapp2-evt.sock
}

package axon

import (
	"fmt"
	"testing"
)

// The names of the files tell the ports of a hall on unix sockets, whatever the
// identifier looks like.
func TestPortsOfUnixSockets(t *testing.T) {
	for _, id := range []string{"a", "hall7", "9", "-cmd.sock"} {
		for _, want := range []int{1, 35400, 65535} {
			t.Run(fmt.Sprint(id, " ", want), func(t *testing.T) {
				t.Chdir(t.TempDir())
				l, err := Listen(ListenConfig{UnixSocketID: id, SocketDir: ".", CommanderPort: want, NotifierPort: want, Exact: true})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				if commander, notifier := l.Ports(); commander != want || notifier != want {
					t.Errorf("the ports are %d and %d", commander, notifier)
				}
			})
		}
	}
}

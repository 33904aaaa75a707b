package interop

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Below the ports that systems give to outgoing connections, and above most of
// the services. A server that found its port busy would take the next one.
const (
	firstPort = 12000
	lastPort  = 32767
)

var (
	portsMu sync.Mutex
	portsIn = map[int]bool{} // given out by this process
)

// FreePort finds a TCP port of host that nobody listens on, below the range of
// outgoing connections. It gives each port once in the life of a process.
func FreePort(host string) (int, error) {
	const attempts = 500
	var last error
	for range attempts {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !claim(port) {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		l.Close()
		return port, nil
	}
	return 0, fmt.Errorf("interop: no free port of %s between %d and %d: %w", host, firstPort, lastPort, last)
}

func claim(port int) bool {
	portsMu.Lock()
	defer portsMu.Unlock()
	taken := portsIn[port]
	portsIn[port] = true
	return !taken
}

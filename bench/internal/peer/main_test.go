package peer

import (
	"testing"

	"go.uber.org/goleak"
)

// zmq4 leaves one goroutine for each PUB socket that was closed.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/go-zeromq/zmq4.(*pubMWriter).run"))
}

package xbustest_test

import (
	"testing"

	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/xbustest"
)

// What a test of a program that uses a bus looks like.
func Example() {
	test := func(t *testing.T) {
		hall := xbustest.Start(t)
		hall.Script("door.open", xbustest.Fail(server.Errorf("LOCKED", "the door is locked")), xbustest.Reply(true))

		program := func(url string) { /* connects, opens the door, tries again */ }
		program(hall.URL())

		hall.AssertCalled("door.open", 2)
	}
	_ = test
}

package main

import (
	"context"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// result {Name:xbus Version:1}
	// result {Name:xbus Version:1}
	// result {Name:xbus Version:1}
	// the hall says NO_SUCH_PATH
	// unknown command: true
	// first came: true
	// after Close: it was not sent
}

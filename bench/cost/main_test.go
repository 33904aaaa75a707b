package main

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/xcraft-go/xbus/bench/internal/rig"
)

func TestMain(m *testing.M) {
	rig.Child()
	goleak.VerifyTestMain(m)
}

package server_test

import (
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/xcraft-go/xbus/server"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(childVariable); address != "" {
		os.Exit(childHall(address))
	}
	server.SetDefaultLogger(slog.New(logs))
	slog.SetDefault(slog.New(logs))
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if text, ok := logs.report(); !ok {
			fmt.Println(text)
			code = max(code, 1)
		}
		os.Exit(code)
	}))
}

package main

import (
	"context"
	"testing"
	"time"

	"github.com/xcraft-go/xbus"
)

// Our hall serves what is measured, both ways.
func TestTransfers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	hall, err := openHall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer hall.Close()
	client, err := xbus.Connect(ctx, hall.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c := contender{name: "xbus", client: client, size: 300_000}
	for _, way := range []string{downloads, uploads} {
		if s, err := c.measured(way).Measure(ctx); err != nil || s.Value <= 0 {
			t.Errorf("%s: %v MB/s: %v", way, s.Value, err)
		}
	}
}

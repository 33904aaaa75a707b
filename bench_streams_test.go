package xbus_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

const benchStream = 64 << 20

var benchPage = bytes.Repeat([]byte("a"), 256<<10)

// A benchSource gives the same page for ever, as much as is asked for, as a file does.
type benchSource struct{}

func (benchSource) Read(p []byte) (int, error) { return copy(p, benchPage), nil }

// BenchmarkDownload reads a stream of 64 MiB, both ends together.
func BenchmarkDownload(b *testing.B) {
	eachDoor(b, func(b *testing.B, hall *server.Hall, client *xbus.Client) {
		handle(b, hall, "bench.download", func(context.Context, struct{}) (server.Stream, error) {
			return server.Stream{Reader: io.LimitReader(benchSource{}, benchStream), Size: benchStream}, nil
		})
		awaitCommand(b, client, "bench.download")
		b.SetBytes(benchStream)
		b.ReportAllocs()
		for b.Loop() {
			d, err := client.Download(b.Context(), "bench.download", nil)
			if err != nil {
				b.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, d); err != nil || n != benchStream {
				b.Fatal(n, err)
			}
			d.Close()
		}
	})
}

// BenchmarkUpload sends a stream of 64 MiB, both ends together.
func BenchmarkUpload(b *testing.B) {
	eachDoor(b, func(b *testing.B, hall *server.Hall, client *xbus.Client) {
		handle(b, hall, "bench.upload", func(_ context.Context, in server.Upload) (int64, error) { return io.Copy(io.Discard, in) })
		awaitCommand(b, client, "bench.upload")
		b.SetBytes(benchStream)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.Upload(b.Context(), "bench.upload", nil, io.LimitReader(benchSource{}, benchStream), benchStream); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// awaitCommand waits until the client knows a command.
func awaitCommand(b *testing.B, client *xbus.Client, name string) {
	b.Helper()
	if _, err := client.Registry().Wait(within(b), func(r *rpc.Registry) bool { return r.Has(name) }); err != nil {
		b.Fatal(err)
	}
}

// Transfer measures streams between a client of xbus and a great hall over
// loopback: the hall of package server against the real Xcraft server, in one
// run. It needs Node and the packages of interop (make interop-install).
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/bench/internal/measure"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/server"
)

func main() { measure.Main("transfer", run) }

// A contender is a hall and how much it is given to do.
type contender struct {
	name   string
	client *xbus.Client
	size   int64
}

func run(ctx context.Context, b *measure.Bench) error {
	if err := interop.Available(); err != nil {
		b.Note("streams of bytes were left out: %v", err)
		return nil
	}
	node, err := interop.StartServer(ctx, interop.ServerOptions{})
	if err != nil {
		return err
	}
	defer node.Stop()
	hall, err := openHall(ctx)
	if err != nil {
		return err
	}
	defer hall.Close()
	js, ours := contender{name: "real server", size: 20 << 20}, contender{name: "xbus", size: 200 << 20}
	for _, c := range []struct {
		*contender
		url string
	}{{&js, node.URL()}, {&ours, hall.URL()}} {
		if c.client, err = xbus.Connect(ctx, c.url); err != nil {
			return err
		}
		defer c.client.Close()
	}
	if err := b.Run(ctx, []measure.Case{js.measured(downloads), ours.measured(downloads), js.measured(uploads), ours.measured(uploads)}); err != nil {
		return err
	}
	down := b.Median(key(ours.name, downloads)) / b.Median(key(js.name, downloads))
	up := b.Median(key(ours.name, uploads)) / b.Median(key(js.name, uploads))
	b.Figure("stream_download_vs_js", down, "ratio", measure.Bar{})
	b.Figure("stream_upload_vs_js", up, "ratio", measure.Bar{})
	b.Figure("stream_vs_js", min(down, up), "ratio", measure.Bar{})
	return nil
}

const (
	downloads = "download"
	uploads   = "upload"
)

func key(row, way string) measure.Key {
	return measure.Key{Table: "streams of bytes", Row: row, Column: way}
}

// measured measures megabytes a second.
func (c *contender) measured(way string) measure.Case {
	return measure.Case{Key: key(c.name, way), Unit: "MB/s", Measure: func(ctx context.Context) (s measure.Sample, err error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		began := time.Now()
		if way == downloads {
			err = c.download(ctx)
		} else {
			_, err = c.client.Upload(ctx, "demo.upload", nil, io.LimitReader(letters{}, c.size), c.size)
		}
		return measure.Sample{Value: float64(c.size) / 1e6 / time.Since(began).Seconds()}, err
	}}
}

func (c *contender) download(ctx context.Context) error {
	d, err := c.client.Download(ctx, "demo.download", map[string]int64{"size": c.size})
	if err != nil {
		return err
	}
	defer d.Close()
	if n, err := io.Copy(io.Discard, d); err != nil || n != c.size {
		return fmt.Errorf("%d bytes came: %w", n, err)
	}
	return nil
}

// openHall offers what the demo module of the real server does.
func openHall(ctx context.Context) (*server.Hall, error) {
	hall, err := server.Listen(ctx, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	if err != nil {
		return nil, err
	}
	return hall, errors.Join(
		server.Handle(hall, "demo.download", func(_ context.Context, in struct{ Size int64 }) (server.Stream, error) {
			return server.Stream{Reader: io.LimitReader(letters{}, in.Size), Size: in.Size}, nil
		}),
		server.Handle(hall, "demo.upload", func(_ context.Context, in server.Upload) (map[string]int64, error) {
			n, err := io.Copy(io.Discard, in)
			return map[string]int64{"size": n}, err
		}))
}

// letters are the bytes that the demo module sends.
type letters struct{}

func (letters) Read(p []byte) (int, error) { return copy(p, page), nil }

var page = bytes.Repeat([]byte("a"), 256<<10)

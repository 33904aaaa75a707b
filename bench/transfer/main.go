// Transfer measures streams between a client of xbus and a great hall over
// loopback: the hall of package server against the real Xcraft server, in one
// run. It needs Node and the packages of interop (make interop-install).
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/server"
)

func main() {
	rounds := flag.Int("rounds", 3, "rounds, in which the contenders take turns")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := run(ctx, max(1, *rounds)); err != nil {
		fmt.Fprintln(os.Stderr, "transfer:", err)
		os.Exit(1)
	}
}

// A contender is a hall and how much it is given to do.
type contender struct {
	name   string
	client *xbus.Client
	size   int64
	down   []float64 // MB/s
	up     []float64
}

func run(ctx context.Context, rounds int) error {
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
	contenders := []*contender{{name: "real server", size: 20 << 20}, {name: "xbus", size: 200 << 20}}
	for i, url := range []string{node.URL(), hall.URL()} {
		if contenders[i].client, err = xbus.Connect(ctx, url); err != nil {
			return err
		}
		defer contenders[i].client.Close()
	}
	for range rounds {
		for _, c := range contenders {
			if err := c.measure(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	js, our := contenders[0], contenders[1]
	for _, c := range contenders {
		fmt.Printf("%-12s download %8.1f MB/s  upload %8.1f MB/s\n", c.name, median(c.down), median(c.up))
	}
	down, up := median(our.down)/median(js.down), median(our.up)/median(js.up)
	fmt.Printf("figure stream_download_vs_js %.1f ratio\n", down)
	fmt.Printf("figure stream_upload_vs_js %.1f ratio\n", up)
	fmt.Printf("figure stream_vs_js %.1f ratio\n", min(down, up))
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

var page = bytes.Repeat([]byte("a"), 64<<10)

func (c *contender) measure(ctx context.Context) error {
	began := time.Now()
	d, err := c.client.Download(ctx, "demo.download", map[string]int64{"size": c.size})
	if err != nil {
		return err
	}
	defer d.Close()
	if n, err := io.Copy(io.Discard, d); err != nil || n != c.size {
		return fmt.Errorf("%d bytes came: %w", n, err)
	}
	c.down = append(c.down, c.rate(began))
	began = time.Now()
	if _, err := c.client.Upload(ctx, "demo.upload", nil, io.LimitReader(letters{}, c.size), c.size); err != nil {
		return err
	}
	c.up = append(c.up, c.rate(began))
	return nil
}

// rate is in MB a second.
func (c *contender) rate(began time.Time) float64 {
	return float64(c.size) / 1e6 / time.Since(began).Seconds()
}

func median(list []float64) float64 {
	return slices.Sorted(slices.Values(list))[len(list)/2]
}

package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"testing"

	xbus "github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

type digest struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func digestOf(r io.Reader) (digest, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return digest{n, hex.EncodeToString(h.Sum(nil))}, err
}

// A real great hall, which has ours in its horde, reads our streams and sends us
// its own; a client of either gets those of the other.
func TestInteropStreamsOfAHorde(t *testing.T) {
	interop.Require(t)
	hall := openT(t, server.Config{Name: "gohall"})
	content := append([]byte("s:"), bytes.Repeat([]byte("j:b:"), 100000)...)
	server.Handle(hall, "go.download", func(context.Context, struct{}) (io.Reader, error) { return bytes.NewReader(content), nil })
	server.Handle(hall, "go.upload", func(_ context.Context, in server.Upload) (digest, error) { return digestOf(in) })
	node, err := interop.NodeOf(hall.URL())
	if err != nil {
		t.Fatal(err)
	}
	node.Passive = false
	js := interop.StartServerT(t, interop.ServerOptions{Horde: map[string]interop.Node{"gohall": node}})
	client := connectT(t, js.URL())
	ctx := patient(t)
	want, _ := digestOf(bytes.NewReader(content))
	joined := func(r *rpc.Registry) bool { return r.Has("go.upload") && r.Has("transport.gohall.start-emit") }
	if _, err := client.Registry().Wait(ctx, joined); err != nil {
		t.Fatal(err)
	}

	got, err := xbus.Call[digest](ctx, client, "demo.fetch", map[string]any{"cmd": "go.download", "routingKey": "gohall"}).Await(ctx)
	if err != nil || got != want {
		t.Errorf("the real hall reads %v of ours instead of %v, %v", got, want, err)
	}
	source := map[string]any{"size": 300000, "prefix": "s:", "chunk": 65536}
	sent, err := xbus.Call[digest](ctx, client, "demo.downloadDigest", source).Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got, err = xbus.Call[digest](ctx, client, "demo.push", map[string]any{"cmd": "go.upload", "source": source, "routingKey": "gohall"}).Await(ctx)
	if err != nil || got != sent {
		t.Errorf("the real hall sends %v to ours instead of %v, %v", got, sent, err)
	}

	down, err := client.Download(ctx, "go.download", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	if got, err := digestOf(down); err != nil || got != want {
		t.Errorf("a client of the real hall reads %v of ours, %v", got, err)
	}
}

// Our hall has a real one in its horde: our client reads its streams.
func TestInteropStreamsByAHorde(t *testing.T) {
	interop.Require(t)
	js := interop.StartServerT(t, interop.ServerOptions{})
	hall := openT(t, server.Config{Name: "gohall"})
	ctx := patient(t)
	if _, err := hall.Join(ctx, server.HordeConfig{Name: "xbus", Transport: transportT(t, js.URL())}); err != nil {
		t.Fatal(err)
	}
	client := connectT(t, hall.URL())
	source := map[string]any{"size": 300000, "prefix": "s:", "chunk": 65536}
	want, err := xbus.Call[digest](ctx, client, "demo.downloadDigest", source).Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	down, err := client.Download(ctx, "demo.download", source, xbus.Owner("xbus"))
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	if got, err := digestOf(down); err != nil || got != want {
		t.Errorf("our client reads %v of the real hall's instead of %v, %v", got, want, err)
	}
	answer, err := client.Upload(ctx, "demo.upload", nil, bytes.NewReader(make([]byte, 200000)), 200000, xbus.Owner("xbus"))
	if err != nil {
		t.Fatal(err)
	}
	var got digest
	if err := json.Unmarshal(answer.Data, &got); err != nil || got.Size != 200000 {
		t.Errorf("the real hall got %v, %v", got, err)
	}
}

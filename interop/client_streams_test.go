package interop_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
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

func TestClientDownloads(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	ctx := patience(t)
	for name, data := range map[string]object{
		"empty":       {"size": 0},
		"one byte":    {"size": 1},
		"64 KiB - 1":  {"size": 65535, "kind": "pattern"},
		"64 KiB":      {"size": 65536, "kind": "pattern"},
		"64 KiB + 1":  {"size": 65537, "kind": "pattern"},
		"like text":   {"size": 200000, "prefix": "s:"},
		"like JSON":   {"size": 200000, "prefix": "j:"},
		"like bigint": {"size": 200000, "prefix": "b:"},
		"1 MB":        {"size": 1 << 20, "kind": "pattern", "chunk": 1000},
	} {
		want := call[digest](t, client, "demo.downloadDigest", data)
		d, err := client.Download(ctx, "demo.download", data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := digestOf(d)
		if err != nil || got != want {
			t.Errorf("%s: %+v instead of %+v, %v", name, got, want, err)
		}
		if p := d.Progress().Load(); p.Bytes != want.Size {
			t.Errorf("%s: progress %+v", name, p)
		}
		d.Close()
	}
	if _, err := client.Download(ctx, "demo.echo", object{"x": 1}); err == nil {
		t.Error("a result without a stream")
	}
}

func TestClientDownloadsFilesAsTar(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	dir := t.TempDir()
	files := map[string][]byte{"a.txt": []byte("first"), "b.txt": bytes.Repeat([]byte("second"), 50000)}
	var paths []string
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	d, err := client.Download(patience(t), "demo.download", object{"files": paths})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	n := 0
	for r := tar.NewReader(d); ; n++ {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, files[filepath.Base(head.Name)]) {
			t.Errorf("%s: %d bytes, %v", head.Name, len(got), err)
		}
	}
	if n != 2 {
		t.Errorf("%d files", n)
	}
}

func TestClientUploads(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	ctx := patience(t)
	for name, content := range map[string][]byte{
		"empty":       {},
		"one byte":    {'x'},
		"64 KiB - 1":  bytes.Repeat([]byte("y"), 65535),
		"64 KiB + 1":  bytes.Repeat([]byte("z"), 65537),
		"like text":   append([]byte("s:"), bytes.Repeat([]byte("j:"), 100000)...),
		"like bigint": []byte("b:12"),
	} {
		want, _ := digestOf(bytes.NewReader(content))
		answer, err := client.Upload(ctx, "demo.upload", nil, bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got digest
		if err := (xbus.Event{Message: answer}).Decode(&got); err != nil || got != want {
			t.Errorf("%s: %+v instead of %+v, %v", name, got, want, err)
		}
	}
	_, err := client.Upload(ctx, "demo.upload", nil, bytes.NewReader(make([]byte, 10)), 20)
	if !errors.Is(err, xbus.ErrBroken) {
		t.Errorf("a reader that is shorter than announced: %v", err)
	}
}

func TestClientStreamAndARestart(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL(), quick())
	d, err := client.Download(patience(t), "demo.download", object{"size": 100 << 20, "ms": 1, "chunk": 1 << 16})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := io.ReadFull(d, make([]byte, 1<<17)); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if err := server.Restart(patience(t)); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, d)
	var broken *xbus.StreamError
	if !errors.As(err, &broken) || !errors.Is(err, xbus.ErrGap) || broken.Read == 0 {
		t.Errorf("%d more bytes, %v", n, err)
	}
}

func TestClientUploadsFilesAsTar(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, content := range map[string]string{"a.txt": "first", "b.txt": strings.Repeat("second", 50000)} {
		w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600})
		io.WriteString(w, content)
	}
	w.Close()
	want, _ := digestOf(bytes.NewReader(archive.Bytes()))
	answer, err := client.Upload(patience(t), "demo.upload", nil, &archive, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got digest
	if err := (xbus.Event{Message: answer}).Decode(&got); err != nil || got != want {
		t.Errorf("%+v instead of %+v, %v", got, want, err)
	}
}

// Who stops in the middle leaves nothing behind, and the rest works.
func TestClientStreamsThatStop(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	ctx := patience(t)
	d, err := client.Download(ctx, "demo.download", object{"size": 50 << 20, "ms": 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(d, make([]byte, 100000)); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if n := client.Stats().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}

	dies, err := client.Download(ctx, "demo.download", object{"size": 1 << 20, "failAt": 200000}, xbus.IdleTimeout(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer dies.Close()
	var broken *xbus.StreamError
	if n, err := io.Copy(io.Discard, dies); n != 200000 || !errors.As(err, &broken) || !errors.Is(err, rpc.ErrTimeout) {
		t.Errorf("a sender that dies: %d bytes, %v", n, err)
	}

	// The real receiver fails at once and goes on answering the chunks.
	_, err = client.Upload(ctx, "demo.upload", object{"stopAt": 100000}, bytes.NewReader(make([]byte, 1<<20)), 1<<20)
	if far, ok := errors.AsType[*rpc.Error](err); !ok || far.Code != "DEMO_STREAM" {
		t.Errorf("a receiver that stops: %v", err)
	}
	before := client.Stats().Dropped
	behind, err := client.Download(ctx, "demo.download", object{"size": 20 << 20}, xbus.WindowBytes(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer behind.Close()
	for behind.Progress().Load().Bytes == 0 {
		if _, err := behind.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for client.Stats().Dropped == before { // the real hall asks nobody
		if ctx.Err() != nil {
			t.Fatalf("nothing falls behind: %+v", client.Stats())
		}
		time.Sleep(time.Millisecond)
	}
	var overflow *observable.OverflowError
	if _, err := io.Copy(io.Discard, behind); !errors.As(err, &overflow) {
		t.Errorf("a reader that falls behind: %v", err)
	}
	call[object](t, client, "demo.echo", object{"still": true})
}

// A binary member goes both ways, and what the protocol cannot carry is refused
// before it is sent.
func TestClientChunks(t *testing.T) {
	server := interop.StartServerT(t, interop.ServerOptions{})
	client := connect(t, server.URL())
	ctx := patience(t)
	type buffer struct {
		Name  string `json:"name"`
		Chunk []byte `json:"chunk"`
	}
	for _, chunk := range [][]byte{{0}, []byte("plain"), []byte("s"), []byte(" s:"), bytes.Repeat([]byte{0xff}, 100000)} {
		got, err := xbus.Call[buffer](ctx, client, "demo.echo", buffer{"x", chunk}).Await(ctx)
		if err != nil || got.Name != "x" || !bytes.Equal(got.Chunk, chunk) {
			t.Errorf("%.10q came back as %.10q, %v", chunk, got.Chunk, err)
		}
	}
	for _, chunk := range [][]byte{{}, []byte("s:"), []byte("j:{}"), []byte("b:1")} {
		_, err := xbus.Call[buffer](ctx, client, "demo.echo", buffer{"x", chunk}).Await(ctx)
		if verdict, ok := rpc.VerdictOf(err); !ok || verdict != rpc.NotSent {
			t.Errorf("%.10q: %v", chunk, err)
		}
	}
}

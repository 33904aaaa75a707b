package xbus_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/server"
)

// streamDoors are the addresses of one kind of hall each.
func streamDoors(t *testing.T) map[string]string {
	t.Helper()
	certs, err := interop.MakeCerts(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"tcp":  "xcraft://127.0.0.1:0",
		"tls":  "xcrafts://127.0.0.1:0?cert=" + url.QueryEscape(certs.Server.Cert) + "&key=" + url.QueryEscape(certs.Server.Key),
		"unix": "xcraft+unix://streams?dir=" + url.QueryEscape(t.TempDir()),
		"mem":  "mem://" + strings.ReplaceAll(t.Name(), "/", "."),
	}
}

type sum struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func sumOf(r io.Reader) (sum, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return sum{n, hex.EncodeToString(h.Sum(nil))}, err
}

// A source is what a test downloads.
type source struct {
	Size   int    `json:"size"`
	Prefix string `json:"prefix"`
	Small  bool   `json:"small"` // in pieces of a few bytes
	Fail   bool   `json:"fail"`  // at the end
}

func (s source) reader() io.Reader {
	text := bytes.Repeat([]byte("0123456789abcdef"), s.Size/16+1)[:s.Size]
	copy(text, s.Prefix)
	var r io.Reader = bytes.NewReader(text)
	if s.Small {
		r = iotest.OneByteReader(r)
	}
	if s.Fail {
		r = io.MultiReader(r, iotest.ErrReader(errors.New("the disk is on fire")))
	}
	return r
}

// A closed counts how often a reader was closed.
type closed struct {
	io.Reader
	once chan struct{}
}

func (c closed) Close() error { close(c.once); return nil }

// A library is a hall with streams.
type library struct {
	*server.Hall
	closed  chan struct{} // by the reader of files.endless
	uploads chan error    // how files.put ended
}

func openLibrary(t *testing.T, cfg server.Config) *library {
	t.Helper()
	hall, err := server.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := hall.Close(); err != nil {
			t.Error(err)
		}
	})
	l := &library{hall, make(chan struct{}), make(chan error, 10)}
	server.Handle(hall, "files.get", func(_ context.Context, in source) (io.Reader, error) { return in.reader(), nil })
	server.Handle(hall, "files.describe", func(_ context.Context, in source) (any, error) {
		return struct {
			Name string        `json:"name"`
			File server.Stream `json:"file"`
		}{"essay", server.Stream{Reader: in.reader(), Size: int64(in.Size)}}, nil
	})
	server.Handle(hall, "files.endless", func(context.Context, struct{}) (io.Reader, error) {
		return closed{zeros{}, l.closed}, nil
	})
	server.Handle(hall, "files.put", func(_ context.Context, in struct {
		Name string
		File server.Upload `json:"xcraftUpload"`
	}) (sum, error) {
		got, err := sumOf(in.File)
		l.uploads <- err
		return got, err
	})
	server.Handle(hall, "files.ignore", func(context.Context, struct{}) (int, error) { return 1, nil })
	server.Handle(hall, "files.head", func(ctx context.Context, _ struct{}) (string, error) {
		up, err := server.RequestOf(ctx).Upload()
		if err != nil {
			return "", err
		}
		b := make([]byte, 4)
		_, err = io.ReadFull(up, b)
		return string(b), err
	})
	return l
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func streamClient(t *testing.T, url string, opts ...xbus.Option) *xbus.Client {
	t.Helper()
	c, err := xbus.Connect(within(t), url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func streamTime(t *testing.T) context.Context { return within(t) }

var sizes = []source{
	{Size: 0}, {Size: 1}, {Size: 65535}, {Size: 65536}, {Size: 65537}, {Size: 5000, Small: true},
	{Size: 200000, Prefix: "s:"}, {Size: 200000, Prefix: "j:"}, {Size: 200000, Prefix: "b:"}, {Size: 2, Prefix: "s:"},
	{Size: 10 << 20},
}

func TestStreamsOverEachDoor(t *testing.T) {
	for name, address := range streamDoors(t) {
		t.Run(name, func(t *testing.T) {
			hall := openLibrary(t, server.Config{Listen: []string{address}})
			client := streamClient(t, hall.URL())
			for _, s := range sizes {
				want, _ := sumOf(s.reader())
				down, err := client.Download(streamTime(t), "files.get", s)
				if err != nil {
					t.Fatalf("%+v: %v", s, err)
				}
				if got, err := sumOf(down); err != nil || got != want {
					t.Errorf("%+v: downloaded %v instead of %v, %v", s, got, want, err)
				}
				if p := down.Progress().Load(); p.Bytes != want.Size {
					t.Errorf("%+v: progress %+v", s, p)
				}
				down.Close()
				answer, err := client.Upload(streamTime(t), "files.put", map[string]string{"name": "x"}, s.reader(), int64(s.Size))
				if err != nil {
					t.Fatalf("%+v: %v", s, err)
				}
				var got sum
				if err := (xbus.Event{Message: answer}).Decode(&got); err != nil || got != want {
					t.Errorf("%+v: uploaded %v instead of %v, %v", s, got, want, err)
				}
				<-hall.uploads
			}
			streamsOver(t, hall.Hall)
		})
	}
}

// streamsOver waits until nothing of a stream is left in the hall.
func streamsOver(t *testing.T, hall *server.Hall) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		s := hall.Stats()
		if s.InFlight == 0 && s.Running == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("in flight: %d, running: %d", s.InFlight, s.Running)
		}
	}
}

func TestDownloadBesideOtherMembers(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"mem://beside"}})
	client := streamClient(t, hall.URL())
	down, err := client.Download(streamTime(t), "files.describe", source{Size: 100000})
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	var data struct{ Name, RoutingKey string }
	if err := (xbus.Event{Message: down.Result()}).Decode(&data); err != nil || data.Name != "essay" || data.RoutingKey != "xbus" {
		t.Errorf("the result is %s, %v", down.Result().Data, err)
	}
	if _, err := io.ReadFull(down, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if p := down.Progress().Load(); p.Total != 100000 || p.Bytes != 65536 {
		t.Errorf("progress %+v", p)
	}
}

func TestSeveralStreamsAtOnce(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	client := streamClient(t, hall.URL())
	ctx := streamTime(t)
	var wg sync.WaitGroup
	for i := range 8 {
		s := source{Size: 1<<20 + i, Prefix: fmt.Sprint(i)}
		want, _ := sumOf(s.reader())
		wg.Go(func() {
			down, err := client.Download(ctx, "files.get", s)
			if err != nil {
				t.Error(err)
				return
			}
			defer down.Close()
			if got, err := sumOf(down); err != nil || got != want {
				t.Errorf("%v instead of %v, %v", got, want, err)
			}
		})
		wg.Go(func() {
			answer, err := client.Upload(ctx, "files.put", nil, s.reader(), 0)
			if err != nil {
				t.Error(err)
				return
			}
			var got sum
			if err := (xbus.Event{Message: answer}).Decode(&got); err != nil || got != want {
				t.Errorf("%v instead of %v, %v", got, want, err)
			}
		})
	}
	wg.Wait()
}

func TestDownloadWhoseReceiverStops(t *testing.T) {
	for name, stop := range map[string]func(*xbus.Download, context.CancelFunc){
		"closes":  func(d *xbus.Download, _ context.CancelFunc) { d.Close() },
		"cancels": func(d *xbus.Download, cancel context.CancelFunc) { cancel(); io.Copy(io.Discard, d) },
	} {
		t.Run(name, func(t *testing.T) {
			hall := openLibrary(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
			client := streamClient(t, hall.URL())
			ctx, cancel := context.WithCancel(streamTime(t))
			defer cancel()
			down, err := client.Download(ctx, "files.endless", nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(down, make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
			stop(down, cancel)
			_, err = io.Copy(io.Discard, down)
			var broken *xbus.StreamError
			if !errors.As(err, &broken) || broken.Read < 1<<20 {
				t.Errorf("reading on: %v", err)
			}
			<-hall.closed // the hall was told
			streamsOver(t, hall.Hall)
			if n := client.Stats().Subscriptions; n != 0 {
				t.Errorf("%d subscriptions are left", n)
			}
		})
	}
}

// Nobody reads: the hall sends a window and no more, and goes on when reading does.
func TestDownloadIsPacedByItsReader(t *testing.T) {
	for name, address := range streamDoors(t) {
		t.Run(name, func(t *testing.T) {
			hall := openLibrary(t, server.Config{Listen: []string{address}})
			var mu sync.Mutex
			given := 0
			server.Handle(hall.Hall, "files.counted", func(context.Context, struct{}) (io.Reader, error) {
				return readerFunc(func(p []byte) (int, error) {
					mu.Lock()
					defer mu.Unlock()
					if given += len(p); given > 32<<20 {
						return 0, io.EOF
					}
					return len(p), nil
				}), nil
			})
			client := streamClient(t, hall.URL())
			down, err := client.Download(streamTime(t), "files.counted", nil, xbus.WindowBytes(1<<20))
			if err != nil {
				t.Fatal(err)
			}
			defer down.Close()
			read := func() int { mu.Lock(); defer mu.Unlock(); return given }
			if _, err := io.ReadFull(down, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			for ctx := streamTime(t); read() < 1<<20; time.Sleep(time.Millisecond) {
				if ctx.Err() != nil {
					t.Fatalf("%d bytes were sent", read())
				}
			}
			for range 10 { // time enough to send more
				if _, err := client.Motd(streamTime(t)); err != nil {
					t.Fatal(err)
				}
			}
			if n := read(); n > 1<<20+2*65536 {
				t.Errorf("%d bytes were sent to nobody", n)
			}
			if n, err := io.Copy(io.Discard, down); err != nil || n != 32<<20-1 {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestDownloadWhoseSenderFails(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"mem://fails"}})
	client := streamClient(t, hall.URL())
	down, err := client.Download(streamTime(t), "files.get", source{Size: 100000, Fail: true})
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	n, err := io.Copy(io.Discard, down)
	if !errors.Is(err, xbus.ErrSource) || !strings.Contains(err.Error(), "on fire") || n != 100000 {
		t.Errorf("%d bytes, %v", n, err)
	}
	server.Handle(hall.Hall, "files.short", func(context.Context, struct{}) (server.Stream, error) {
		return server.Stream{Reader: strings.NewReader("short"), Size: 10}, nil
	})
	short, err := client.Download(streamTime(t), "files.short", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer short.Close()
	if _, err := io.ReadAll(short); !errors.Is(err, xbus.ErrSource) {
		t.Errorf("a reader that is shorter than announced: %v", err)
	}
	server.Handle(hall.Hall, "files.panic", func(context.Context, struct{}) (io.Reader, error) {
		return readerFunc(func([]byte) (int, error) { panic("at the disco") }), nil
	})
	panics, err := client.Download(streamTime(t), "files.panic", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer panics.Close()
	if _, err := io.ReadAll(panics); !errors.Is(err, xbus.ErrSource) {
		t.Errorf("a reader that panics: %v", err)
	}
}

func TestUploadThatFails(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	client := streamClient(t, hall.URL())
	fire := errors.New("the disk is on fire")
	_, err := client.Upload(streamTime(t), "files.put", nil, io.MultiReader(strings.NewReader("first"), iotest.ErrReader(fire)), 0)
	var broken *xbus.StreamError
	if !errors.Is(err, fire) || !errors.As(err, &broken) {
		t.Errorf("the reader fails: %v", err)
	}
	if err := <-hall.uploads; !errors.Is(err, server.ErrStreamAborted) {
		t.Errorf("the handler got %v", err)
	}
	if _, err := client.Upload(streamTime(t), "files.put", nil, strings.NewReader("short"), 10); !errors.Is(err, xbus.ErrBroken) {
		t.Errorf("shorter than announced: %v", err)
	}
	if err := <-hall.uploads; !errors.Is(err, server.ErrStreamAborted) {
		t.Errorf("the handler got %v", err)
	}
	answer, err := client.Upload(streamTime(t), "files.head", nil, io.LimitReader(zeros{}, 10<<20), 0)
	if !errors.Is(err, xbus.ErrUnread) || answer == nil {
		t.Errorf("a handler that reads the head: %v, %v", answer, err)
	}
	if _, err := client.Upload(streamTime(t), "files.ignore", nil, strings.NewReader("x"), 0); !errors.Is(err, xbus.ErrUnread) {
		t.Errorf("a handler that reads nothing: %v", err)
	}
	_, err = xbus.Call[sum](streamTime(t), client, "files.put", nil).Await(streamTime(t))
	if far, ok := errors.AsType[*rpc.Error](err); !ok || far.Code != server.CodeArguments {
		t.Errorf("a call without a stream: %v", err)
	}
	streamsOver(t, hall.Hall)
}

// The sender is cut in the middle: the handler never takes that for the end.
func TestUploadWhoseSenderDies(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	client := streamClient(t, hall.URL())
	r, w := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, err := client.Upload(streamTime(t), "files.put", nil, r, 0)
		failed <- err
	}()
	if _, err := w.Write(make([]byte, 300000)); err != nil {
		t.Fatal(err)
	}
	hall.Cut(client.OrcName().Load())
	if err := <-hall.uploads; !errors.Is(err, server.ErrCallerGone) {
		t.Errorf("the handler got %v", err)
	}
	w.Close()
	if err := <-failed; !errors.Is(err, rpc.ErrConnectionLost) {
		t.Errorf("the client got %v", err)
	}
}

func TestDownloadThatIsCut(t *testing.T) {
	for name, address := range streamDoors(t) {
		t.Run(name, func(t *testing.T) {
			hall := openLibrary(t, server.Config{Listen: []string{address}})
			client := streamClient(t, hall.URL())
			down, err := client.Download(streamTime(t), "files.endless", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer down.Close()
			if _, err := io.ReadFull(down, make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
			hall.Cut(client.OrcName().Load())
			if _, err = io.Copy(io.Discard, down); !errors.Is(err, xbus.ErrGap) {
				t.Errorf("got %v", err)
			}
			<-hall.closed
			streamsOver(t, hall.Hall)
		})
	}
}

// A hall that drains lets streams come to their end.
func TestDrainWaitsForStreams(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	client := streamClient(t, hall.URL())
	down, err := client.Download(streamTime(t), "files.get", source{Size: 20 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	drained := make(chan error, 1)
	go func() {
		_, err := hall.Drain(streamTime(t))
		drained <- err
	}()
	if n, err := io.Copy(io.Discard, down); err != nil || n != 20<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

// A stream that nobody asks for ends, and the hall closes with streams in it.
func TestStreamsNobodyAsksFor(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"mem://idle"}, StreamTimeout: 20 * time.Millisecond})
	client := streamClient(t, hall.URL())
	answer, err := client.Call(streamTime(t), "files.endless", nil).Await(streamTime(t))
	if err != nil {
		t.Fatal(err)
	}
	<-hall.closed
	down, err := client.Receive(streamTime(t), answer)
	if err == nil {
		defer down.Close()
		_, err = io.ReadAll(down)
	}
	if far, ok := errors.AsType[*rpc.Error](err); !ok || far.Code != server.CodeStreamUnknown {
		t.Errorf("too late: %v", err)
	}
}

func TestHallClosesAmidStreams(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	client := streamClient(t, hall.URL(), xbus.WithRetryFirst())
	down, err := client.Download(streamTime(t), "files.endless", nil, xbus.IdleTimeout(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	if _, err := io.ReadFull(down, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := hall.Close(); err != nil {
		t.Fatal(err)
	}
	<-hall.closed
	if _, err := io.Copy(io.Discard, down); err == nil {
		t.Error("an endless stream has come to its end")
	}
}

// A hall of the reference sends without asking: who falls behind loses.
func TestReaderThatFallsBehind(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"mem://behind"}})
	client := streamClient(t, hall.URL())
	announced, err := client.Call(streamTime(t), "files.endless", nil).Await(streamTime(t))
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Stream struct{ StreamID string } `json:"xcraftStream"`
	}
	if err := (xbus.Event{Message: announced}).Decode(&data); err != nil {
		t.Fatal(err)
	}
	sub, err := client.Topic("*::stream.chunked."+data.Stream.StreamID+".orcished",
		observable.WithPolicy(observable.FailOnOverflow), observable.WithLimit(8)).Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	start := map[string]any{"streamId": data.Stream.StreamID, "routingKey": "me", "window": 4 << 20}
	if _, err := client.Call(streamTime(t), "transport.xbus.start-emit", start).Await(streamTime(t)); err != nil {
		t.Fatal(err)
	}
	for ctx := streamTime(t); sub.Stats().Dropped == 0; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("nothing falls behind: %+v", sub.Stats())
		}
	}
	for err == nil {
		_, err = sub.Next(streamTime(t))
	}
	var overflow *observable.OverflowError
	if !errors.As(err, &overflow) {
		t.Errorf("got %v", err)
	}
	client.Close()
	<-hall.closed
}

func TestStreamsOfOthersAreNobodysBusiness(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"mem://others"}})
	owner, thief := streamClient(t, hall.URL()), streamClient(t, hall.URL())
	announced, err := owner.Call(streamTime(t), "files.get", source{Size: 10}).Await(streamTime(t))
	if err != nil {
		t.Fatal(err)
	}
	// The refusal comes with Receive or with Read.
	if stolen, err := thief.Receive(streamTime(t), announced); err == nil {
		defer stolen.Close()
		if b, err := io.ReadAll(stolen); err == nil || len(b) != 0 {
			t.Errorf("the thief got %q, %v", b, err)
		}
	}
	if hall.Stats().Refused[server.ForeignStream] == 0 {
		t.Error("it was not counted")
	}
	own, err := owner.Receive(streamTime(t), announced)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if b, err := io.ReadAll(own); err != nil || string(b) != "0123456789" {
		t.Errorf("the owner got %q, %v", b, err)
	}
}

func TestTarBothWays(t *testing.T) {
	hall := openLibrary(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	files := map[string]string{"a.txt": "first", "b.txt": strings.Repeat("second", 50000)}
	server.Handle(hall.Hall, "files.unpack", func(_ context.Context, in server.Upload) (map[string]int, error) { return unpack(in) })
	server.Handle(hall.Hall, "files.pack", func(context.Context, struct{}) (io.Reader, error) { return pack(files), nil })
	client := streamClient(t, hall.URL())
	down, err := client.Download(streamTime(t), "files.pack", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	if got, err := unpack(down); err != nil || got["a.txt"] != 5 || got["b.txt"] != 300000 {
		t.Errorf("downloaded %v, %v", got, err)
	}
	answer, err := client.Upload(streamTime(t), "files.unpack", nil, pack(files), 0)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]int
	if err := (xbus.Event{Message: answer}).Decode(&got); err != nil || got["a.txt"] != 5 || got["b.txt"] != 300000 {
		t.Errorf("uploaded %v, %v", got, err)
	}
}

// pack writes a tar archive while it is read.
func pack(files map[string]string) io.Reader {
	r, w := io.Pipe()
	go func() {
		archive := tar.NewWriter(w)
		for name, text := range files {
			archive.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o600})
			io.WriteString(archive, text)
		}
		w.CloseWithError(archive.Close())
	}()
	return r
}

func unpack(r io.Reader) (map[string]int, error) {
	sizes := make(map[string]int)
	for archive := tar.NewReader(r); ; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return sizes, nil
		}
		if err != nil {
			return nil, err
		}
		n, err := io.Copy(io.Discard, archive)
		if err != nil {
			return nil, err
		}
		sizes[head.Name] = int(n)
	}
}

// A binary member goes both ways with our hall too.
func TestChunksOverEachDoor(t *testing.T) {
	type buffer struct {
		Name  string `json:"name"`
		Chunk []byte `json:"chunk"`
	}
	for name, address := range streamDoors(t) {
		t.Run(name, func(t *testing.T) {
			hall := openLibrary(t, server.Config{Listen: []string{address}})
			server.Handle(hall.Hall, "buffer.echo", func(_ context.Context, in buffer) (buffer, error) { return in, nil })
			server.Handle(hall.Hall, "buffer.bad", func(_ context.Context, in struct{ Text string }) (buffer, error) {
				return buffer{Chunk: []byte(in.Text)}, nil
			})
			client := streamClient(t, hall.URL())
			for _, chunk := range []string{"\x00", "plain", "s", " s:"} {
				got, err := xbus.Call[buffer](streamTime(t), client, "buffer.echo", buffer{"x", []byte(chunk)}).Await(streamTime(t))
				if err != nil || got.Name != "x" || string(got.Chunk) != chunk {
					t.Errorf("%q came back as %q, %v", chunk, got.Chunk, err)
				}
			}
			for _, chunk := range []string{"", "s:", "j:{}", "b:1"} {
				_, err := xbus.Call[buffer](streamTime(t), client, "buffer.echo", buffer{"x", []byte(chunk)}).Await(streamTime(t))
				if verdict, ok := rpc.VerdictOf(err); !ok || verdict != rpc.NotSent {
					t.Errorf("sent %q: %v", chunk, err)
				}
				_, err = xbus.Call[buffer](streamTime(t), client, "buffer.bad", map[string]string{"text": chunk}).Await(streamTime(t))
				if far, ok := errors.AsType[*rpc.Error](err); !ok || far.Code != server.CodeUnsendable {
					t.Errorf("answered %q: %v", chunk, err)
				}
			}
		})
	}
}

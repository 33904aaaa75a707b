package xbus_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/server"
)

// Several files travel as one tar archive, which both sides read and write as it
// flows.
func ExampleClient_Download() {
	ctx := context.Background()
	hall, _ := server.Listen(ctx, server.Config{Listen: []string{"mem://archive"}})
	defer hall.Close()
	server.Handle(hall, "files.all", func(context.Context, struct{}) (io.Reader, error) {
		r, w := io.Pipe()
		go func() { // ends with the stream: the hall closes r
			files := tar.NewWriter(w)
			for _, f := range []struct{ name, text string }{{"a.txt", "first"}, {"b.txt", "the second"}} {
				files.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.text)), Mode: 0o600})
				io.WriteString(files, f.text)
			}
			w.CloseWithError(files.Close())
		}()
		return r, nil
	})

	client, _ := xbus.Connect(ctx, "mem://archive")
	defer client.Close()
	stream, err := client.Download(ctx, "files.all", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stream.Close()
	for files := tar.NewReader(stream); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // never a short file that is called complete
			fmt.Println(err)
			return
		}
		text, _ := io.ReadAll(files)
		fmt.Printf("%s: %s\n", head.Name, text)
	}
	// Output:
	// a.txt: first
	// b.txt: the second
}

// A handler reads what a client sends as the client sends it.
func ExampleClient_Upload() {
	ctx := context.Background()
	hall, _ := server.Listen(ctx, server.Config{Listen: []string{"mem://inbox"}})
	defer hall.Close()
	type letter struct {
		To   string        `json:"to"`
		Text server.Upload `json:"xcraftUpload"`
	}
	server.Handle(hall, "inbox.put", func(_ context.Context, in letter) (string, error) {
		n, err := io.Copy(io.Discard, in.Text)
		return fmt.Sprintf("%d bytes for %s", n, in.To), err
	})

	client, _ := xbus.Connect(ctx, "mem://inbox")
	defer client.Close()
	answer, err := client.Upload(ctx, "inbox.put", map[string]string{"to": "Ada"}, io.LimitReader(zeros{}, 1_000_000), 1_000_000)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(answer.Data))
	// Output: "1000000 bytes for Ada"
}

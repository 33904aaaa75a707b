package interop_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/interop"
)

// orphanVariable turns the test program into one that starts a process and
// waits to be killed: "server", "frozen server", "client URL", "script URL FILE".
const orphanVariable = "XBUS_HARNESS_ORPHAN"

func orphan() {
	ctx := context.Background()
	var err error
	what := strings.Fields(os.Getenv(orphanVariable))
	switch what[0] {
	case "server", "frozen":
		var server *interop.Server
		if server, err = interop.StartServer(ctx, interop.ServerOptions{}); err != nil {
			break
		}
		if what[0] == "frozen" {
			err = server.Pause()
		}
		fmt.Println(server.Ready().NotifierPort)
	case "client":
		var client *interop.Client
		if client, err = interop.StartClient(ctx, interop.ClientOptions{URL: what[1]}); err == nil {
			err = client.Do(map[string]any{"op": "connect"})
		}
	case "script":
		_, err = interop.RunScenario(ctx, interop.ClientOptions{URL: what[1]}, what[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

func startOrphan(t *testing.T, what string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), orphanVariable+"="+what)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd, bufio.NewReader(out)
}

// mustEnd kills the parent of a process that keeps a connection, and waits for
// the end of the connection.
func mustEnd(t *testing.T, parent *exec.Cmd, conn net.Conn) {
	t.Helper()
	defer conn.Close()
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the process outlives its test by 20 s")
	}
}

func TestHarnessServerDiesWithTheTests(t *testing.T) {
	interop.Require(t)
	for _, what := range []string{"server", "frozen server"} {
		t.Run(what, func(t *testing.T) {
			parent, out := startOrphan(t, what)
			port, err := out.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			// The system accepts connections on behalf of a frozen process.
			conn, err := net.Dial("tcp", "127.0.0.1:"+strings.TrimSpace(port))
			if err != nil {
				t.Fatal(err)
			}
			mustEnd(t, parent, conn)
		})
	}
}

func TestHarnessClientDiesWithTheTests(t *testing.T) {
	interop.Require(t)
	script := filepath.Join(t.TempDir(), "long.jsonl")
	text := `{"op":"connect"}` + "\n" + `{"op":"sleep","ms":60000}`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"client URL", "script URL " + script} {
		t.Run(what[:6], func(t *testing.T) {
			hall, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer hall.Close()
			port := hall.Addr().(*net.TCPAddr).Port
			url := fmt.Sprintf("xcraft://127.0.0.1:%d?events=%d", port, port)
			parent, _ := startOrphan(t, strings.Replace(what, "URL", url, 1))
			conn, err := hall.Accept()
			if err != nil {
				t.Fatal(err)
			}
			mustEnd(t, parent, conn)
		})
	}
}

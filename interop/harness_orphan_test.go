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
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/interop"
)

// orphanVariable turns the test program into one that starts a server and waits
// to be killed; its value "frozen" freezes the server first.
const orphanVariable = "XBUS_HARNESS_ORPHAN"

func orphan() {
	server, err := interop.StartServer(context.Background(), interop.ServerOptions{})
	if err == nil && os.Getenv(orphanVariable) == "frozen" {
		err = server.Pause()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(server.Ready().NotifierPort)
	select {}
}

func TestHarnessServerDiesWithTheTests(t *testing.T) {
	interop.Require(t)
	for _, mode := range []string{"running", "frozen"} {
		t.Run(mode, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), orphanVariable+"="+mode)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
			port, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}

			// The server is there as long as its notifier keeps the connection; the
			// system accepts it on behalf of a frozen one.
			conn, err := net.Dial("tcp", "127.0.0.1:"+strings.TrimSpace(port))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the server outlives its test by 20 s")
			}
		})
	}
}

package server_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/interop"
	"github.com/xcraft-go/xbus/server"
)

// childVariable makes the test binary a hall that listens on the address.
const childVariable = "XBUS_TEST_HALL"

// childHall is the process of a killable: it says where it listens, publishes an
// event for each line that it reads, and ends with its stdin.
func childHall(address string) int {
	hall, err := server.Listen(context.Background(), server.Config{Name: "gohall", Listen: []string{address}, Exact: true})
	if err == nil {
		err = server.Handle(hall, "go.add", func(_ context.Context, in struct{ A, B int }) (int, error) { return in.A + in.B, nil })
	}
	if err == nil {
		err = server.Handle(hall, "go.hang", func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() })
	}
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	defer hall.Close()
	fmt.Println(hall.URL())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := hall.Publish(context.Background(), lines.Text(), os.Getpid()); err != nil {
			fmt.Println("error:", err)
			return 1
		}
	}
	return 0
}

// A killable is a hall in a process of its own, with the commands go.add and
// go.hang.
type killable struct {
	t       *testing.T
	address string
	url     string // for clients
	process *exec.Cmd
	stdin   *os.File
}

// startKillable starts a hall at free ports of a host, or at unix sockets.
func startKillable(t *testing.T, host string) *killable {
	t.Helper()
	var address string
	if host == "unix" {
		address = fmt.Sprintf("xcraft+unix://xbuskilled%d?commander=1&events=2", os.Getpid())
		t.Cleanup(func() {
			for _, end := range []string{"1-cmd.sock", "2-evt.sock"} {
				os.Remove(fmt.Sprintf("/tmp/xbuskilled%d%s", os.Getpid(), end)) // a killed hall leaves them
			}
		})
	} else {
		var ports [2]int
		for i := range ports {
			var err error
			if ports[i], err = interop.FreePort(host); err != nil {
				t.Skip(err) // e.g. no 127.0.0.2 on this system
			}
		}
		address = fmt.Sprintf("xcraft://%s:%d?events=%d", host, ports[0], ports[1])
	}
	k := &killable{t: t, address: address}
	t.Cleanup(k.kill)
	k.start()
	return k
}

// start starts the process, at the same place each time.
func (k *killable) start() {
	k.t.Helper()
	in, stdin, err := os.Pipe()
	if err != nil {
		k.t.Fatal(err)
	}
	defer in.Close()
	out, stdout, err := os.Pipe()
	if err != nil {
		k.t.Fatal(err)
	}
	defer out.Close()
	k.process, k.stdin = exec.Command(os.Args[0]), stdin
	k.process.Env = append(os.Environ(), childVariable+"="+k.address)
	k.process.Stdin, k.process.Stdout, k.process.Stderr = in, stdout, os.Stderr
	err = k.process.Start()
	stdout.Close()
	if err != nil {
		k.t.Fatal(err)
	}
	out.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error:") {
		k.t.Fatalf("the hall in a process of its own says %q, %v", line, err)
	}
	k.url = strings.TrimSpace(line)
}

// kill ends the process as SIGKILL does, without a farewell.
func (k *killable) kill() {
	if k.process == nil || k.process.Process == nil {
		return
	}
	k.process.Process.Kill() // one that has ended cannot be killed
	k.process.Wait()
	k.stdin.Close()
	k.process = nil
}

// say makes the hall publish an event; its data is the id of the process.
func (k *killable) say(topic string) {
	k.t.Helper()
	if _, err := fmt.Fprintln(k.stdin, topic); err != nil {
		k.t.Fatal(err)
	}
}

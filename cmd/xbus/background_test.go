package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a test waits for what a program is about to do. It is never
// waited out in a test that passes, however busy the machine is.
const patience = 2 * time.Minute

// A background is a program that a script runs beside itself. What it writes
// stands in the files NAME.out and NAME.err.
type background struct {
	ts    *testscript.TestScript
	files [2]string
	cmd   *exec.Cmd
	ended chan struct{} // closed then
}

// backgrounds are those of all scripts.
var backgrounds sync.Map // of backgroundKey

type backgroundKey struct {
	ts   *testscript.TestScript
	name string
}

// begins starts xbus and waits until it has written the pattern: begin NAME PATTERN args.
func begins(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: begin name pattern args")
	}
	b := &background{ts: ts, cmd: program(args[2:]...), ended: make(chan struct{})}
	b.cmd.Dir = ts.MkAbs(".")
	b.cmd.Env = append(b.cmd.Env, "XBUS_URL="+ts.Getenv("XBUS_URL"))
	var opened [2]*os.File
	for i, end := range []string{".out", ".err"} {
		var err error
		b.files[i] = ts.MkAbs(args[0] + end)
		opened[i], err = os.Create(b.files[i])
		ts.Check(err)
		defer opened[i].Close()
	}
	b.cmd.Stdout, b.cmd.Stderr = opened[0], opened[1]
	ts.Check(b.cmd.Start())
	go func() {
		defer close(b.ended)
		_ = b.cmd.Wait() // finishes looks at its code
	}()
	ts.Defer(func() {
		_ = b.cmd.Process.Kill() // one that has ended cannot be killed
		<-b.ended
	})
	backgrounds.Store(backgroundKey{ts, args[0]}, b)
	b.await(args[1])
}

// awaits waits until a background has written a pattern: await NAME PATTERN.
func awaits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await name pattern")
	}
	backgroundOf(ts, args[0]).await(args[1])
}

// finishes interrupts a background and compares its exit code: finish NAME CODE.
func finishes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: finish name code")
	}
	b := backgroundOf(ts, args[0])
	if err := b.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		ts.Fatalf("%v", err)
	}
	<-b.ended
	if code := fmt.Sprint(b.cmd.ProcessState.ExitCode()); code != args[1] {
		ts.Fatalf("exit code %s, want %s\n%s", code, args[1], b.text())
	}
}

func backgroundOf(ts *testscript.TestScript, name string) *background {
	b, ok := backgrounds.Load(backgroundKey{ts, name})
	if !ok {
		ts.Fatalf("nothing has begun under the name %s", name)
	}
	return b.(*background)
}

func (b *background) await(pattern string) {
	wanted, err := regexp.Compile("(?m)" + pattern)
	b.ts.Check(err)
	for late := time.Now().Add(patience); !wanted.MatchString(b.text()); time.Sleep(5 * time.Millisecond) {
		select {
		case <-b.ended:
			if wanted.MatchString(b.text()) {
				return
			}
			b.ts.Fatalf("it has ended before %q:\n%s", pattern, b.text())
		default:
		}
		if time.Now().After(late) {
			b.ts.Fatalf("no %q in\n%s", pattern, b.text())
		}
	}
}

// text is what it has written so far.
func (b *background) text() (all string) {
	for _, name := range b.files {
		text, err := os.ReadFile(name)
		b.ts.Check(err)
		all += string(text)
	}
	return all
}

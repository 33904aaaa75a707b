package main

import (
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/bench/internal/measure"
)

func TestKindOf(t *testing.T) {
	const link = "github.com/xcraft-go/xbus/conn/axon.(*link).Receive"
	for _, c := range []struct {
		stack string // innermost first
		want  kind
	}{
		{"internal/runtime/syscall/linux.Syscall6 syscall.RawSyscall6 syscall.Syscall syscall.read internal/poll.(*FD).Read net.(*conn).Read " + link, sockets},
		{"internal/runtime/syscall/linux.Syscall6 runtime.netpoll runtime.findRunnable runtime.schedule", waking},
		{"runtime.futex runtime.futexwakeup runtime.notewakeup runtime.startm", waking},
		{"runtime.memclrNoHeapPointers runtime.mallocgcLarge runtime.mallocgc runtime.makeslice github.com/xcraft-go/xbus/wire.(*stream).makeRoom", memory},
		{"runtime.memmove github.com/xcraft-go/xbus/conn/axon.(*readBuffer).Read github.com/xcraft-go/xbus/wire.(*stream).need", copies},
		{"github.com/xcraft-go/xbus/wire.text.str github.com/xcraft-go/xbus/wire.(*Reader).next " + link, text},
		{"internal/sync.(*Mutex).Unlock github.com/xcraft-go/xbus/conn/axon.(*outbox).put", rest},
		{link + " internal/poll.never", rest},
		{"aeshashbody runtime.mapaccess1_faststr github.com/xcraft-go/xbus/rpc.(*Calls).find", rest},
		{"", rest},
	} {
		if got := kindOf(strings.Fields(c.stack)); got != c.want {
			t.Errorf("%v, want %v: %s", got, c.want, c.stack)
		}
	}
}

// A quick run has each kind for each contender that it was asked for.
func TestRun(t *testing.T) {
	var out strings.Builder
	b := measure.New(measure.Options{Program: "shares", Quick: true, Only: []string{"xbus mem", "raw"}}, &out)
	if err := run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"xbus mem", "raw"} {
		for kind := range kinds {
			key := measure.Key{Table: "processor time, calls, 256 in flight", Row: row, Column: kind.String()}
			if v := b.Median(key); !(v >= 0) {
				t.Errorf("%v: %v", key, v)
			}
		}
	}
}

// What was profiled is found again, whatever it is.
func TestRead(t *testing.T) {
	var file strings.Builder
	if err := pprof.StartCPUProfile(&file); err != nil {
		t.Fatal(err)
	}
	work := 0
	for i := range 1 << 26 {
		work ^= i * work
	}
	pprof.StopCPUProfile()
	if _, err := read(strings.NewReader(file.String())); err != nil {
		t.Errorf("%v (%d)", err, work)
	}
	if _, err := read(strings.NewReader("no profile")); err == nil {
		t.Error("something else was read as a profile")
	}
}

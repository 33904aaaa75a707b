package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// A kind is what processor time is spent on.
type kind int

const (
	sockets kind = iota // reading and writing, in the system
	waking              // goroutines and threads that wait and are woken
	memory              // allocation, clearing and collection
	copies
	text // names, envelopes and payloads: written, read, checked
	rest // tables, queues, locks, handlers, and the program that measures
	kinds
)

func (k kind) String() string {
	return [kinds]string{"sockets", "waking", "memory", "copies", "text", "the rest"}[k]
}

// shares are the processor time of each kind.
type shares [kinds]time.Duration

// A sign is the beginning of the name of a function that tells the kind of all that
// it calls. The innermost function with a sign counts.
type sign struct {
	prefix string
	kind   kind
}

var signs = []sign{
	{"internal/poll.", sockets}, {"syscall.read", sockets}, {"syscall.write", sockets}, {"net.", sockets},

	{"runtime.mallocgc", memory}, {"runtime.gc", memory}, {"runtime.bg", memory}, {"runtime.newobject", memory},
	{"runtime.growslice", memory}, {"runtime.wbBuf", memory}, {"gcWriteBarrier", memory}, {"runtime.bulkBarrier", memory},
	{"runtime.(*mheap)", memory}, {"runtime.(*mcache)", memory}, {"runtime.(*gcWork)", memory}, {"runtime.scan", memory},
	{"runtime.madvise", memory}, {"runtime.sysUnused", memory}, {"runtime.typedmemmove", memory}, {"runtime.typedmemclr", memory},

	{"runtime.schedule", waking}, {"runtime.findRunnable", waking}, {"runtime.park_m", waking}, {"runtime.gopark", waking},
	{"runtime.goready", waking}, {"runtime.ready", waking}, {"runtime.chan", waking}, {"runtime.selectgo", waking},
	{"runtime.mcall", waking}, {"runtime.futex", waking}, {"runtime.netpoll", waking}, {"runtime.lock", waking},
	{"runtime.unlock", waking}, {"runtime.semrelease", waking}, {"runtime.semacquire", waking}, {"runtime.goexit0", waking},
	{"runtime.newproc", waking}, {"runtime.sysmon", waking}, {"runtime.mstart", waking}, {"runtime.mPark", waking},
	{"sync.(*Cond)", waking}, {"sync.runtime_", waking}, {"internal/sync.runtime_", waking}, {"runtime.asyncPreempt", waking},

	{"runtime.memmove", copies}, {"runtime.memclr", copies},

	{"github.com/xcraft-go/xbus/wire.", text}, {"github.com/xcraft-go/xbus/payload.", text}, {"encoding/json.", text},
	{"github.com/nats-io/nats.go.(*Conn).parse", text}, {"github.com/nats-io/nats%2ego.(*Conn).parse", text},
	{"github.com/nats-io/nats-server/v2/server.(*client).parse", text}, {"github.com/nats-io/nats-server/v2/server.(*client).msgHeader", text},
	{"unicode/utf8.", text}, {"strconv.", text}, {"internal/strconv.", text}, {"internal/bytealg.", text}, {"memeqbody", text},
}

// kindOf tells what a stack is about; its innermost function comes first. Clearing
// is a part of what it is done for.
func kindOf(stack []string) kind {
	found := rest
	for _, function := range stack {
		i := slices.IndexFunc(signs, func(s sign) bool { return strings.HasPrefix(function, s.prefix) })
		switch {
		case i >= 0 && signs[i].kind == copies:
			found = copies
		case i >= 0 && (found == rest || signs[i].kind == memory):
			return signs[i].kind
		case isPackage(function):
			return found
		}
	}
	return found
}

// isPackage reports whether a function belongs to somebody, so that what has called
// it does not tell more.
func isPackage(function string) bool {
	return strings.Contains(function, "/") && !strings.HasPrefix(function, "internal/")
}

// read adds up a profile of processor time.
func read(r io.Reader) (s shares, err error) {
	p, err := profile.Parse(r)
	if err != nil {
		return s, fmt.Errorf("the profile: %w", err)
	}
	value := slices.IndexFunc(p.SampleType, func(t *profile.ValueType) bool { return t.Type == "cpu" })
	if value < 0 {
		return s, fmt.Errorf("the profile has no processor time")
	}
	for _, sample := range p.Sample {
		s[kindOf(stackOf(sample))] += time.Duration(sample.Value[value])
	}
	return s, nil
}

func stackOf(sample *profile.Sample) (stack []string) {
	for _, location := range sample.Location {
		for _, line := range location.Line { // inlined functions come first
			if line.Function != nil {
				stack = append(stack, line.Function.Name)
			}
		}
	}
	return stack
}

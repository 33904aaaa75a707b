package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/wire"
)

// print writes a line to stdout.
func (a *app) print(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }

// say writes a line to stderr.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.err, format+"\n", args...) }

// note is say for what is beside the point.
func (a *app) note(format string, args ...any) { a.say("xbus: "+format, args...) }

// emit writes one object as a line of stdout.
func (a *app) emit(v any) {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		a.note("cannot be written as JSON: %v", err)
		return
	}
	a.out.Write(line.Bytes())
}

// jsonOf is the payload of a message as JSON, with its immutable values and its
// chunk in plain form; nil when there is none.
func jsonOf(m *wire.Message) json.RawMessage {
	if m.Immu() == nil && m.Shred() == nil && m.Chunk == nil {
		return m.Data
	}
	var v any
	if err := rpc.Decode(m, &v); err != nil {
		return m.Data
	}
	text, err := json.Marshal(v)
	if err != nil {
		return m.Data
	}
	return text
}

// pretty is JSON for people.
func pretty(raw json.RawMessage) string {
	var b bytes.Buffer
	if len(raw) == 0 || json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}

// milliseconds is a duration as a number, for JSON.
func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

// human is a duration with three digits.
func human(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(10 * time.Nanosecond).String()
}

// A meter shows the progress of long work on a terminal, in one line that is
// written again and again. It is silent elsewhere.
type meter struct {
	w    io.Writer
	stop chan struct{}
	wg   sync.WaitGroup
}

// meter starts one; text is asked five times a second.
func (a *app) meter(text func(elapsed time.Duration) string) *meter {
	m := &meter{w: a.err, stop: make(chan struct{})}
	if !a.terminal || a.verbose {
		return m
	}
	began := time.Now()
	m.wg.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(m.w, "\r\x1b[K%s", text(time.Since(began)))
			case <-m.stop:
				fmt.Fprint(m.w, "\r\x1b[K")
				return
			}
		}
	})
	return m
}

// end wipes the line.
func (m *meter) end() {
	close(m.stop)
	m.wg.Wait()
}

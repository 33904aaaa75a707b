package halltest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// Saw returns what happened so far, one line each, in the words of the recorded
// sequences: "commander accepted", "notifier closed",
// "command demo.echo from Grom@… with the token".
func (h *Hall) Saw() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.saw)
}

// Forget empties what the hall saw.
func (h *Hall) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.saw, h.commands = nil, nil
}

// Commands returns the commands that came, in order.
func (h *Hall) Commands() []*wire.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.commands)
}

// Await waits until the hall has seen n lines with the given beginning.
func (h *Hall) Await(n int, beginning string) {
	h.tb.Helper()
	h.await(fmt.Sprintf("%d times %q", n, beginning), func() bool {
		seen := 0
		for _, line := range h.saw {
			if strings.HasPrefix(line, beginning) {
				seen++
			}
		}
		return seen >= n
	})
}

// AwaitPeers waits until the hall has n sockets of each side.
func (h *Hall) AwaitPeers(n int) {
	h.tb.Helper()
	h.await(fmt.Sprintf("%d clients", n), func() bool {
		count := map[Side]int{}
		for _, p := range h.peers {
			count[p.side]++
		}
		return count[Commander] == n && count[Notifier] == n
	})
}

// awaitNotifier waits for the event socket that belongs to a command socket,
// which a hall may accept later although the client has opened it before.
func (h *Hall) awaitNotifier() {
	late := time.After(time.Second)
	for {
		h.mu.Lock()
		ok, changed := h.accepted[Notifier] >= h.accepted[Commander], h.changed
		h.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-late:
			return
		case <-h.ctx.Done():
			return
		}
	}
}

// await waits until met, which runs under mu, is true.
func (h *Hall) await(what string, met func() bool) {
	h.tb.Helper()
	late := time.After(patience)
	for {
		h.mu.Lock()
		ok, changed := met(), h.changed
		h.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-late:
			h.tb.Fatalf("halltest: no %s within %v; the hall saw:\n  %s", what, patience, strings.Join(h.Saw(), "\n  "))
		}
	}
}

package xbus

import (
	"context"
	"strings"
	"sync"

	"github.com/xcraft-go/xbus/topics"
)

// lineCommand connects an orc to a line, or disconnects it (protocol §6.7).
const lineCommand = "warehouse.request-line-update"

// lines are the lines that subscriptions want. The hall is asked for each once,
// again after each return, and when a hall gets the command later.
type lines struct {
	client *Client
	mu     sync.Mutex
	wanted map[string]int
	asked  map[string]string // line → "<orc>$<token>" that it was asked for
}

// lineOf returns the line that a pattern names; one with a star names none.
func lineOf(pattern string) (string, bool) {
	line, ok := topics.LineID(pattern)
	return line, ok && line != "" && !strings.ContainsAny(line, "*(|)")
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wanted == nil {
		l.wanted, l.asked = make(map[string]int), make(map[string]string)
	}
	l.wanted[line]++
	l.ask(line)
}

func (l *lines) remove(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wanted[line]--; l.wanted[line] > 0 {
		return
	}
	delete(l.wanted, line)
	if l.asked[line] != "" {
		l.send("delete", line)
	}
	delete(l.asked, line)
}

// renew asks for all lines that the present session was not asked for yet.
func (l *lines) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range l.wanted {
		l.ask(line)
	}
}

func (l *lines) ask(line string) {
	session, ok := l.client.conn.Session()
	key := session.Identity.OrcName + "$" + string(session.Identity.Token)
	if !ok || l.asked[line] == key || !l.client.registry.Load().Has(lineCommand) {
		return
	}
	if l.send("add", line) {
		l.asked[line] = key
	}
}

// send does not wait: without a session there is nothing to send, and renew
// comes when there is one.
func (l *lines) send(kind, line string) bool {
	session, ok := l.client.conn.Session()
	if !ok {
		return false
	}
	data := map[string]any{
		"type": kind, "lineId": line, "orcName": session.Identity.OrcName,
		"token": string(session.Identity.Token), "generation": 0,
	}
	now, cancel := context.WithCancel(context.Background())
	cancel() // no wait for room either
	err := l.client.calls.Send(now, lineCommand, data, failFast)
	if err != nil {
		l.client.logger.Warn("line not "+kind+"ed", "line", line, "error", err)
	}
	return err == nil
}

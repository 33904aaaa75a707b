package server

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/xcraft-go/xbus/payload"
)

// The command and the event of the lines (protocol §6.7).
const (
	commandLines = "warehouse.request-line-update"
	topicLines   = "warehouse.lines-updated"
)

// maxLine bounds the name of a line in bytes: it is part of topics.
const maxLine = 1 << 10

// listen connects an orc of the session to a line, once more, and reports
// whether that is its first time.
func (t *routes) listen(line, orc string, s *session, limit int) (changed, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.lines[line] == nil {
		if len(s.lines) >= limit {
			return false, false
		}
		s.lines[line] = make(map[string]int)
	}
	s.lines[line][orc]++
	if t.lines[line] == nil {
		t.lines[line] = make(map[*session]struct{})
	}
	t.lines[line][s] = struct{}{}
	return s.lines[line][orc] == 1, true
}

// hangUp takes one connection of an orc to a line back, and reports whether it
// was the last one.
func (t *routes) hangUp(line, orc string, s *session) (changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	orcs := s.lines[line]
	if orcs[orc] == 0 {
		return false
	}
	if orcs[orc]--; orcs[orc] > 0 {
		return false
	}
	delete(orcs, orc)
	if len(orcs) == 0 {
		t.unlisten(line, s)
	}
	return true
}

// unlisten forgets that the session listens to a line; mu is held.
func (t *routes) unlisten(line string, s *session) {
	delete(s.lines, line)
	delete(t.lines[line], s)
	if len(t.lines[line]) == 0 {
		delete(t.lines, line)
	}
}

func (t *routes) listeners(line string) []*session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Collect(maps.Keys(t.lines[line]))
}

// lineTable is the table of the lines as clients know it: the lines of the
// session, or of a horde, which passes it on to its own.
func (t *routes) lineTable(s *session, token string) payload.Value {
	t.mu.RLock()
	defer t.mu.RUnlock()
	table := payload.NewMap()
	var rows []any
	for line, orcs := range s.lines {
		var row []any
		for orc, count := range orcs {
			row = append(row, orc+"$"+token, count)
		}
		rows = append(rows, line, payload.NewMap(row...))
	}
	if len(rows) > 0 {
		table = payload.NewMap(rows...)
	}
	return payload.NewShredder(table)
}

// A lineUpdate is the data of the command.
type lineUpdate struct {
	Type       string          `json:"type"`
	LineID     string          `json:"lineId"`
	OrcName    string          `json:"orcName"`
	Token      string          `json:"token"`
	Generation json.RawMessage `json:"generation"`
}

// updateLine serves the command: an orc may be connected by its owner only.
func (h *Hall) updateLine(r *Request) {
	var u lineUpdate
	if err := json.Unmarshal(r.Message.Data, &u); err != nil || u.LineID == "" || len(u.LineID) > maxLine || u.Type != "add" && u.Type != "delete" {
		h.counts.refuse(BadArguments)
		r.settle(nil, Errorf(CodeArguments, "%s wants {type: \"add\" or \"delete\", lineId, orcName, token, generation}", commandLines))
		return
	}
	line := strings.TrimSuffix(strings.TrimPrefix(u.LineID, "<"), ">")
	if u.OrcName != r.OrcName && h.routes.owner(u.OrcName) != r.session {
		h.counts.refuse(ForeignLine)
		r.settle(nil, Errorf(CodeForbidden, "the orc that wants the line is not yours"))
		return
	}
	changed := false
	if u.Type == "delete" {
		changed = h.routes.hangUp(line, u.OrcName, r.session)
	} else {
		var ok bool
		if changed, ok = h.routes.listen(line, u.OrcName, r.session, h.cfg.Limits.Lines); !ok {
			h.counts.refuse(TooManyLines)
			r.settle(nil, Errorf(CodeForbidden, "one connection may have %d lines", h.cfg.Limits.Lines))
			return
		}
	}
	h.sayLines(r, u, changed)
	r.settle(nil, nil)
}

// sayLines answers with the event that tells the table, if it has changed.
func (h *Hall) sayLines(r *Request, u lineUpdate, changed bool) {
	data := map[string]any{"lines": nil, "token": u.Token, "generation": payload.Undefined}
	if changed {
		data["lines"] = h.routes.lineTable(r.session, u.Token)
	}
	data["generation"] = json.RawMessage("0")
	if u.Generation != nil {
		data["generation"] = u.Generation
	}
	if err := r.Send(topicLines, data); err != nil {
		h.cfg.Logger.Error("lines", "error", err)
	}
}

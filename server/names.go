package server

import (
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/xcraft-go/xbus/wire"
)

// What the names of orcs are made of: each of the first with each of the last.
var (
	firstSyllables = strings.Fields("Azg Bol Bru Dag Dur Gash Gor Grim Gru Gul Hak Ilg Kra Krug Lug Mak Mor Nar Ogh Rag Rok Sha Skar Thok Ug Urz Vrag Yag Zog Zur")
	lastSyllables  = strings.Fields("ash bad bag dak dur gal gash gim gol grat hak kar kash luk mak mug nak nok rag rak rim rok rut sha thak thur tuk urz wug zag")
)

// A namer draws the first part of orc names. No name is given twice: a client
// that comes back may still use its old one (protocol §4.4).
type namer struct {
	mu    sync.Mutex
	given map[string]struct{} // at most as many as can be made of the syllables
}

// draw returns an orc name of a hall with this token.
func (n *namer) draw(token wire.Token) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.given == nil {
		n.given = make(map[string]struct{})
	}
	for range 20 {
		name := firstSyllables[rand.IntN(len(firstSyllables))] + lastSyllables[rand.IntN(len(lastSyllables))]
		if _, taken := n.given[name]; !taken {
			n.given[name] = struct{}{}
			return name + "@" + string(token)
		}
	}
	return string(wire.NewToken()) + "@" + string(token) // random enough to be new
}

// maxName bounds an orc name in bytes.
const maxName = 256

// isOrcName reports whether s has the form <Name>@<token>, so that it is one of
// the words that patterns are filed by (protocol §6.2).
func isOrcName(s string) bool {
	name, token, ok := strings.Cut(s, "@")
	return ok && name != "" && token != "" && len(s) <= maxName && !strings.ContainsAny(s, "<>.:*$ \t\r\n") && !strings.Contains(token, "@")
}

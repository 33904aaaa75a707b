package payload

import (
	"strconv"
	"unicode/utf8"
)

// pathTo returns the steps from the root to the first slot that match accepts,
// breadth first; "" when it is the root itself.
func pathTo(root Value, match func(n *node, slot int) bool) string {
	type visit struct {
		n    *node
		path string
	}
	if root.node() == nil {
		return ""
	}
	queue := []visit{{n: root.node()}}
	seen := map[*node]bool{root.node(): true}
	enter := func(n *node, path string) {
		if n != nil && !seen[n] {
			seen[n] = true
			queue = append(queue, visit{n, path})
		}
	}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for slot, v := range at.n.slots {
			if match(at.n, slot) {
				return at.path + at.n.step(slot)
			}
			if v.Kind().container() {
				enter(v.node(), at.path+at.n.step(slot))
			}
		}
		enter(at.n.members, at.path)
	}
	return ""
}

// step is the step of a path that leads to a slot.
func (n *node) step(slot int) string {
	switch {
	case n.kind == KindShredder:
		return ""
	case !n.kind.keyed():
		return "[" + strconv.Itoa(slot) + "]"
	case slot%2 == 0:
		return "[key " + strconv.Itoa(slot/2) + "]"
	}
	return keyStep(n.slots[slot-1])
}

// keyStep is .name, or ["any other string"], or [1].
func keyStep(key Value) string {
	if key.Kind() != KindString {
		return "[" + key.String() + "]"
	}
	return nameStep(key.str())
}

func nameStep(name string) string {
	if name == "" || !utf8.ValidString(name) {
		return "[" + strconv.Quote(name) + "]"
	}
	for i, c := range name {
		letter := c == '_' || c == '$' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80
		if !letter && (i == 0 || c < '0' || c > '9') {
			return "[" + strconv.Quote(name) + "]"
		}
	}
	return "." + name
}

package payload

import (
	"hash/maphash"
	"sync/atomic"
)

// A node is the content of a container.
type node struct {
	kind    Kind
	nests   bool    // decoder: a slot is a container
	order   int32   // decoder: how many containers were reached before
	slots   []Value // keyed kinds: key, value, key, value…; others: the values
	members *node   // own members of arrays and of Map and Set of JavaScript: an object
	keys    atomic.Pointer[index]
}

// indexed is the size from which keys are found with an index.
const indexed = 8

// stride is the distance from an entry to the next.
func (n *node) stride() int {
	if n.kind.keyed() {
		return 2
	}
	return 1
}

func (n *node) len() int { return len(n.slots) / n.stride() }

// key returns the key of the i-th entry; a set is keyed by its values.
func (n *node) key(i int) Value { return n.slots[i*n.stride()] }

// find returns the position of the entry with this key, or -1. The index is
// built by the first who needs it; when several do, one of theirs stays.
func (n *node) find(key Value) int {
	if n.len() <= indexed {
		for i := range n.len() {
			if n.sameKey(n.key(i), key, nil) {
				return i
			}
		}
		return -1
	}
	x := n.keys.Load()
	if x == nil {
		x = n.indexKeys()
		n.keys.Store(x)
	}
	slot, found := x.seek(n.hashKey(key), func(at int) bool { return n.sameKey(n.key(at), key, nil) })
	if !found {
		return -1
	}
	return int(x.numbers[slot])
}

// indexKeys makes the index of all keys, the first of equal ones.
func (n *node) indexKeys() *index {
	x := newIndex(n.len())
	for i := range n.len() {
		key := n.key(i)
		hash := n.hashKey(key)
		slot, found := x.seek(hash, func(at int) bool { return n.sameKey(n.key(at), key, nil) })
		if !found {
			x.put(slot, hash, i)
		}
	}
	return x
}

// byValue reports whether a key of this container is found by what it contains:
// an immutable key of an immutable container is, all other containers are found
// by identity.
func (n *node) byValue(key Value) bool {
	return key.Kind().Immutable() && n.kind.Immutable()
}

func (n *node) sameKey(a, b Value, budget *int) bool {
	return same(a, b) || a.Kind() == b.Kind() && n.byValue(a) && equalKeys(a, b, budget)
}

func (n *node) hashKey(key Value) uint64 {
	if n.byValue(key) {
		return shallowHash(key.node())
	}
	return key.hash()
}

// shallowHash gives equal immutable containers the same number without going
// down into them: what they contain counts by value when it is a scalar, else
// by its kind and size.
func shallowHash(n *node) uint64 {
	sum := uint64(0)
	for i, v := range n.slots {
		h := uint64(v.Kind())
		switch {
		case !v.Kind().container():
			h = v.hash()
		case v.Kind().Immutable():
			h = mix(h<<32 + uint64(v.node().len()))
		}
		switch n.kind {
		case KindMap:
			h = mix(h + uint64(i%2)) // no order among the entries
		case KindSet:
			h = mix(h)
		default:
			h = mix(h + uint64(i))
		}
		sum += h
	}
	return mix(sum ^ maphash.Comparable(seed, n.kind))
}

// place returns where an entry with this key is, or makes room for one. It is
// for those who build: n is not shared yet.
func (n *node) place(key Value) (at int, found bool) {
	if n.len() < indexed {
		if at := n.find(key); at >= 0 {
			return at, true
		}
	} else {
		x := n.keys.Load()
		if x == nil {
			x = n.indexKeys()
			n.keys.Store(x)
		}
		if x.full() {
			x.grow(func(at int) uint64 { return n.hashKey(n.key(at)) })
		}
		hash := n.hashKey(key)
		slot, found := x.seek(hash, func(at int) bool { return n.sameKey(n.key(at), key, nil) })
		if found {
			return int(x.numbers[slot]), true
		}
		x.put(slot, hash, n.len())
	}
	n.slots = append(n.slots, key)
	if n.kind.keyed() {
		n.slots = append(n.slots, Value{})
	}
	return n.len() - 1, false
}

// set gives a key of a keyed container its value; the last of two equal keys
// wins, at the place of the first.
func (n *node) set(key, value Value) {
	if n.kind == KindJSMap {
		key = key.plusZero()
	}
	at, found := n.place(key)
	if found && n.kind.Immutable() {
		n.slots[2*at] = key // as Immutable.js: 0 replaces −0
	}
	n.slots[2*at+1] = value
}

// add puts a value into a set, once.
func (n *node) add(value Value) {
	if n.kind == KindJSSet {
		value = value.plusZero()
	}
	n.place(value)
}

// member sets a member beside the content.
func (n *node) member(name string, value Value) {
	if n.members == nil {
		n.members = &node{kind: KindObject}
	}
	n.members.set(String(name), value)
}

// plusZero is what Map and Set of JavaScript do to the key −0.
func (v Value) plusZero() Value {
	if v.negativeZero() {
		return Number(0)
	}
	return v
}

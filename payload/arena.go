package payload

import (
	"reflect"
	"sync"
)

// An arena gives out nodes and slots for values that are made together, from
// pieces of memory that grow with what was asked for.
type arena struct {
	nodes     []node // the piece in use
	slots     []Value
	usedNodes int
	usedSlots int
}

const (
	fewNodes, manyNodes = 2, 256
	fewSlots, manySlots = 16, 1024
)

func (a *arena) node(kind Kind) *node {
	if a.usedNodes == len(a.nodes) {
		a.nodes, a.usedNodes = make([]node, min(max(fewNodes, 2*len(a.nodes)), manyNodes)), 0
	}
	n := &a.nodes[a.usedNodes]
	a.usedNodes++
	n.kind = kind
	return n
}

// take returns room for n values and no more.
func (a *arena) take(n int) []Value {
	if n > len(a.slots)-a.usedSlots {
		size := min(max(fewSlots, 2*len(a.slots)), manySlots)
		if n > size/4 {
			return make([]Value, 0, n)
		}
		a.slots, a.usedSlots = make([]Value, size), 0
	}
	from := a.usedSlots
	a.usedSlots += n
	return a.slots[from:from:a.usedSlots]
}

// free makes the piece in use ready for other values: those in it are over.
func (a *arena) free() {
	clear(a.nodes[:a.usedNodes])
	clear(a.slots[:a.usedSlots])
	a.usedNodes, a.usedSlots = 0, 0
}

// A scratch is the memory of a conversion between Go values and JSON, of which
// the values in between do not outlive it.
type scratch struct {
	arena arena
	stack []Value
	above []address
	out   []byte
	text  []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) release() {
	const worthKeeping = 1 << 20
	if cap(s.out)+cap(s.text)+16*cap(s.stack) > worthKeeping {
		return
	}
	s.arena.free()
	clear(s.stack[:cap(s.stack)])
	s.stack, s.above = s.stack[:0], s.above[:0]
	scratches.Put(s)
}

var keepers sync.Map // reflect.Type → bool

// keepsValues reports whether a Go value of a type can hold on to a [Value] that
// is stored in it.
func keepsValues(t reflect.Type) bool {
	if known, ok := keepers.Load(t); ok {
		return known.(bool)
	}
	keeps := findKeeper(t, map[reflect.Type]bool{})
	keepers.Store(t, keeps)
	return keeps
}

func findKeeper(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == valueType || seen[t] {
		return t == valueType
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return findKeeper(t.Elem(), seen)
	case reflect.Map:
		return findKeeper(t.Key(), seen) || findKeeper(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if findKeeper(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

package payload

import "iter"

// Len returns how many entries or elements a container has, holes of an array
// included; 0 for everything else. Like all methods that look inside, it looks
// through a Shredder.
func (v Value) Len() int {
	if n := v.inner(); n != nil {
		return n.len()
	}
	return 0
}

// Get returns the value of a string key of a map or of a member of an object;
// [Undefined] when there is none, so that calls may be chained.
func (v Value) Get(key string) Value {
	found, _ := v.lookup(String(key))
	return found
}

// At returns the i-th element of a list or an array; [Undefined] when there is
// none.
func (v Value) At(i int) Value {
	n := v.inner()
	if n == nil || !n.kind.sequence() || uint(i) >= uint(len(n.slots)) || n.slots[i].Kind() == kindHole {
		return Undefined
	}
	return n.slots[i]
}

// Path follows keys (anything that [Of] takes) and positions (int) inwards;
// [Undefined] where the way ends.
func (v Value) Path(steps ...any) Value {
	for _, step := range steps {
		v, _ = v.Lookup(step)
	}
	return v
}

// Lookup returns the value of a key of any kind, the element of a list or array
// at a position, or the element of a set that equals key. An immutable key is
// found by what it contains, any other container by being the same one.
func (v Value) Lookup(key any) (Value, bool) { return v.lookup(Of(key)) }

// Has reports whether Lookup finds the key.
func (v Value) Has(key any) bool {
	_, ok := v.Lookup(key)
	return ok
}

func (v Value) lookup(key Value) (Value, bool) {
	n := v.inner()
	switch {
	case n == nil:
		return Undefined, false
	case n.kind.sequence():
		i, ok := key.Int()
		if !ok || i < 0 || i >= int64(len(n.slots)) || n.slots[i].Kind() == kindHole {
			return Undefined, false
		}
		return n.slots[i], true
	}
	at := n.find(key)
	switch {
	case at < 0:
		return Undefined, false
	case n.kind.keyed():
		return n.slots[2*at+1], true
	}
	return n.slots[at], true
}

// All iterates over keys and values as JavaScript's forEach gives them: the key
// of an element is its position, that of an element of a set is itself, holes
// are left out.
func (v Value) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		n := v.inner()
		if n == nil {
			return
		}
		for i := range n.len() {
			var key, value Value
			switch {
			case n.kind.keyed():
				key, value = n.slots[2*i], n.slots[2*i+1]
			case n.kind.set():
				key, value = n.slots[i], n.slots[i]
			default:
				key, value = Number(float64(i)), n.slots[i]
			}
			if value.Kind() != kindHole && !yield(key, value) {
				return
			}
		}
	}
}

// Values iterates over the values of a container.
func (v Value) Values() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for _, value := range v.All() {
			if !yield(value) {
				return
			}
		}
	}
}

// Members iterates over the members that an array, or a Map or Set of
// JavaScript, has beside its content.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		n := v.inner()
		if n == nil || n.members == nil {
			return
		}
		for i := 0; i < len(n.members.slots); i += 2 {
			if !yield(n.members.slots[i].str(), n.members.slots[i+1]) {
				return
			}
		}
	}
}

// State returns what a Shredder wraps, and any other value as it is.
func (v Value) State() Value {
	for v.Kind() == KindShredder {
		v = v.node().slots[0]
	}
	return v
}

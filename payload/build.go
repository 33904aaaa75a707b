package payload

import "iter"

// Of makes a Value of a Go value: a scalar, nil, a Value, or whatever [From]
// converts, with two differences. It does not fail: what cannot travel becomes a
// value of [KindInvalid] that is refused, with its path, where it is written.
// And it is as strict as an immutable payload: it refuses times, buffers and
// integers beyond 2^53. The constructors convert their arguments with it.
func Of(v any) Value {
	switch v := v.(type) {
	case Value:
		return v
	case string:
		return String(v)
	case int:
		if v >= -maxExact && v <= maxExact {
			return Number(float64(v))
		}
	case float64:
		return Number(v)
	case bool:
		return Bool(v)
	case nil:
		return Null
	}
	return convert(v, strict)
}

// NewMap makes an immutable Map of keys and values in turn, as Map({…}) does in
// Immutable.js: values that are Go maps, structs and slices become plain objects
// and arrays inside it. Use [Immutable] to convert all the way down.
func NewMap(keysAndValues ...any) Value { return keyed(KindMap, "NewMap", keysAndValues) }

// NewOrderedMap makes an immutable OrderedMap of keys and values in turn.
func NewOrderedMap(keysAndValues ...any) Value {
	return keyed(KindOrderedMap, "NewOrderedMap", keysAndValues)
}

// NewObject makes a plain object of names and values in turn.
func NewObject(namesAndValues ...any) Value { return keyed(KindObject, "NewObject", namesAndValues) }

// NewJSMap makes a Map of JavaScript of keys and values in turn.
func NewJSMap(keysAndValues ...any) Value { return keyed(KindJSMap, "NewJSMap", keysAndValues) }

// NewList makes an immutable List.
func NewList(values ...any) Value { return Build(KindList).Add(values...).Value() }

// NewArray makes a plain array.
func NewArray(values ...any) Value { return Build(KindArray).Add(values...).Value() }

// NewSet makes an immutable Set.
func NewSet(values ...any) Value { return Build(KindSet).Add(values...).Value() }

// NewOrderedSet makes an immutable OrderedSet.
func NewOrderedSet(values ...any) Value { return Build(KindOrderedSet).Add(values...).Value() }

// NewJSSet makes a Set of JavaScript.
func NewJSSet(values ...any) Value { return Build(KindJSSet).Add(values...).Value() }

// NewShredder wraps a state: with it a value travels in _xShred, not in _xImmu.
func NewShredder(state any) Value {
	return ofNode(&node{kind: KindShredder, slots: []Value{Of(state)}})
}

func keyed(kind Kind, name string, kv []any) Value {
	if len(kv)%2 != 0 {
		panic("payload: " + name + " needs a value for each key: give an even number of arguments")
	}
	b := Build(kind)
	b.n.slots = make([]Value, 0, len(kv))
	for i := 0; i < len(kv); i += 2 {
		b.Set(kv[i], kv[i+1])
	}
	return b.Value()
}

// A Builder makes one container step by step, large ones and those that contain
// themselves. It is for one goroutine, and over when [Builder.Value] is called.
type Builder struct {
	n    *node
	done bool
}

// Build starts a container of the given kind; it panics for any other kind.
func Build(kind Kind) *Builder {
	if !kind.Plain() && !kind.Immutable() {
		panic("payload: Build(" + kind.String() + "): give the kind of a container")
	}
	return &Builder{n: &node{kind: kind}}
}

// Self returns the container before it is complete, so that what it contains can
// refer to it. It panics for an immutable kind: only plain containers can stand
// inside themselves.
func (b *Builder) Self() Value {
	if !b.n.kind.Plain() {
		panic("payload: Self of " + b.n.kind.article() + ": only plain containers can contain themselves")
	}
	return ofNode(b.n)
}

// Set gives a key its value. In an array the key is the position, as an int, and
// positions in between become holes. It panics for lists and sets: use Add.
func (b *Builder) Set(key, value any) *Builder {
	b.open()
	k, v := Of(key), Of(value)
	switch {
	case b.n.kind == KindObject && k.Kind() != KindString:
		b.n.set(String("?"), badName(k))
	case b.n.kind.keyed():
		b.n.set(k, v)
	case b.n.kind == KindArray:
		i, ok := k.Int()
		if !ok || i < 0 {
			panic("payload: Set in an array: give a position, as an int that is not negative")
		}
		b.n.element(i, v)
	default:
		panic("payload: Set in " + b.n.kind.article() + ": use Add")
	}
	return b
}

// element sets an element of a list or array, with holes up to it.
func (n *node) element(i int64, v Value) {
	if i > int64(len(n.slots)+defaultValues) {
		i, v = int64(len(n.slots)), invalid(unsupported("an element", "is too far from the others",
			"use a map for what is that sparse"))
	}
	for int64(len(n.slots)) <= i {
		n.slots = append(n.slots, tagged(kindHole, 0))
	}
	n.slots[i] = v
}

// badName is the value of a member that cannot be named.
func badName(key Value) Value {
	if key.Kind() == KindInvalid {
		return key
	}
	return invalid(unsupported(key.Kind().article(), "cannot be the name of a member", "give a string"))
}

// Add appends to a list or array, and puts values into a set. It panics for
// maps and objects: use Set.
func (b *Builder) Add(values ...any) *Builder {
	b.open()
	for _, value := range values {
		switch {
		case b.n.kind.sequence():
			b.n.slots = append(b.n.slots, Of(value))
		case b.n.kind.set():
			b.n.add(Of(value))
		default:
			panic("payload: Add to " + b.n.kind.article() + ": use Set")
		}
	}
	return b
}

// Member sets a member of an array, or of a Map or Set of JavaScript, beside its
// content. It panics for the other kinds: they have none.
func (b *Builder) Member(name string, value any) *Builder {
	b.open()
	if !b.n.kind.members() {
		panic("payload: Member of " + b.n.kind.article() + ": it has none beside its content")
	}
	if i, ok := arrayIndex(name); ok && b.n.kind == KindArray {
		b.n.element(int64(i), Of(value)) // what JavaScript makes of it
		return b
	}
	b.n.member(name, Of(value))
	return b
}

// Value returns the container, which does not change any more.
func (b *Builder) Value() Value {
	b.open()
	b.done = true
	return ofNode(b.n)
}

func (b *Builder) open() {
	if b.done {
		panic("payload: the Builder is over: start a new one for another container")
	}
}

// Collect makes a container of the given kind of a sequence of keys and values:
// of the values alone when the kind is that of a list, an array or a set.
func Collect[K, V any](kind Kind, entries iter.Seq2[K, V]) Value {
	b := Build(kind)
	for k, v := range entries {
		if kind.keyed() {
			b.Set(k, v)
		} else {
			b.Add(v)
		}
	}
	return b.Value()
}

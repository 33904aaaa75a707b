package payload

// With returns a copy of a map, object, list or array in which a key, or a
// position, has another value; a list may grow by one. What v shares with the
// copy is not copied. A Shredder stays one. Any other value becomes invalid.
func (v Value) With(key, value any) Value {
	return v.edit(func(n *node) bool {
		k := Of(key)
		switch {
		case n.kind == KindObject && k.Kind() != KindString:
			return false
		case n.kind.keyed():
			n.set(k, Of(value))
			return true
		case n.kind.sequence():
			i, ok := k.Int()
			if !ok || i < 0 || i > int64(len(n.slots)) {
				return false
			}
			n.element(i, Of(value))
			return true
		}
		return false
	})
}

// Without returns a copy of a map, object or set without a key. Any other value
// becomes invalid.
func (v Value) Without(key any) Value {
	return v.edit(func(n *node) bool {
		if !n.kind.keyed() && !n.kind.set() {
			return false
		}
		if at := n.find(Of(key)); at >= 0 {
			s := n.stride()
			n.slots = append(n.slots[:at*s], n.slots[(at+1)*s:]...)
			n.keys.Store(nil)
		}
		return true
	})
}

// Plus returns a copy of a list, array or set with more values. Any other value
// becomes invalid.
func (v Value) Plus(values ...any) Value {
	return v.edit(func(n *node) bool {
		for _, value := range values {
			switch {
			case n.kind.sequence():
				n.slots = append(n.slots, Of(value))
			case n.kind.set():
				n.add(Of(value))
			default:
				return false
			}
		}
		return true
	})
}

func (v Value) edit(change func(n *node) bool) Value {
	if v.Kind() == KindShredder {
		return NewShredder(v.State().edit(change))
	}
	if old := v.node(); old != nil {
		n := &node{kind: old.kind, members: old.members}
		n.slots = append(make([]Value, 0, len(old.slots)+2), old.slots...)
		if change(n) {
			return ofNode(n)
		}
	}
	return invalid(unsupported(v.Kind().article(), "cannot be changed so", "its kind has no such operation"))
}

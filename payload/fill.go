package payload

import "strconv"

// fill reads what a container holds.
func (d *decoder) fill(n *node, s span) error {
	edges := d.edges[s.from:s.to]
	switch s.kind {
	case typeList:
		return d.list(n, edges)
	case typeArray:
		return d.array(n, edges)
	case typeDense:
		return d.dense(n, edges)
	case typeSet, typeOrderedSet, typeJSSet:
		return d.set(n, edges)
	case typeJSSetWithMembers:
		rest, err := d.ownMembers(n, edges)
		if err != nil {
			return err
		}
		return d.set(n, rest)
	case typeJSMapWithMembers:
		rest, err := d.ownMembers(n, edges)
		if err != nil {
			return err
		}
		return d.entries(n, rest)
	}
	return d.entries(n, edges)
}

func (d *decoder) list(n *node, edges []int32) error {
	n.slots = d.take(len(edges))[:len(edges)]
	return d.contents(n, edges)
}

// contents puts what edges lead to in the slots of n.
func (d *decoder) contents(n *node, edges []int32) error {
	slots, table, text := n.slots[:len(edges)], d.table[:d.count], d.text
	for i, e := range edges {
		if uint(e) < uint(len(table)) { // what most edges lead to
			switch o := &table[e]; o.kind {
			case KindString:
				slots[i] = o.string(text)
				continue
			case KindNumber:
				slots[i] = o.number()
				continue
			}
		}
		v, err := d.value(n, e)
		if err != nil {
			return err
		}
		slots[i] = v
	}
	return nil
}

func (d *decoder) set(n *node, edges []int32) error {
	if err := d.list(n, edges); err != nil {
		return err
	}
	kept, late := n.slots[:0], false
	for i, v := range n.slots {
		u := d.use(d.at(edges[i]), v)
		if u.owner == d.current {
			continue
		}
		u.owner = d.current
		if n.kind == KindJSSet {
			v = v.plusZero()
		}
		late = late || n.byValue(v)
		kept = append(kept, v)
	}
	n.slots = kept
	if late {
		d.late = append(d.late, n)
	}
	return nil
}

// entries reads keys and values; a last key without a value has undefined.
func (d *decoder) entries(n *node, edges []int32) error {
	size := len(edges) + len(edges)&1
	n.slots = d.take(size)[:size]
	if err := d.contents(n, edges); err != nil {
		return err
	}
	known := &d.keyed[size/2%len(d.keyed)]
	if alike(edges, *known) {
		return nil
	}
	slots, kept, late, named := n.slots, 0, false, true
	for i := 0; i < size; i += 2 {
		key, at := slots[i], d.at(edges[i])
		if key.Kind() != KindString {
			named, late = false, late || n.byValue(key)
			var err error
			if key, at, err = d.otherKey(n, key, at); err != nil {
				return err
			}
			slots[i] = key
		}
		u := d.use(at, key)
		switch {
		case u.owner == d.current: // the last of equal keys wins
			if n.kind.Immutable() {
				slots[u.at] = key
			}
			slots[u.at+1] = slots[i+1]
			continue
		case kept < i:
			slots[kept], slots[kept+1] = key, slots[i+1]
		}
		u.owner, u.at = d.current, uint32(kept)
		kept += 2
	}
	n.slots = slots[:kept]
	if late {
		d.late = append(d.late, n)
	}
	if named && kept == size {
		*known = edges
	}
	return nil
}

// alike reports whether the edges of two containers lead to the same keys.
func alike(a, b []int32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i += 2 {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// otherKey returns what a key becomes that is not a string, and where in the
// table it is. Those of a plain object become strings.
func (d *decoder) otherKey(n *node, key Value, at int) (Value, int, error) {
	switch {
	case n.kind == KindObject:
		name, err := d.memberName(key)
		if err != nil {
			return Undefined, 0, err
		}
		d.table = append(d.table, object{kind: kindName, bits: uint64(len(d.names))})
		d.names = append(d.names, name)
		return String(name), len(d.table) - 1, nil
	case n.kind == KindJSMap:
		return key.plusZero(), at, nil
	}
	return key, at, nil
}

// memberName is the name of the member that JavaScript would set with this key.
func (d *decoder) memberName(key Value) (string, error) {
	switch key.Kind() {
	case KindString:
		return key.str(), nil
	case KindUndefined:
		return "undefined", nil
	case KindNull:
		return "null", nil
	case KindBool:
		return strconv.FormatBool(key.bool()), nil
	case KindNumber:
		return numberText(key.float()), nil
	}
	return "", d.failInside("a container cannot be the name of a member")
}

// array reads [1, k, v, …]: the elements have their position as key, what is
// missing is a hole, other keys are members.
func (d *decoder) array(n *node, edges []int32) error {
	n.slots = d.take(len(edges) / 2)
	for i := 0; i < len(edges); i += 2 {
		key, err := d.value(n, edges[i])
		if err != nil {
			return err
		}
		v := Undefined
		if i+1 < len(edges) {
			if v, err = d.value(n, edges[i+1]); err != nil {
				return err
			}
		}
		name, err := d.memberName(key)
		if err != nil {
			return err
		}
		if at, ok := arrayIndex(name); !ok {
			n.member(name, v)
		} else if err := d.element(n, at, v); err != nil {
			return err
		}
	}
	return nil
}

// element sets an element of an array; the elements that this makes room for
// are holes, and counted: one key can ask for four thousand million.
func (d *decoder) element(n *node, at int, v Value) error {
	if err := d.stretch(n, at+1); err != nil {
		return err
	}
	n.slots[at] = v
	return nil
}

func (d *decoder) stretch(n *node, length int) error {
	if length > len(n.slots)+1 {
		if d.grown += length - len(n.slots); d.grown > d.limits.Values {
			return &LimitError{Limit: "Values", Max: d.limits.Values}
		}
	}
	for len(n.slots) < length {
		n.slots = append(n.slots, tagged(kindHole, 0))
	}
	return nil
}

// ownMembers reads the n members in front of a Set or Map with members.
func (d *decoder) ownMembers(n *node, edges []int32) (rest []int32, err error) {
	if len(edges) == 0 || edges[0] < 0 || int(edges[0]) > (len(edges)-1)/2 {
		return nil, d.failInside("the number of own members is wrong")
	}
	end := 1 + 2*int(edges[0])
	return edges[end:], d.memberPairs(n, edges[1:end])
}

func (d *decoder) memberPairs(n *node, pairs []int32) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		key, err := d.value(n, pairs[i])
		if err != nil {
			return err
		}
		name, err := d.memberName(key)
		if err != nil {
			return err
		}
		v, err := d.value(n, pairs[i+1])
		if err != nil {
			return err
		}
		if at, ok := arrayIndex(name); ok && n.kind == KindArray {
			if err := d.element(n, at, v); err != nil {
				return err
			}
			continue
		}
		n.member(name, v)
	}
	return nil
}

// dense reads the arrays of the second protocol: elements, then after an empty
// array runs of (position, length, elements), then after another one members.
func (d *decoder) dense(n *node, edges []int32) error {
	n.slots = d.take(len(edges))
	i := 0
	for ; i < len(edges) && edges[i] != edgeGap; i++ {
		v, err := d.value(n, edges[i])
		if err != nil {
			return err
		}
		n.slots = append(n.slots, v)
	}
	for i++; i < len(edges) && edges[i] != edgeGap; {
		run := edges[i:]
		if run[0] < 0 || len(run) < 2 || run[1] < 0 {
			return d.failInside("a run of an array has no position or length")
		}
		end := int(run[0]) + int(run[1])
		if err := d.stretch(n, end); err != nil {
			return err
		}
		i += 2
		for at := int(run[0]); at < end && i < len(edges) && edges[i] != edgeGap; at++ {
			v, err := d.value(n, edges[i])
			if err != nil {
				return err
			}
			n.slots[at] = v
			i++
		}
	}
	if i++; i < len(edges) {
		return d.memberPairs(n, edges[i:])
	}
	return nil
}

package payload

// Plain makes of a value what is left of it when JavaScript sends it as JSON:
// NaN and infinities become null and −0 becomes 0; undefined members and
// functions are dropped, in arrays they become null; immutable containers become
// objects and arrays, their keys strings; Map and Set of JavaScript become {};
// members of arrays are gone. The error is that of a value that contains itself,
// or a [*LimitError].
func Plain(v Value) (Value, error) {
	p := plainer{meter: newMeter(Limits{}), arena: new(arena)}
	made, err := p.value(v)
	if err != nil {
		return Undefined, endless(v, err)
	}
	return made, nil
}

type plainer struct {
	meter
	*arena
}

func (p *plainer) value(v Value) (Value, error) {
	switch v = v.State(); v.Kind() {
	case KindFunc, kindHole:
		return Undefined, nil
	case KindNumber:
		if f := v.float(); f-f != 0 {
			return Null, nil
		}
		return v.plusZero(), nil
	case KindJSMap, KindJSSet:
		return ofNode(p.node(KindObject)), nil
	}
	n := v.node()
	if n == nil {
		return v, v.Err()
	}
	if err := p.enter(n.len()); err != nil {
		return Undefined, err
	}
	defer p.leave()
	if n.kind.keyed() {
		return p.object(n)
	}
	return p.array(n)
}

func (p *plainer) array(n *node) (Value, error) {
	made := p.node(KindArray)
	made.slots = p.take(len(n.slots))
	for i, v := range n.slots {
		v, err := p.value(v)
		if err != nil {
			return Undefined, within(n.step(i), err)
		}
		if v.Kind() == KindUndefined {
			v = Null
		}
		made.slots = append(made.slots, v)
	}
	return ofNode(made), nil
}

func (p *plainer) object(n *node) (Value, error) {
	made := p.node(KindObject)
	made.slots = p.take(len(n.slots))
	for i := 0; i < len(n.slots); i += 2 {
		v, err := p.value(n.slots[i+1])
		if err != nil {
			return Undefined, within(n.step(i+1), err)
		}
		if v.Kind() != KindUndefined {
			made.set(String(n.slots[i].String()), v)
		}
	}
	return ofNode(made), nil
}

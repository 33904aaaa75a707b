package payload

import "math"

// An object is an entry of the table of objects. It holds no pointer, so that
// the table costs the garbage collector nothing; values are made of it where a
// container holds it.
type object struct {
	bits uint64 // see make
	use         // as a key
	kind Kind
}

// A use says how an object is used as a key.
type use struct {
	first     int32  // 1 + the first object with an equal scalar; 0 while unknown
	owner, at uint32 // the container that had it last, and where
}

// The kinds of objects beside those of scalars.
const (
	kindSpan   = kindHole + 1 + iota // a container that nothing has reached yet
	kindOpen                         // a container that was reached
	kindName                         // a string that only became one as a name
	kindBroken                       // an error once it is reached
	kindGap                          // so is what structures dense arrays, elsewhere
)

// make makes the value of an object that needs no opening.
func (d *decoder) make(o *object) Value {
	switch o.kind {
	case KindString:
		return o.string(d.text)
	case KindNumber:
		return o.number()
	case kindOpen:
		return ofNode(&d.nodes[o.bits])
	case kindName:
		return String(d.names[o.bits])
	}
	return tagged(o.kind, int(o.bits)) // true, false, null, undefined
}

// string is the string that an object stands for, of the bytes of all.
func (o *object) string(all string) Value {
	offset := o.bits >> 32
	return String(all[offset : offset+o.bits&math.MaxUint32])
}

func (o *object) number() Value { return Number(math.Float64frombits(o.bits)) }

// numberObject is an object of a number.
func numberObject(f float64) object {
	return object{kind: KindNumber, bits: math.Float64bits(f)}
}

// codes are the values that have a code, of which -1 is the first, and the gap.
var codes = [specials + 1]object{
	{kind: KindNull}, {kind: KindUndefined},
	numberObject(nan), numberObject(negativeZero), numberObject(negativeInfinity), numberObject(infinity),
	{kind: kindGap},
}

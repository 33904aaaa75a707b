package payload

import "sync"

// Decode reads the text of an immutable value (protocol §7.3). It accepts what
// the reference accepts: any numbering, the type map and the dense arrays of its
// second protocol, indexes that lead nowhere (they are undefined). It needs no
// recursion and takes memory in proportion to the text, within the limits.
//
// The error is a [*SyntaxError] or a [*LimitError].
func Decode(text []byte, l Limits) (Value, error) {
	if err := l.filled().text(len(text)); err != nil {
		return Undefined, err
	}
	return decode(string(text), l)
}

// decode is Decode of a text that the value may keep.
func decode(text string, l Limits) (Value, error) {
	d := decoders.Get().(*decoder)
	defer d.release()
	d.scanner = scanner{s: text}
	d.limits = l.filled()
	if err := d.limits.text(len(text)); err != nil {
		return Undefined, err
	}
	if err := d.valid(); err != nil {
		return Undefined, err
	}
	if err := d.document(); err != nil {
		return Undefined, err
	}
	return d.link()
}

// A decoder first reads the table of objects as it stands, then links what can
// be reached from the root.
type decoder struct {
	scanner
	limits Limits

	root    int32
	rooted  bool    // the text names a root
	listed  bool    // the text has objects
	table   []Value // the objects; a container is a kindSpan until it is reached
	spans   []span  // the containers
	edges   []int32 // what the containers hold: indexes, codes and marks
	typeMap *[maxType + 1]int32

	linker
}

// A span is where the edges of a container are.
type span struct {
	from, to int32
	kind     int32 // as written: the type map may come later
	offset   int   // where the text has it
}

// What an edge may be beside an index or one of the codes -1 to -6.
const (
	edgeNowhere int32 = -7       // no index at all: undefined
	edgeGap     int32 = -1 << 31 // the empty array that structures dense arrays
)

const maxType = 11

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// release gives the memory back that is only needed while decoding, unless it
// is much.
func (d *decoder) release() {
	const worthKeeping = 1 << 18
	if cap(d.table)+cap(d.edges) > worthKeeping {
		return
	}
	clear(d.table)
	spare := decoder{table: d.table[:0], spans: d.spans[:0], edges: d.edges[:0]}
	spare.linker.reuse(&d.linker)
	*d = spare
	decoders.Put(d)
}

// document reads {"index":N,"objects":[…],"typeMap":{…}} in any order.
func (d *decoder) document() error {
	if d.peek() != '{' {
		return d.fail("expected '{': this is not the text of an immutable value")
	}
	for more := d.opens('}'); more; {
		name, err := d.name()
		if err != nil {
			return err
		}
		d.peek()
		switch name {
		case "index":
			err = d.index()
		case "objects":
			err = d.objects()
		case "typeMap":
			err = d.types()
		default:
			err = d.skip(0)
		}
		if err != nil {
			return err
		}
		if more, err = d.more('}'); err != nil {
			return err
		}
	}
	if err := d.end(); err != nil {
		return err
	}
	if !d.rooted {
		return d.fail("no index: this is not the text of an immutable value")
	}
	return nil
}

func (d *decoder) index() (err error) {
	d.root, err = d.edge()
	d.rooted = true
	return err
}

func (d *decoder) objects() error {
	if d.peek() != '[' {
		return d.fail("objects must be an array")
	}
	d.listed = true
	d.table, d.spans, d.edges = d.table[:0], d.spans[:0], d.edges[:0]
	for more := d.opens(']'); more; {
		v, err := d.object()
		if err != nil {
			return err
		}
		d.table = append(d.table, v)
		if len(d.table)+len(d.edges) > d.limits.Values {
			return &LimitError{Limit: "Values", Max: d.limits.Values}
		}
		if more, err = d.more(']'); err != nil {
			return err
		}
	}
	return nil
}

// object reads one object of the table.
func (d *decoder) object() (Value, error) {
	switch c := d.peek(); c {
	case '"':
		s, err := d.str()
		return String(s), err
	case '[':
		return d.container()
	case 't':
		return Bool(true), d.word("true")
	case 'f':
		return Bool(false), d.word("false")
	case 'n', '{':
		return Value{kind: kindBroken, num: uint64(d.i)}, d.skip(0)
	default:
		f, _, err := d.num()
		return Number(f), err
	}
}

// container notes where the edges of a container are.
func (d *decoder) container() (Value, error) {
	s := span{offset: d.i, kind: -1, from: int32(len(d.edges))}
	more := d.opens(']')
	if more {
		kind, err := d.edge()
		if err != nil {
			return Undefined, err
		}
		s.kind = kind
		if more, err = d.more(']'); err != nil {
			return Undefined, err
		}
	}
	for more {
		e, err := d.edge()
		if err != nil {
			return Undefined, err
		}
		d.edges = append(d.edges, e)
		if len(d.edges) > d.limits.Values {
			return Undefined, &LimitError{Limit: "Values", Max: d.limits.Values}
		}
		if d.i < len(d.s) && d.s[d.i] == ',' { // the usual case of more
			d.i++
			continue
		}
		if more, err = d.more(']'); err != nil {
			return Undefined, err
		}
	}
	s.to = int32(len(d.edges))
	d.spans = append(d.spans, s)
	return Value{kind: kindSpan, num: uint64(len(d.spans) - 1)}, nil
}

// edge reads what a container holds.
func (d *decoder) edge() (int32, error) {
	s, i := d.s, d.i
	n, start := int32(0), i
	for ; i < len(s) && s[i]-'0' <= 9 && i-start < 9; i++ {
		n = n*10 + int32(s[i]-'0')
	}
	if i > start && i < len(s) && (s[i] == ',' || s[i] == ']') && (s[start] != '0' || i-start == 1) {
		d.i = i
		return n, nil
	}
	return d.slowEdge()
}

func (d *decoder) slowEdge() (int32, error) {
	if d.peek() == '[' {
		if d.opens(']') {
			return 0, d.fail("expected an index, not an array")
		}
		return edgeGap, nil
	}
	f, _, err := d.num()
	switch {
	case err != nil:
		return 0, d.fail("expected an index")
	case f >= -6 && f <= 1<<31-1 && f == float64(int32(f)):
		return int32(f), nil
	}
	return edgeNowhere, nil
}

// types reads the type map, which says what the types of this text stand for.
func (d *decoder) types() error {
	if d.peek() != '{' {
		return d.fail("typeMap must be an object")
	}
	d.typeMap = new([maxType + 1]int32)
	for i := range d.typeMap {
		d.typeMap[i] = -1
	}
	for more := d.opens('}'); more; {
		written, err := d.name()
		if err != nil {
			return err
		}
		d.peek()
		kind, err := d.edge()
		if err != nil {
			return err
		}
		if i, ok := arrayIndex(written); ok && i <= maxType {
			d.typeMap[i] = kind
		}
		if more, err = d.more('}'); err != nil {
			return err
		}
	}
	return nil
}

// arrayIndex is the position that a member name of an array stands for.
func arrayIndex(name string) (int, bool) {
	if len(name) == 0 || len(name) > 10 || name[0] == '0' && len(name) > 1 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(name) {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n < 1<<32-1
}

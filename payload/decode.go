package payload

import (
	"slices"
	"sync"
	"unsafe"
)

// Decode reads the text of an immutable value (protocol §7.3). It accepts what
// the reference accepts: any numbering, the type map and the dense arrays of its
// second protocol, indexes that lead nowhere (they are undefined). It needs no
// recursion and takes memory in proportion to the text, within the limits.
//
// The error is a [*SyntaxError] or a [*LimitError].
func Decode(text []byte, l Limits) (Value, error) {
	return decode(unsafe.String(unsafe.SliceData(text), len(text)), l)
}

// decode reads a text that nobody changes meanwhile; the value keeps no part of it.
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
	rooted  bool // the text names a root
	listed  bool // the text has objects
	table   []object
	chars   []byte  // what the strings consist of
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
	spare := decoder{table: d.table[:0], chars: d.chars[:0], spans: d.spans[:0], edges: d.edges[:0]}
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
	d.table, d.spans, d.edges, d.chars = d.table[:0], d.spans[:0], d.edges[:0], d.chars[:0]
	for more := d.opens(']'); more; {
		d.table = append(d.table, object{})
		err := d.object(&d.table[len(d.table)-1])
		if err != nil {
			return err
		}
		if len(d.table)+len(d.edges) > d.limits.Values {
			return &LimitError{Limit: "Values", Max: d.limits.Values}
		}
		if d.i < len(d.s) && d.s[d.i] == ',' { // the usual case of more
			d.i++
			continue
		}
		if more, err = d.more(']'); err != nil {
			return err
		}
	}
	return nil
}

// object reads one object of the table.
func (d *decoder) object(o *object) error {
	switch c := d.peek(); c {
	case '"':
		return d.string(o)
	case '[':
		return d.container(o)
	case 't':
		*o = object{kind: KindBool, bits: 1}
		return d.word("true")
	case 'f':
		*o = object{kind: KindBool}
		return d.word("false")
	case 'n', '{':
		*o = object{kind: kindBroken, bits: uint64(d.i)}
		return d.skip(0)
	default:
		f, _, err := d.num()
		*o = numberObject(f)
		return err
	}
}

// string collects the bytes of a string.
func (d *decoder) string(o *object) (err error) {
	start, offset := d.i+1, len(d.chars)
	end := start + special(d.s[start:])
	switch {
	case end == len(d.s) || d.s[end] != '"':
		d.chars, err = d.appendStr(d.chars)
	case end-start <= 16 && start+16 <= len(d.s):
		d.i = end + 1
		d.chars = slices.Grow(d.chars, 16) // 16 bytes are copied faster than fewer
		copy(d.chars[offset:offset+16], d.s[start:start+16])
		d.chars = d.chars[:offset+end-start]
	default:
		d.i = end + 1
		d.chars = append(d.chars, d.s[start:end]...)
	}
	o.kind, o.bits = KindString, uint64(offset)<<32|uint64(len(d.chars)-offset)
	return err
}

// container notes where the edges of a container are.
func (d *decoder) container(o *object) error {
	s := span{offset: d.i, kind: -1, from: int32(len(d.edges))}
	more := d.opens(']')
	if more {
		kind, err := d.edge()
		if err != nil {
			return err
		}
		s.kind = kind
		if more, err = d.more(']'); err != nil {
			return err
		}
	}
	if more {
		if err := d.allEdges(); err != nil {
			return err
		}
	}
	s.to = int32(len(d.edges))
	d.spans = append(d.spans, s)
	o.kind, o.bits = kindSpan, uint64(len(d.spans)-1)
	return nil
}

// allEdges reads what a container holds, up to its end. Nearly all edges are
// short integers and a comma, which is all that the inner loop knows.
func (d *decoder) allEdges() error {
	for {
		text, i, edges := d.s, d.i, d.edges
		for i+8 < len(text) {
			n, start := int32(text[i]-'0'), i
			if n > 9 {
				break
			}
			for i++; text[i]-'0' <= 9 && i-start < 7; i++ {
				n = n*10 + int32(text[i]-'0')
			}
			if text[i] != ',' || text[start] == '0' && i-start > 1 {
				i = start
				break
			}
			edges = append(edges, n)
			i++
		}
		d.i, d.edges = i, edges

		e, err := d.edge()
		if err != nil {
			return err
		}
		d.edges = append(d.edges, e)
		if len(d.edges) > d.limits.Values {
			return &LimitError{Limit: "Values", Max: d.limits.Values}
		}
		if more, err := d.more(']'); !more {
			return err
		}
	}
}

// edge reads an index, a code, or the mark that structures dense arrays.
func (d *decoder) edge() (int32, error) {
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

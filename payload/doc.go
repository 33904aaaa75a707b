// Package payload holds what travels on an Xcraft bus: plain JSON, and the values
// of Immutable.js and Shredder that JavaScript services keep their states in.
//
// # The story
//
// A message has a data member of plain JSON. What JSON cannot say, ordered maps
// with any key, sets, undefined, NaN, shared references, cycles, goes beside it
// as text, in the members _xImmu and _xShred (protocol §7.2, §7.3). [Unpack] puts
// everything back in its place and gives the tree of values; [UnpackInto] stores
// the same in a Go type, which need not know how it came; [Pack] is the mirror.
// Between them stands [Value]: anything a payload can hold, immutable, two words
// large, made by [NewMap] and its like, by a [Builder], or of Go values by [From]
// and [Immutable]; read by Get, At, Path, Lookup, All, or as a Go value by [To].
//
// [Decode] and [Append] are the text of one immutable value, for who meets it
// elsewhere; [Serialized] is the odd event whose data is text with functions.
//
// # Kinds
//
//	JavaScript             Kind            To any                 From, Immutable
//	undefined              KindUndefined   nil                    –
//	null                   KindNull        nil                    nil
//	boolean                KindBool        bool                   bool
//	number, NaN, ±∞, −0    KindNumber      float64                ints, floats, json.Number
//	string                 KindString      string                 string, TextMarshaler
//	function (its source)  KindFunc        Func                   Func
//	Buffer                 KindBytes       []byte                 []byte
//	{}                     KindObject      map[string]any         map, struct (From)
//	[]                     KindArray       []any                  slice, array (From)
//	new Map, new Set       KindJSMap, …    map, []any             –
//	Map                    KindMap         map[string]any¹        map, struct (Immutable)
//	List                   KindList        []any                  slice, array (Immutable)
//	OrderedMap             KindOrderedMap  map[string]any¹        –
//	Set, OrderedSet        KindSet, …      []any                  –
//	Shredder               KindShredder    what its state is      –
//
// ¹ map[any]any when not all keys are strings. A Go type that is asked for by name
// is filled by the rules of encoding/json; see [To] for what it adds to them.
//
// Equal keys are one key, the last value wins: scalars that JavaScript finds
// equal (0 and −0, NaN and NaN), immutable containers with the same content,
// plain containers that are the same one. Maps and sets keep the order of their
// entries, also those of which Immutable.js does not: it has a hash order beyond
// eight, which means nothing.
//
// Strings are UTF-8. A surrogate that stands alone, which JavaScript allows, is
// three bytes (ED A0 80 to ED BF BF, "WTF-8") and is written as the escape it
// came as; any other byte that is not UTF-8 is refused, read or written.
//
// # What is refused
//
// Nothing is lost silently: what a receiver would not get as it is, is refused
// with an [*UnsupportedError] that names the path and says what to do.
//
//	inside an immutable value   times, integers beyond 2^53, buffers, functions, Shredder,
//	                            holes at the end of an array, members named __proto__
//	in plain JSON               NaN, ±Infinity, undefined in an array, holes, Map and Set of
//	                            JavaScript, members of arrays, cycles
//	in a message                an immutable value deeper than a member of data (or of data.data,
//	                            and so on), a buffer as data itself
//	of Go values                functions, channels, complex numbers, structs without exported
//	                            fields, values that contain themselves
//
// JavaScript sends most of these as something else; [Plain] makes that of a value
// when it is wanted. Plain JSON keeps all digits of integers, between Go programs.
// A time in plain JSON is the string that encoding/json makes of it.
//
// # Guarantees
//
// What [Append] writes is, byte for byte, what the reference writes for the same
// entries in the same order, so that a text of the reference that was decoded is
// written as it was. (JavaScript moves members whose names are integers to the
// front of plain objects; this package leaves them.) A [Value] never changes: share it freely.
// No input makes this package panic; [Limits] bound the memory, the nesting and
// the time that a text may cost, and values that expand without end when they are
// written out or converted are stopped by the same limits. Panics are for
// programmers: an odd number of arguments, a nil pointer, a kind that has no such
// method, each with a message that says what to give.
package payload

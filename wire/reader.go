package wire

import (
	"errors"
	"io"
	"slices"
	"unicode/utf8"
)

// A Reader cuts a stream of bytes into frames and reads them as messages. The
// bytes are those after inflating. It is for one goroutine.
//
// Messages point into memory of the Reader, which is never written to again
// once a message has been handed out: the Reader takes new memory instead, bit
// by bit as the stream needs it.
type Reader struct {
	src    Lender
	limits Limits
	err    error // sticky
	usual  usual // of the envelopes

	offset int64    // where the last frame begins in the stream
	size   int      // of the last frame
	lent   int      // bytes that were lent and are not used yet
	part   gathered // the beginning of a frame
	chunk  []byte   // of the last frame, where it has memory of its own
	chunks bool     // there has been a large one
	memory memory   // for small messages

	// Small messages are made several at a time, all for one piece of memory: who
	// keeps one keeps that piece, and no other.
	slab  []Message
	piece int // the piece that slab is for
	made  int // messages made for it
}

const maxSlab = 48 // just under 8 KiB

// NewReader returns a Reader of src. From a [Lender] it reads no more than it
// needs, from any other source what there is.
func NewReader(src io.Reader, limits Limits) *Reader {
	return &Reader{src: lenderOf(src), limits: limits.withDefaults()}
}

// Next returns the next message. Errors are a [FormatError], or that of the
// stream: io.EOF between two frames. After an error the Reader is done: each
// later call returns the same.
func (r *Reader) Next() (*Message, error) {
	if r.err != nil {
		return nil, r.err
	}
	m, err := r.next()
	if err != nil {
		return nil, r.fail(err)
	}
	return m, nil
}

// Frame returns the arguments of the next frame as they are, for tools and
// tests; most callers want Next.
func (r *Reader) Frame() ([]Arg, error) {
	if r.err != nil {
		return nil, r.err
	}
	frame, argc, own, err := r.frame(r.limits.MaxFrame)
	if err != nil {
		return nil, r.fail(err)
	}
	if !own || r.chunk != nil {
		frame = slices.Concat(frame, r.chunk)
	}
	rest := frame[headSize:]
	args := make([]Arg, argc)
	for i := range args {
		var raw []byte
		raw, rest = cutArg(rest)
		if args[i], err = ParseArg(raw); err != nil {
			return nil, r.fail(err)
		}
	}
	return args, nil
}

// Buffered reports whether the beginning of another frame has been read.
func (r *Reader) Buffered() bool { return len(r.part.bytes)+r.lent > 0 }

// fail ends the Reader and says in err where the frame began.
func (r *Reader) fail(err error) error {
	if f, ok := errors.AsType[*FormatError](err); ok {
		f.Offset = r.offset
	}
	r.err = err
	return err
}

func (r *Reader) next() (*Message, error) {
	frame, argc, own, err := r.frame(r.limits.MaxTopic + 2)
	if err != nil {
		return nil, err
	}
	raw, rest := cutArg(frame[headSize:])
	if argc == 1 || isHeartbeat(raw) {
		return lone(raw)
	}
	m := r.newMessage(len(frame), own)
	if !own {
		if r.usual.whole && r.inPlace(m, argc, raw, rest) {
			return m, nil
		}
		*m = Message{}
		raw, rest = cutArg(r.memory.keep(frame)[headSize:])
	}
	topic, err := topicOf(raw)
	if err != nil {
		return nil, err
	}
	m.Topic = alias(topic)
	if err := r.fill(m, argc, rest); err != nil {
		return nil, err
	}
	return m, nil
}

// inPlace reads a frame whose memory is only lent, and keeps what is to stay of
// it. It reports whether it could: what is not as expected, or wrong, is read by
// fill.
func (r *Reader) inPlace(m *Message, argc int, raw, rest []byte) bool {
	topic := splitArg(raw)
	raw, rest = cutArg(rest)
	envelope := splitArg(raw)
	if topic.Kind != String || len(topic.Bytes) == 0 || envelope.Kind != JSON {
		return false
	}
	t, name := text(envelope.Bytes), alias(topic.Bytes)
	f, ok := r.usual.find(t, name, 0)
	if !ok || !f.whole || f.at != len(t) {
		return false
	}
	from := f.id
	if !f.known {
		from = f.orc
	}
	// What stays stands in a row: the orc name, the id, the topic, the data.
	kept := r.memory.keep(t[from:f.end])
	r.usual.set(m, kept, from, &f)
	m.Topic = alias(kept[f.id-from+IDLen+len(usualTopic):][:len(name)])
	m.raw = asWritten
	if argc > 2 {
		if m.Chunk = r.chunk; m.Chunk == nil {
			raw, _ = cutArg(rest)
			m.Chunk = r.memory.keep(raw)
		}
	}
	return true
}

// fill reads the arguments behind the topic: the message and the chunk.
// Further ones have no meaning and are not looked at (protocol §2.2).
func (r *Reader) fill(m *Message, argc int, rest []byte) error {
	raw, rest := cutArg(rest)
	err := errNotObject
	if envelope := splitArg(raw); envelope.Kind == JSON {
		err = r.usual.parseEnvelope(m, envelope.Bytes)
	}
	if err != nil {
		return &FormatError{Reason: ErrEnvelope, Detail: "topic " + quote(m.Topic), Err: err}
	}
	if argc > 2 {
		// Only binary is ever sent here. What looks marked is a chunk that its
		// sender did not look at: the receiver has it back as it was.
		if m.Chunk = r.chunk; m.Chunk == nil {
			m.Chunk, _ = cutArg(rest)
		}
	}
	return nil
}

// isHeartbeat reports whether a frame with this first argument is a heartbeat,
// which has no content even when it brings some.
func isHeartbeat(raw []byte) bool {
	a := splitArg(raw)
	return a.Kind == String && string(a.Bytes) == TopicHeartbeat
}

// lone reads a frame that has only a topic: two are allowed (protocol §2.11).
func lone(raw []byte) (*Message, error) {
	topic, err := topicOf(raw)
	switch {
	case err != nil:
		return nil, err
	case string(topic) == TopicHeartbeat:
		return heartbeat, nil
	case string(topic) == TopicGameOver:
		return &Message{Topic: TopicGameOver, Bare: true}, nil
	}
	return nil, formatError(ErrEnvelope, "the topic %s comes alone", quote(string(topic)))
}

// topicOf reads the first argument. Its memory is that of raw, if it is valid.
func topicOf(raw []byte) ([]byte, error) {
	a := splitArg(raw)
	switch {
	case a.Kind != String:
		return nil, formatError(ErrTopic, "the first argument is not a string")
	case len(a.Bytes) == 0:
		return nil, formatError(ErrTopic, "it is empty")
	case !utf8.Valid(a.Bytes):
		return replaceInvalid(a.Bytes), nil
	}
	return a.Bytes, nil
}

// newMessage returns an empty message for a frame of this size. A small one whose
// memory is not its own is for the present piece.
func (r *Reader) newMessage(size int, own bool) *Message {
	if own || size > maxSmall {
		return new(Message)
	}
	r.memory.reserve(size)
	if r.piece != r.memory.pieces {
		r.slab = make([]Message, min(max(r.made, 1), maxSlab))
		r.piece, r.made = r.memory.pieces, 0
	}
	if len(r.slab) == 0 {
		r.slab = make([]Message, min(r.made, maxSlab))
	}
	m := &r.slab[0]
	r.slab = r.slab[1:]
	r.made++
	return m
}

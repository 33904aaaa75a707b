package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf8"
)

// A Reader cuts a stream of bytes into frames and reads them as messages. The
// bytes are those after inflating. It is for one goroutine.
//
// Messages point into the Reader's memory, which is never written to again
// once a message has been handed out: the Reader takes new memory instead,
// bit by bit as the stream needs it.
type Reader struct {
	src    io.Reader
	limits Limits

	buf        []byte // the present piece of memory
	start, end int    // what has been read and is not yet consumed
	shared     bool   // a message points into buf[:start]
	chunk      int    // size of the next piece

	slab []Message // room for the next messages
	err  error     // sticky
}

const (
	minPiece = 2 << 10
	maxPiece = 64 << 10
	slabSize = 16
)

// NewReader returns a Reader of src.
func NewReader(src io.Reader, limits Limits) *Reader {
	return &Reader{src: src, limits: limits.withDefaults(), chunk: minPiece}
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
		r.err = err
	}
	return m, err
}

// Buffered reports whether the beginning of another frame has been read.
func (r *Reader) Buffered() bool { return r.end > r.start }

// Frame returns the arguments of the next frame as they are, for tools and
// tests; most callers want Next.
func (r *Reader) Frame() ([]Arg, error) {
	if r.err != nil {
		return nil, r.err
	}
	var raw [maxArgs][]byte
	argc, err := r.frame(&raw)
	r.shared = true
	args := make([]Arg, 0, argc)
	for _, b := range raw[:argc] {
		var a Arg
		if a, err = ParseArg(b); err != nil {
			break
		}
		args = append(args, a)
	}
	if r.err = err; err != nil {
		return nil, err
	}
	return args, nil
}

func (r *Reader) next() (*Message, error) {
	var raw [maxArgs][]byte
	argc, err := r.frame(&raw)
	if err != nil {
		return nil, err
	}
	topic, err := r.topic(raw[0])
	if err != nil {
		return nil, err
	}
	if string(topic) == TopicHeartbeat {
		return heartbeat, nil
	}
	if argc == 1 && string(topic) != TopicGameOver {
		return nil, formatError(ErrEnvelope, "the topic %.80q comes alone", topic)
	}
	m := r.newMessage()
	m.Topic = alias(topic)
	if argc == 1 {
		m.Bare = true
		return m, nil
	}
	return m, fill(m, raw[1:argc])
}

// fill reads the arguments behind the topic: the message and the chunk.
// Further ones have no meaning and are not looked at (protocol §2.2).
func fill(m *Message, raw [][]byte) error {
	envelope := splitArg(raw[0])
	if envelope.Kind != JSON {
		return &FormatError{Reason: ErrEnvelope, Detail: Redact(m.Topic), Err: errNotObject}
	}
	if err := parseEnvelope(m, envelope.Bytes); err != nil {
		return &FormatError{Reason: ErrEnvelope, Detail: Redact(m.Topic), Err: err}
	}
	if len(raw) > 1 && splitArg(raw[1]).Kind == Blob {
		m.Chunk = raw[1]
	}
	return nil
}

func (r *Reader) topic(raw []byte) ([]byte, error) {
	a := splitArg(raw)
	switch {
	case a.Kind != String:
		return nil, formatError(ErrTopic, "the first argument is not a string")
	case len(a.Bytes) == 0:
		return nil, formatError(ErrTopic, "it is empty")
	case len(a.Bytes) > r.limits.MaxTopic:
		return nil, formatError(ErrTooLarge, "a topic of %d bytes, the limit is %d", len(a.Bytes), r.limits.MaxTopic)
	case !utf8.Valid(a.Bytes):
		return bytes.ToValidUTF8(a.Bytes, []byte("\ufffd")), nil
	}
	return a.Bytes, nil
}

func (r *Reader) newMessage() *Message {
	if len(r.slab) == 0 {
		r.slab = make([]Message, slabSize)
	}
	m := &r.slab[0]
	r.slab = r.slab[1:]
	r.shared = true
	return m
}

// frame makes one frame complete in memory and cuts it into arguments.
func (r *Reader) frame(raw *[maxArgs][]byte) (argc int, err error) {
	if err := r.need(5); err != nil {
		if errors.Is(err, ErrTruncated) && r.end == r.start {
			return 0, io.EOF
		}
		return 0, err
	}
	head := r.buf[r.start]
	switch {
	case head>>4 != version:
		return 0, formatError(ErrVersion, "version %d, this is version %d", head>>4, version)
	case string(r.buf[r.start+1:r.start+5]) != magic:
		return 0, formatError(ErrMagic, "%q", r.buf[r.start+1:r.start+5])
	case head&15 == 0:
		return 0, formatError(ErrArguments, "a frame without arguments")
	}
	argc = int(head & 15)
	size := 5
	var ends [maxArgs]int
	for i := range argc {
		if err := r.need(size + 4); err != nil {
			return 0, err
		}
		length := int(binary.BigEndian.Uint32(r.buf[r.start+size:]))
		if size+4+length > r.limits.MaxFrame {
			return 0, formatError(ErrTooLarge, "a frame of more than %d bytes (the argument %d announces %d)", r.limits.MaxFrame, i+1, length)
		}
		size += 4 + length
		if err := r.need(size); err != nil {
			return 0, err
		}
		ends[i] = size
		raw[i] = nil
	}
	// The memory may have moved while the frame grew: cut it at the end.
	frame := r.buf[r.start : r.start+size : r.start+size]
	begin := 5
	for i := range argc {
		raw[i] = frame[begin+4 : ends[i] : ends[i]]
		begin = ends[i]
	}
	r.start += size
	return argc, nil
}

// need reads until n bytes are there from start on.
func (r *Reader) need(n int) error {
	for r.end-r.start < n {
		r.makeRoom(n)
		got, err := r.src.Read(r.buf[r.end:])
		r.end += got
		if got > 0 || err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			return &FormatError{Reason: ErrTruncated}
		}
		return err
	}
	return nil
}

// makeRoom leaves at least one free byte behind end. Memory that messages
// point to is left to them; the rest is used again. A frame that is larger than
// a piece grows by doubling: by what has come, whatever was announced.
func (r *Reader) makeRoom(n int) {
	if r.start == r.end && !r.shared {
		r.start, r.end = 0, 0
	}
	if r.end < len(r.buf) {
		return
	}
	pending := r.end - r.start
	if !r.shared && r.start > len(r.buf)/2 {
		copy(r.buf, r.buf[r.start:r.end])
		r.start, r.end = 0, pending
		return
	}
	size := max(r.chunk, min(n, 2*pending))
	r.chunk = min(2*r.chunk, maxPiece)
	piece := make([]byte, size)
	copy(piece, r.buf[r.start:r.end])
	r.buf, r.start, r.end, r.shared = piece, 0, pending, false
}

package wire

import (
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
	in     stream
	limits Limits
	err    error // sticky
	usual  usual // of the envelopes

	// Messages are made several at a time, all for one piece of memory: who
	// keeps one keeps that piece, and no other.
	slab  []Message
	piece int // the piece that slab is for
	made  int // messages made for it
}

const maxSlab = 32

// NewReader returns a Reader of src.
func NewReader(src io.Reader, limits Limits) *Reader {
	return &Reader{in: stream{src: src, size: firstPiece}, limits: limits.withDefaults()}
}

// Next returns the next message. Errors are a [FormatError], or that of the
// stream: io.EOF between two frames. After an error the Reader is done: each
// later call returns the same.
func (r *Reader) Next() (*Message, error) {
	if r.err != nil {
		return nil, r.err
	}
	offset := r.in.offset()
	m, err := r.next()
	if err != nil {
		return nil, r.fail(err, offset)
	}
	return m, nil
}

// Frame returns the arguments of the next frame as they are, for tools and
// tests; most callers want Next.
func (r *Reader) Frame() ([]Arg, error) {
	if r.err != nil {
		return nil, r.err
	}
	offset := r.in.offset()
	argc, size, err := r.frame(r.limits.MaxFrame)
	if err != nil {
		return nil, r.fail(err, offset)
	}
	rest := r.in.take(size, true)[headSize:]
	args := make([]Arg, argc)
	for i := range args {
		var raw []byte
		raw, rest = cutArg(rest)
		if args[i], err = ParseArg(raw); err != nil {
			return nil, r.fail(err, offset)
		}
	}
	return args, nil
}

// Buffered reports whether the beginning of another frame has been read.
func (r *Reader) Buffered() bool { return r.in.pending() > 0 }

// fail ends the Reader and says in err where the frame began.
func (r *Reader) fail(err error, offset int64) error {
	if f, ok := errors.AsType[*FormatError](err); ok {
		f.Offset = offset
	}
	r.err = err
	return err
}

func (r *Reader) next() (*Message, error) {
	argc, size, err := r.frame(r.limits.MaxTopic + 2)
	if err != nil {
		return nil, err
	}
	if argc == 1 || r.atHeartbeat() {
		return lone(r.in.take(size, false))
	}
	rest := r.in.take(size, true)[headSize:]
	raw, rest := cutArg(rest)
	topic, err := topicOf(raw)
	if err != nil {
		return nil, err
	}
	m := r.newMessage()
	m.Topic = alias(topic)
	if err := r.fill(m, argc, rest); err != nil {
		return nil, err
	}
	return m, nil
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
		m.Chunk, _ = cutArg(rest)
	}
	return nil
}

// atHeartbeat reports whether the complete frame is a heartbeat, which has no
// content even when it brings some.
func (r *Reader) atHeartbeat() bool {
	raw, _ := cutArg(r.in.buf[r.in.start+headSize : r.in.end])
	a := splitArg(raw)
	return a.Kind == String && string(a.Bytes) == TopicHeartbeat
}

// lone reads a frame that has only a topic: two are allowed (protocol §2.11).
func lone(frame []byte) (*Message, error) {
	raw, _ := cutArg(frame[headSize:])
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

// newMessage returns an empty message, for one frame of the present piece.
func (r *Reader) newMessage() *Message {
	if r.piece != r.in.pieces {
		r.slab = make([]Message, min(max(r.made, 1), maxSlab))
		r.piece, r.made = r.in.pieces, 0
	}
	if len(r.slab) == 0 {
		r.slab = make([]Message, min(r.made, maxSlab))
	}
	m := &r.slab[0]
	r.slab = r.slab[1:]
	r.made++
	return m
}

// headSize is the length of what stands before the first argument.
const headSize = 1 + len(magic)

// frame makes one frame complete in memory and returns its number of arguments
// and its length. first is the longest first argument that is accepted.
func (r *Reader) frame(first int) (argc, size int, err error) {
	if err := r.in.need(headSize); err != nil {
		if errors.Is(err, ErrTruncated) && r.in.pending() == 0 {
			return 0, 0, io.EOF
		}
		return 0, 0, err
	}
	if argc, err = checkHead(r.in.buf[r.in.start:r.in.end]); err != nil {
		return 0, 0, err
	}
	size = headSize
	for i := range argc {
		if err := r.in.need(size + 4); err != nil {
			return 0, 0, err
		}
		length := uint64(binary.BigEndian.Uint32(r.in.buf[r.in.start+size:]))
		switch {
		case i == 0 && length > uint64(first):
			return 0, 0, formatError(ErrTooLarge, "a topic of %d bytes, the limit is %d", length-2, first-2)
		case uint64(size)+4+length > uint64(r.limits.MaxFrame):
			return 0, 0, formatError(ErrTooLarge, "a frame of more than %d bytes (argument %d announces %d)", r.limits.MaxFrame, i+1, length)
		}
		size += 4 + int(length)
	}
	return argc, size, r.in.need(size)
}

// cutArg splits the first argument from a complete frame behind its head.
func cutArg(frame []byte) (arg, rest []byte) {
	end := 4 + int(binary.BigEndian.Uint32(frame))
	return frame[4:end:end], frame[end:]
}

// checkHead returns the number of arguments that the head of a frame tells.
func checkHead(b []byte) (argc int, err error) {
	switch {
	case b[0]>>4 != version:
		return 0, formatError(ErrVersion, "version %d, this is version %d%s", b[0]>>4, version, guess(b))
	case string(b[1:headSize]) != magic:
		return 0, formatError(ErrMagic, "%q in their place%s", b[1:headSize], guess(b))
	case b[0]&15 == 0:
		return 0, formatError(ErrArguments, "a frame without arguments")
	}
	return int(b[0] & 15), nil
}

// guess says what the peer seems to speak instead.
func guess(b []byte) string {
	switch {
	case b[0] == 0x1f && b[1] == 0x8b:
		return "; it looks like gzip, which is for TCP and TLS, not for unix sockets"
	case (b[0] == 0x15 || b[0] == 0x16) && b[1] == 3:
		return "; it looks like TLS: use it on both sides or on none"
	case string(b[:4]) == "HTTP" || string(b[:4]) == "GET ":
		return "; it looks like HTTP: check the port"
	}
	return ""
}

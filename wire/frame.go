package wire

import (
	"encoding/binary"
	"errors"
	"io"
)

// headSize is the length of what stands before the first argument.
const headSize = 1 + len(magic)

// frame makes one frame complete and returns it, with the number of its arguments.
// It has memory of its own, or it is only lent, until the next frame. A large chunk
// is no part of it but in r.chunk. first is the longest first argument that is
// accepted.
func (r *Reader) frame(first int) (frame []byte, argc int, own bool, err error) {
	r.offset += int64(r.size)
	r.size, r.chunk = 0, nil
	run, err := r.lend(headSize)
	if err != nil {
		return nil, 0, false, err
	}
	argc, want, last, err := r.extent(run, first)
	if err != nil {
		return nil, 0, false, err
	}
	if want <= len(run) {
		r.size = want
		r.skip(want)
		return run[:want], argc, false, nil
	}
	for {
		size := want - r.apart(argc, last)
		run = run[:min(len(run), size-len(r.part.bytes))]
		r.part.add(run, size)
		r.skip(len(run))
		if argc, want, last, err = r.extent(r.part.bytes, first); err != nil {
			return nil, 0, false, err
		}
		if want-r.apart(argc, last) <= len(r.part.bytes) {
			break
		}
		if run, err = r.lend(want); err != nil {
			return nil, 0, false, err
		}
	}
	if r.chunk, err = r.readChunk(r.apart(argc, last), want); err != nil {
		return nil, 0, false, err
	}
	r.size, r.chunks = want, r.chunks || isLarge(argc, last)
	frame, own = r.part.take()
	return frame, argc, own, nil
}

// isLarge reports whether a frame ends with a chunk for which the memory of
// NewChunk is right.
func isLarge(argc, last int) bool { return argc == 3 && last > ChunkSize/2 && last <= ChunkSize }

// apart returns how much at the end of a frame has memory of its own: a large
// chunk, where it is not the first one. The first one gets its memory as it comes.
func (r *Reader) apart(argc, last int) int {
	if r.chunks && isLarge(argc, last) {
		return last
	}
	return 0
}

// readChunk reads a chunk of this length, the end of a frame of want bytes.
func (r *Reader) readChunk(length, want int) ([]byte, error) {
	if length == 0 {
		return nil, nil
	}
	chunk := NewChunk()[:length]
	for rest := chunk; len(rest) > 0; {
		run, err := r.lend(want)
		if err != nil {
			return nil, err
		}
		n := copy(rest, run)
		r.skip(n)
		rest = rest[n:]
	}
	return chunk, nil
}

// lend returns what comes next. want is how long the frame under way is, at
// least.
func (r *Reader) lend(want int) ([]byte, error) {
	run, err := r.src.Lend()
	switch r.lent = len(run); {
	case err == nil:
		return run, nil
	case !errors.Is(err, io.EOF):
		return nil, err
	case len(r.part.bytes) == 0:
		return nil, io.EOF
	}
	return nil, formatError(ErrTruncated, "%d bytes where at least %d were expected", len(r.part.bytes), want)
}

func (r *Reader) skip(n int) {
	r.src.Skip(n)
	r.lent -= n
}

// extent tells by its beginning how long a frame is. Where that has not come, want
// is how much would tell more, and last 0; else it is the length of the last
// argument.
func (r *Reader) extent(b []byte, first int) (argc, want, last int, err error) {
	if len(b) < headSize {
		return 0, headSize, 0, nil
	}
	if argc, err = checkHead(b); err != nil {
		return 0, 0, 0, err
	}
	want = headSize
	for i := range argc {
		if len(b) < want+4 {
			return argc, want + 4, 0, nil
		}
		length := uint64(binary.BigEndian.Uint32(b[want:]))
		switch {
		case i == 0 && length > uint64(first):
			return 0, 0, 0, formatError(ErrTooLarge, "a topic of %d bytes, the limit is %d", length-2, first-2)
		case uint64(want)+4+length > uint64(r.limits.MaxFrame):
			return 0, 0, 0, formatError(ErrTooLarge, "a frame of more than %d bytes (argument %d announces %d)", r.limits.MaxFrame, i+1, length)
		}
		last = int(length)
		want += 4 + last
	}
	return argc, want, last, nil
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

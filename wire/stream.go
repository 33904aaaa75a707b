package wire

import (
	"errors"
	"io"
)

// A stream holds what has been read from a source and was not taken yet.
//
// Its memory comes in pieces. Bytes that were taken may be looked at for ever:
// a piece is written to only behind what has been read, and left to its readers
// when it is full.
type stream struct {
	src io.Reader

	buf        []byte // the present piece
	start, end int    // what was read and not taken
	shared     bool   // somebody looks at bytes before start
	pieces     int    // how many there have been

	size   int   // of the next piece
	recent int   // about the size of recent frames
	read   int64 // bytes from the source so far
}

const (
	firstPiece = 2 << 10
	maxPiece   = 64 << 10
	largePiece = 256 << 10 // where recent frames are large: fewer of them move
	maxEmpty   = 100       // reads without bytes before giving up
)

// pending returns how many bytes wait to be taken.
func (s *stream) pending() int { return s.end - s.start }

// offset returns the position of the first pending byte in the whole stream.
func (s *stream) offset() int64 { return s.read - int64(s.pending()) }

// need reads until n bytes are pending.
func (s *stream) need(n int) error {
	empty := 0
	for s.pending() < n {
		s.makeRoom(n)
		got, err := s.src.Read(s.buf[s.end:])
		s.end += got
		s.read += int64(got)
		switch {
		case got > 0:
			empty = 0
		case errors.Is(err, io.EOF):
			return formatError(ErrTruncated, "%d bytes where at least %d were expected", s.pending(), n)
		case err != nil:
			return err
		default:
			if empty++; empty == maxEmpty {
				return io.ErrNoProgress
			}
		}
	}
	return nil
}

// take removes n pending bytes, for somebody who looks at them if share says so.
func (s *stream) take(n int, share bool) []byte {
	taken := s.buf[s.start : s.start+n]
	s.start += n
	s.shared = s.shared || share
	s.recent = max(n, s.recent-s.recent/8)
	return taken
}

// makeRoom leaves at least one free byte behind end.
func (s *stream) makeRoom(n int) {
	if !s.shared {
		s.reuse()
	}
	if s.end < len(s.buf) {
		return
	}
	// By what has come, whatever was announced: at most the double.
	size := max(s.size, min(n, 2*s.pending()))
	s.move(make([]byte, size))
	s.size = min(2*s.size, max(maxPiece, min(s.recent, largePiece)))
}

// reuse takes back the memory before start, at which nobody looks.
func (s *stream) reuse() {
	if s.start == 0 {
		return
	}
	copy(s.buf, s.buf[s.start:s.end])
	s.start, s.end = 0, s.pending()
	if s.end == 0 && len(s.buf) > largePiece {
		s.buf = nil // it was for one large frame
	}
}

// move goes on in a new piece and leaves the present one to its readers.
func (s *stream) move(piece []byte) {
	copy(piece, s.buf[s.start:s.end])
	s.buf, s.start, s.end = piece, 0, s.pending()
	s.shared = false
	s.pieces++
}

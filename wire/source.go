package wire

import (
	"bufio"
	"io"
)

// A Lender is a source that has read ahead, and lets its [Reader] look at what
// it has: a message that is all there is read where it stands, and only what is
// to stay of it is copied.
type Lender interface {
	io.Reader
	// Lend returns the bytes that come next, as many of them as are in one
	// place: at least one, or an error. They are lent until the next Lend or
	// Read.
	Lend() ([]byte, error)
	// Skip goes on behind the first n of the bytes that were lent last.
	Skip(n int)
}

// lenderOf returns src, or what reads ahead from it.
func lenderOf(src io.Reader) Lender {
	if l, ok := src.(Lender); ok {
		return l
	}
	return ahead{bufio.NewReaderSize(src, aheadSize)}
}

const aheadSize = 16 << 10

// ahead makes a Lender of any source.
type ahead struct{ *bufio.Reader }

func (a ahead) Lend() ([]byte, error) {
	if _, err := a.Peek(1); err != nil {
		return nil, err
	}
	return a.Peek(a.Buffered())
}

func (a ahead) Skip(n int) { _, _ = a.Discard(n) } // they are there

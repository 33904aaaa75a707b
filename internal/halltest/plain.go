package halltest

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
)

// plain is what the client sends, inflated if it is compressed.
func (s *socket) plain() io.Reader {
	if !s.compressed {
		return s
	}
	return &plain{src: bufio.NewReader(s)}
}

// A plain reader understands the one endless member that xbus sends: of stored
// blocks, which compress/flate would keep back until the next one begins, or of
// compressed ones that are flushed.
type plain struct {
	src  *bufio.Reader
	from io.Reader // where the present block comes from
	gzip bool
}

// The head of a member, without extra fields and with the one of xbus.
const (
	memberHead  = 10
	endlessHead = "\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x04\x00XB\x00\x00"
)

func (p *plain) Read(b []byte) (int, error) {
	if p.from == nil {
		if err := p.begin(); err != nil {
			return 0, err
		}
	}
	for {
		n, err := p.from.Read(b)
		if n > 0 || err != io.EOF || p.gzip {
			return n, err
		}
		if err := p.nextBlock(); err != nil {
			return 0, err
		}
	}
}

func (p *plain) begin() error {
	head, err := p.src.Peek(memberHead + 1)
	if err != nil {
		return err
	}
	if p.gzip = head[3] == 0 && head[memberHead]>>1&3 != 0; p.gzip {
		p.from, err = gzip.NewReader(p.src)
		return err
	}
	if head, err = p.src.Peek(len(endlessHead)); err != nil {
		return err
	}
	if string(head) != endlessHead {
		return fmt.Errorf("the client does not send the gzip of xbus: % x", head)
	}
	p.src.Discard(len(endlessHead))
	return p.nextBlock()
}

func (p *plain) nextBlock() error {
	var head [5]byte
	if _, err := io.ReadFull(p.src, head[:]); err != nil {
		return err
	}
	length := binary.LittleEndian.Uint16(head[1:])
	if head[0] != 0 || length != ^binary.LittleEndian.Uint16(head[3:]) {
		return fmt.Errorf("the client does not send stored blocks only: % x", head)
	}
	p.from = io.LimitReader(p.src, int64(length))
	return nil
}

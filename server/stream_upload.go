package server

import (
	"errors"
	"io"
	"reflect"

	"github.com/xcraft-go/xbus/observable"
)

// An Upload is the stream that a command brings: an io.Reader. io.EOF comes only
// when the sender has said that it is complete and nothing is missing; anything
// else is a [*StreamError]. Several files come as one tar archive: give the
// Upload to archive/tar.
//
// A handler gets it by [Request.Upload], or as a member of its In of this type
// (a pointer may be nil: called without a stream). The sender is asked for the
// first bytes when they are read first, and goes on as the handler reads. It is
// valid until the handler returns; what was not read then is refused.
type Upload struct{ in *inStream }

// UnmarshalJSON takes nothing from the data: the hall puts the stream in.
func (u *Upload) UnmarshalJSON([]byte) error { return nil }

// MarshalJSON refuses to send it on.
func (u Upload) MarshalJSON() ([]byte, error) {
	return nil, errors.New("an upload cannot be sent: return it as a server.Stream, or read it")
}

// Upload is the stream of the command. The error wraps ErrNoStream when the
// caller has sent none.
func (r *Request) Upload() (Upload, error) {
	r.mu.Lock()
	in := r.upload
	r.mu.Unlock()
	if in != nil {
		return Upload{in}, nil
	}
	in, err := r.hall.streams.receive(r)
	if err != nil {
		return Upload{}, err
	}
	r.mu.Lock()
	r.upload = in
	late := r.settled.Load()
	r.mu.Unlock()
	if late {
		in.unread()
	}
	return Upload{in}, nil
}

var (
	uploadType    = reflect.TypeFor[Upload]()
	uploadPointer = reflect.TypeFor[*Upload]()
)

// giveUpload puts the stream of the command into what dst points to, where there
// is a place for it.
func (r *Request) giveUpload(dst any) error {
	v := reflect.ValueOf(dst).Elem()
	if u, ok := dst.(*Upload); ok {
		return r.fill(u)
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case !v.Type().Field(i).IsExported():
		case f.Type() == uploadType:
			return r.fill(f.Addr().Interface().(*Upload))
		case f.Type() == uploadPointer:
			u, err := r.Upload()
			if f.SetZero(); errors.Is(err, ErrNoStream) {
				return nil
			}
			f.Set(reflect.ValueOf(&u))
			return err
		}
	}
	return nil
}

func (r *Request) fill(u *Upload) (err error) {
	if *u, err = r.Upload(); err != nil {
		r.hall.counts.refuse(BadArguments)
	}
	return err
}

// Progress is how far the reading is: Load, Wait, Observable.
func (u Upload) Progress() observable.View[TransferProgress] { return u.in.progress.View() }

// Read implements io.Reader: it waits for pieces as long as the handler may run.
// One goroutine reads.
func (u Upload) Read(p []byte) (int, error) {
	in := u.in
	if in == nil {
		return 0, &StreamError{Err: ErrNoStream}
	}
	if len(p) == 0 {
		return 0, nil
	}
	for len(in.rest) == 0 {
		if in.sticky != nil {
			return 0, in.sticky
		}
		in.next()
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: io.Copy needs no buffer.
func (u Upload) WriteTo(w io.Writer) (n int64, err error) {
	in := u.in
	if in == nil {
		return 0, &StreamError{Err: ErrNoStream}
	}
	for {
		for len(in.rest) == 0 {
			if in.sticky == io.EOF {
				return n, nil
			}
			if in.sticky != nil {
				return n, in.sticky
			}
			in.next()
		}
		written, err := w.Write(in.rest)
		n += int64(written)
		in.rest = in.rest[written:]
		if err != nil {
			return n, err
		}
	}
}

package rpc

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/wire"
)

// A Future is a call whose result is a T: sent now, awaited later. The result
// is decoded when it is asked for. T may be *wire.Message (the whole answer),
// json.RawMessage (the payload as it came), payload.Value (with its immutable
// values), or any type that JSON or payload.To can fill.
//
// A Future is a small value, to be copied; all methods may be called from any
// goroutine.
type Future[T any] struct{ *Pending }

// Typed gives a call the type of its result.
func Typed[T any](p *Pending) Future[T] { return Future[T]{p} }

// Await waits for the result; see [Pending.Await]. A result that is no T is a
// *DecodeError.
func (f Future[T]) Await(ctx context.Context) (T, error) {
	m, err := f.Pending.Await(ctx)
	if err != nil {
		var zero T
		return zero, err
	}
	return f.decode(m)
}

// Result returns what the call ended with; ok is false while it has not ended.
func (f Future[T]) Result() (v T, ok bool, err error) {
	if !f.Settled() {
		return v, false, nil
	}
	m, err := f.Pending.Result()
	if err == nil {
		v, err = f.decode(m)
	}
	return v, true, err
}

// Observable is the stream of the one result; it can be run any number of times.
func (f Future[T]) Observable() observable.Observable[T] {
	return observable.New(func(ctx context.Context, yield func(T) bool) error {
		v, err := f.Await(ctx)
		if err != nil {
			return err
		}
		yield(v)
		return nil
	})
}

// decode makes the result. For those that come as they are nothing is allocated.
func (f Future[T]) decode(m *wire.Message) (v T, err error) {
	switch any(v).(type) {
	case json.RawMessage:
		return any(m.Data).(T), nil
	case *wire.Message:
		return any(m).(T), nil
	}
	return f.decoded(m)
}

func (f Future[T]) decoded(m *wire.Message) (v T, err error) {
	if err := decode(m, &v); err != nil {
		return v, &DecodeError{Command: f.Command(), Type: fmt.Sprintf("%T", v), Err: err}
	}
	return v, nil
}

// A DecodeError is an answer that came and is not of the type that was asked
// for. The command has run.
type DecodeError struct {
	Command string
	Type    string // the Go type
	Err     error
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("rpc: call %q: the result is no %s: %v", e.Command, e.Type, e.Err)
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// Encode makes the payload of a message of a Go value, as the data of a call.
func Encode(data any) (payload.Parts, error) { return pack(data) }

// Decode stores the payload of a message in what dst points to, whatever way
// it came: as JSON, as immutable values (protocol §7.2), with a binary chunk
// (§7.4) or serialized (§6.6). A *json.RawMessage gets the member data as it
// came. Without payload dst is left as it is.
func Decode(m *wire.Message, dst any) error { return decode(m, dst) }

func decode(m *wire.Message, dst any) error {
	switch d := dst.(type) {
	case **wire.Message:
		*d = m
		return nil
	case *json.RawMessage:
		*d = m.Data
		return nil
	}
	if m.Data == nil && m.Immu() == nil && m.Shred() == nil {
		return nil
	}
	if m.Serialized {
		return decodeSerialized(m, dst)
	}
	if m.Immu() == nil && m.Shred() == nil && m.Chunk == nil {
		if _, isValue := dst.(*payload.Value); !isValue {
			return json.Unmarshal(m.Data, dst)
		}
	}
	parts := payload.Parts{Data: m.Data, Immu: m.Immu(), Shred: m.Shred(), Chunk: m.Chunk}
	return payload.UnpackInto(parts, dst, payload.Limits{})
}

// decodeSerialized reads what was sent with functions in it (protocol §6.6):
// they become text, which nothing runs.
func decodeSerialized(m *wire.Message, dst any) error {
	v, err := payload.Serialized(m.Data, payload.Limits{})
	if err != nil {
		return err
	}
	return payload.To(v, dst)
}

package server

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"reflect"
	"strings"
	"sync"
)

// streamOf finds the stream in the result of a handler: the result itself, or a
// direct member of a struct or a map. rest is what else is in the result, name
// the member to leave out of it.
func streamOf(out any) (s Stream, rest any, name string) {
	switch v := out.(type) {
	case nil, parts, json.RawMessage, *json.RawMessage:
		return s, out, ""
	case Stream:
		return v.sized(), nil, ""
	case *Stream:
		if v == nil {
			return s, nil, ""
		}
		return v.sized(), nil, ""
	case io.Reader:
		return Stream{Reader: v}.sized(), nil, ""
	case map[string]any:
		for key, member := range v {
			if !isStream(member) {
				continue
			}
			if s, _, _ = streamOf(member); s.Reader != nil {
				rest := maps.Clone(v)
				delete(rest, key)
				return s, rest, ""
			}
		}
		return Stream{}, out, ""
	}
	return streamIn(reflect.ValueOf(out), out)
}

func isStream(member any) bool {
	switch member.(type) {
	case Stream, *Stream, io.Reader:
		return true
	}
	return false
}

// streamIn looks for a stream among the fields of a struct.
func streamIn(v reflect.Value, out any) (s Stream, rest any, name string) {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return s, out, ""
	}
	at := streamField(v.Type())
	if at < 0 {
		return s, out, ""
	}
	if s, _, _ = streamOf(v.Field(at).Interface()); s.Reader == nil {
		return s, out, ""
	}
	others := reflect.New(v.Type()).Elem()
	others.Set(v)
	others.Field(at).SetZero()
	return s, others.Interface(), memberName(v.Type().Field(at))
}

var streamFields sync.Map // reflect.Type → int: the field that is a stream, -1 for none

var readerType = reflect.TypeFor[io.Reader]()

func streamField(t reflect.Type) int {
	if at, known := streamFields.Load(t); known {
		return at.(int)
	}
	at := -1
	for i := range t.NumField() {
		f := t.Field(i)
		isStream := f.Type == reflect.TypeFor[Stream]() || f.Type == reflect.TypeFor[*Stream]() || f.Type.Implements(readerType)
		if isStream && f.IsExported() && !f.Anonymous {
			at = i
			break
		}
	}
	streamFields.Store(t, at)
	return at
}

// memberName is the name of a field in JSON.
func memberName(f reflect.StructField) string {
	if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" {
		return tag
	}
	return f.Name
}

// sized finds the number of bytes where the reader can tell it. A nil pointer is
// no reader.
func (s Stream) sized() Stream {
	if v := reflect.ValueOf(s.Reader); v.Kind() == reflect.Pointer && v.IsNil() {
		return Stream{}
	}
	if s.Size != 0 {
		return s
	}
	switch r := s.Reader.(type) {
	case *bytes.Reader:
		s.Size = int64(r.Len())
	case *bytes.Buffer:
		s.Size = int64(r.Len())
	case *strings.Reader:
		s.Size = int64(r.Len())
	case *os.File:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			if at, err := r.Seek(0, io.SeekCurrent); err == nil {
				s.Size = max(0, info.Size()-at)
			}
		}
	}
	return s
}

func (s Stream) close() {
	if c, ok := s.Reader.(io.Closer); ok {
		c.Close() // what was to be read was read
	}
}

// dropStream closes the stream of a result that nobody gets.
func dropStream(out any) {
	if s, _, _ := streamOf(out); s.Reader != nil {
		s.close()
	}
}

// announce puts a stream into the result in the form that announces it; a
// result without one stays as it is.
func (s *streams) announce(r *Request, out any) (any, error) {
	stream, rest, name := streamOf(out)
	if stream.Reader == nil {
		return out, nil
	}
	if r.session == nil {
		stream.close()
		return nil, Errorf(CodeUnsendable, "%s has a stream as its result: call it by a client", r.command.name)
	}
	packed, members, err := openObject(rest)
	if err != nil {
		stream.close()
		return nil, Errorf(CodeUnsendable, "the result of %s cannot be sent: %w", r.command.name, err)
	}
	delete(members, name)
	o := s.open(r, stream)
	r.announced = true
	members["xcraftStream"], _ = json.Marshal(struct {
		StreamID string `json:"streamId"`
		IsUpload bool   `json:"isUpload"`
	}{o.id, false})
	if members["routingKey"] == nil {
		members["routingKey"], _ = json.Marshal(s.key)
	}
	packed.Data, _ = json.Marshal(members)
	return packed, nil
}

// openObject is the payload of an object and its plain members.
func openObject(v any) (parts, map[string]json.RawMessage, error) {
	members := make(map[string]json.RawMessage)
	packed, err := pack(v)
	if err == nil && packed.Data != nil {
		err = json.Unmarshal(packed.Data, &members)
	}
	return packed, members, err
}

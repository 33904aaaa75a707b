package wire

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

const (
	version = 2
	magic   = "AXON"
	maxArgs = 15
)

// AppendFrame appends one AMP frame (protocol §2.1). It refuses what the
// reference would misread: no or more than 15 arguments, an empty last blob, a
// blob that begins like another kind of argument.
func AppendFrame(dst []byte, args ...Arg) ([]byte, error) {
	if len(args) == 0 || len(args) > maxArgs {
		return dst, formatError(ErrArguments, "%d, a frame has 1 to %d", len(args), maxArgs)
	}
	dst = appendHead(dst, len(args))
	for i, a := range args {
		if a.Kind == Blob {
			if err := checkBlob(a.Bytes, i == len(args)-1); err != nil {
				return dst, err
			}
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(a.size()))
		dst = a.append(dst)
	}
	return dst, nil
}

func appendHead(dst []byte, argc int) []byte {
	dst = append(dst, version<<4|byte(argc))
	return append(dst, magic...)
}

func checkBlob(b []byte, last bool) error {
	if len(b) == 0 && last {
		return formatError(ErrChunk, "it is empty, and an empty last argument is not delivered before the next byte: leave it out")
	}
	if k := splitArg(b).Kind; k != Blob {
		return formatError(ErrChunk, "it begins with %q, which the receiver takes for another type: use the prefix rule of streams", b[:2])
	}
	return nil
}

// Append appends the frame of m, with the members in the order in which the
// reference writes them (protocol §3). m.Data and the other raw members must
// be valid JSON: see [Valid].
func Append(dst []byte, m *Message) ([]byte, error) {
	if m.Topic == "" || !utf8.ValidString(m.Topic) {
		return dst, formatError(ErrTopic, "%.40q", m.Topic)
	}
	argc := 2
	switch {
	case m.IsHeartbeat():
		argc = 1
	case m.Chunk != nil:
		if err := checkBlob(m.Chunk, true); err != nil {
			return dst, err
		}
		argc = 3
	}
	dst = appendHead(dst, argc)
	dst = binary.BigEndian.AppendUint32(dst, uint32(2+len(m.Topic)))
	dst = append(dst, 's', ':')
	dst = append(dst, m.Topic...)
	if argc == 1 {
		return dst, nil
	}
	length := len(dst)
	dst = append(dst, 0, 0, 0, 0, 'j', ':')
	dst = AppendEnvelope(dst, m)
	binary.BigEndian.PutUint32(dst[length:], uint32(len(dst)-length-4))
	if argc == 3 {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(m.Chunk)))
		dst = append(dst, m.Chunk...)
	}
	return dst, nil
}

// AppendEnvelope appends the JSON text of m alone. A message that was received
// is written as it came, unless it was changed since: then clear it first by
// [Message.Edit].
func AppendEnvelope(dst []byte, m *Message) []byte {
	if m.raw != nil {
		return append(dst, m.raw...)
	}
	if m.Bare {
		return append(append(append(dst, '{'), m.Extra...), '}')
	}
	dst = append(dst, `{"_xcraftMessage":true,"token":`...)
	dst = AppendString(dst, string(m.Token))
	if m.OrcName != "" {
		dst = AppendString(append(dst, `,"orcName":`...), m.OrcName)
	}
	dst = AppendString(append(dst, `,"id":`...), m.ID)
	dst = AppendString(append(dst, `,"topic":`...), m.Topic)
	dst = appendMember(dst, `,"data":`, m.Data)
	dst = appendBool(dst, `,"isNested":`, m.Nested)
	dst = appendBool(dst, `,"isError":`, m.IsError)
	if m.ARP != nil {
		dst = appendRouter(dst, `,"originRouter":`, m.OriginRouter)
		dst = appendMember(dst, `,"arp":`, m.ARP)
		dst = appendRouter(dst, `,"router":`, m.Router)
	} else {
		dst = appendRouter(dst, `,"router":`, m.Router)
		dst = appendRouter(dst, `,"originRouter":`, m.OriginRouter)
	}
	return append(appendRare(dst, m), '}')
}

func appendRare(dst []byte, m *Message) []byte {
	dst = appendMember(dst, `,"context":`, m.Context)
	dst = appendMember(dst, `,"_xImmu":`, m.Immu)
	dst = appendMember(dst, `,"_xShred":`, m.Shred)
	dst = appendMember(dst, `,"forwarding":`, m.Forwarding)
	dst = appendMember(dst, `,"route":`, m.Route)
	dst = appendTrue(dst, `,"serialized":`, m.Serialized)
	dst = appendTrue(dst, `,"_xcraftStream":`, m.Stream)
	dst = appendTrue(dst, `,"_xcraftBroadcasted":`, m.Broadcasted)
	if m.Horde != "" {
		dst = AppendString(append(dst, `,"_xcraftHorde":`...), m.Horde)
	}
	if len(m.Extra) > 0 {
		dst = append(append(dst, ','), m.Extra...)
	}
	return dst
}

func appendMember(dst []byte, name string, raw []byte) []byte {
	if raw == nil {
		return dst
	}
	return append(append(dst, name...), raw...)
}

func appendBool(dst []byte, name string, v bool) []byte {
	dst = append(dst, name...)
	if v {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

func appendTrue(dst []byte, name string, v bool) []byte {
	if !v {
		return dst
	}
	return appendBool(dst, name, true)
}

func appendRouter(dst []byte, name string, r Router) []byte {
	if r != Axon && r != EE {
		return dst
	}
	dst = append(append(dst, name...), '"')
	return append(append(dst, r.String()...), '"')
}

// AppendString appends s as a JSON string, escaped as JavaScript does: only
// quotes, backslashes and control characters. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	plain := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[plain:i]...), "\ufffd"...)
				plain = i + 1
			}
			i += size
			continue
		}
		dst = appendEscape(append(dst, s[plain:i]...), c)
		i++
		plain = i
	}
	return append(append(dst, s[plain:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	return fmt.Appendf(dst, `\u%04x`, c)
}

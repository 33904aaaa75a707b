package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

const (
	version = 2
	magic   = "AXON"
	maxArgs = 15
)

// AppendFrame appends one AMP frame (protocol §2.1). It refuses what the
// reference would misread: no or more than 15 arguments, an empty last blob, a
// blob that begins like another kind of argument. dst is then returned as it was.
func AppendFrame(dst []byte, args ...Arg) ([]byte, error) {
	if len(args) == 0 || len(args) > maxArgs {
		return dst, formatError(ErrArguments, "%d, a frame has 1 to %d", len(args), maxArgs)
	}
	frame := appendHead(dst, len(args))
	for i, a := range args {
		if a.Kind == Blob {
			if err := checkBlob(a.Bytes, i == len(args)-1); err != nil {
				return dst, err
			}
		}
		if err := checkLength(uint64(a.size())); err != nil {
			return dst, err
		}
		frame = binary.BigEndian.AppendUint32(frame, uint32(a.size()))
		frame = a.append(frame)
	}
	return frame, nil
}

func appendHead(dst []byte, argc int) []byte {
	dst = append(dst, version<<4|byte(argc))
	return append(dst, magic...)
}

// checkLength refuses what four bytes cannot tell the length of.
func checkLength(n uint64) error {
	if n > math.MaxUint32 {
		return formatError(ErrTooLarge, "an argument of %d bytes, a frame takes %d: send it as a stream", n, uint32(math.MaxUint32))
	}
	return nil
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
// be valid JSON: see [Valid]. What it refuses leaves dst as it was.
func Append(dst []byte, m *Message) ([]byte, error) {
	frame, err := AppendBeforeChunk(dst, m)
	if err != nil {
		return dst, err
	}
	return append(frame, m.Chunk...), nil
}

// AppendBeforeChunk is [Append] for who writes m.Chunk by itself: the last bytes
// of the frame are left out.
func AppendBeforeChunk(dst []byte, m *Message) ([]byte, error) {
	if err := Check(m); err != nil {
		return dst, err
	}
	if m.IsHeartbeat() {
		return append(dst, heartbeatFrame...), nil
	}
	argc := 2
	if m.Chunk != nil {
		argc = 3
	}
	frame := appendHead(dst, argc)
	frame = binary.BigEndian.AppendUint32(frame, uint32(2+len(m.Topic)))
	frame = append(append(frame, "s:"...), m.Topic...)
	length := len(frame)
	frame = AppendEnvelope(append(frame, "\x00\x00\x00\x00j:"...), m)
	if err := checkLength(uint64(max(len(frame)-length-4, len(m.Chunk), len(m.Topic)+2))); err != nil {
		return dst, err
	}
	binary.BigEndian.PutUint32(frame[length:], uint32(len(frame)-length-4))
	if argc == 3 {
		frame = binary.BigEndian.AppendUint32(frame, uint32(len(m.Chunk)))
	}
	return frame, nil
}

// heartbeatFrame is the only frame that consists of its topic (protocol §2.2).
const heartbeatFrame = "\x21" + magic + "\x00\x00\x00\x16s:" + TopicHeartbeat

// AppendEnvelope appends the JSON text of m alone. A message that was received
// is written as it came: who wants to change it takes a copy by [Message.Edit].
// A bare message is written from Extra alone.
func AppendEnvelope(dst []byte, m *Message) []byte {
	switch {
	case len(m.raw) > 0:
		return append(dst, m.raw...)
	case m.Bare:
		return append(append(append(dst, '{'), m.Extra()...), '}')
	case m.shared != nil:
		dst = append(dst, m.shared.members(m)...)
	default:
		dst = appendMembers(dst, m)
	}
	if m.Seq != 0 {
		dst = strconv.AppendUint(append(dst, `,"_xbusSeq":`...), m.Seq, 10)
	}
	return append(dst, '}')
}

// appendMembers appends all but the number, which is the last one.
func appendMembers(dst []byte, m *Message) []byte {
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
	if arp := m.ARP(); arp != nil {
		dst = appendRouter(dst, `,"originRouter":`, m.OriginRouter)
		dst = appendMember(dst, `,"arp":`, arp)
		dst = appendRouter(dst, `,"router":`, m.Router)
	} else {
		dst = appendRouter(dst, `,"router":`, m.Router)
		dst = appendRouter(dst, `,"originRouter":`, m.OriginRouter)
	}
	return appendRare(dst, m)
}

func appendRare(dst []byte, m *Message) []byte {
	r := m.rare()
	dst = appendMember(dst, `,"context":`, r.Context)
	dst = appendMember(dst, `,"_xImmu":`, r.Immu)
	dst = appendMember(dst, `,"_xShred":`, r.Shred)
	dst = appendMember(dst, `,"forwarding":`, r.Forwarding)
	dst = appendMember(dst, `,"route":`, r.Route)
	dst = appendTrue(dst, `,"serialized":`, m.Serialized)
	dst = appendTrue(dst, `,"_xcraftStream":`, m.Stream)
	dst = appendTrue(dst, `,"_xcraftBroadcasted":`, m.Broadcasted)
	if r.Horde != "" {
		dst = AppendString(append(dst, `,"_xcraftHorde":`...), r.Horde)
	}
	if len(r.Extra) > 0 {
		dst = append(append(dst, ','), r.Extra...)
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
	if isBare(s) {
		dst = append(dst, '"')
		return append(append(dst, s...), '"')
	}
	return appendEscaped(dst, s)
}

// appendEscaped is AppendString for any text.
func appendEscaped(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	dst = append(dst, '"')
	rest := text(rawBytes(s))
	for {
		n := rest.special(0)
		dst = append(dst, rest[:n]...)
		if n == len(rest) {
			return append(dst, '"')
		}
		dst = appendEscape(dst, rest[n])
		rest = rest[n+1:]
	}
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

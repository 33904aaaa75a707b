// Package wire knows a message of the Xcraft bus: its envelope, its JSON text
// and its AMP frame. It has never heard of sockets, time or who sends.
//
// A frame carries a topic, a message and sometimes a binary chunk:
//
//	0x20+argc "AXON" | length "s:" topic | length "j:" envelope | length chunk
//
// [Reader] cuts a stream of bytes into messages without unmarshalling: the
// envelope is walked once, where a [Lender] has read it, what is to stay is
// copied once, and the payload stays raw JSON until somebody asks for it.
// [Append] writes a message, byte for byte as the reference does.
//
// # Guarantees
//
//   - Whatever a peer sends gives messages or a typed [FormatError], which says
//     what was seen and where in the stream: never a panic. Whatever a frame
//     announces, it takes at most twice the memory of what has come of it (256
//     KiB are always allowed), and never more than [Limits].
//   - The bytes of a message are never written to again. All may look at them at
//     the same time, for as long as they like.
//   - What the reference would misread is refused when it is to be sent: no or
//     too many arguments, empty or ambiguous chunks (protocol §2.1, §2.2).
//   - Tokens print shortened, in logs, errors and dumps.
//
// The protocol itself is described in SPEC.md; "protocol §x.y" in comments
// means its sections.
package wire

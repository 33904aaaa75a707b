package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/xcraft-go/xbus/wire"
)

// Streams are how files and other long data travel (protocol §7.5). A handler
// that returns a reader sends a download, one that takes an [Upload] receives
// one. The hall has these commands for them, under its own name:
//
//	transport.<name>.start-emit   the receiver of a download is ready
//	transport.<name>.emit-chunk   a piece of an upload
//	transport.<name>.emit-end     its end
//	transport.<name>.emit-ack     how far a download was read: xbus only
//	transport.<name>.emit-abort   one of the two sides gives up: xbus only
//
// Peers of the reference use the first three. A receiver of xbus gives the bytes
// that it has room for with start-emit (member window) and says by emit-ack how
// far it is; the hall says with stream.started how many pieces of an upload may
// be on their way (member ahead), and by the event stream.failed that a download
// ends before its end.

// A Stream is a result that is sent in pieces while it is read. Return it as the
// result of a handler, or as a direct member of a struct that is; a plain
// io.Reader does as well.
//
// The Reader is read after the handler has returned, when the caller asks for
// it, on one goroutine of the hall. Afterwards, or when the caller has gone or
// asks for nothing, it is closed if it is an io.Closer, which must unblock Read.
type Stream struct {
	Reader io.Reader
	// Size is the number of bytes, 0 when it is not known. Those of files and
	// of the readers of bytes and strings are known without it. A Reader that
	// has another number of bytes is an error for the receiver.
	Size int64
}

// MarshalJSON refuses a stream where it cannot be sent.
func (s Stream) MarshalJSON() ([]byte, error) {
	if s.Reader == nil {
		return []byte("null"), nil
	}
	return nil, errors.New("a stream must be the result itself or a direct member of it")
}

// TransferProgress says how far a stream is.
type TransferProgress struct {
	Bytes int64 // so far
	Total int64 // 0 when it is not known
}

// Codes of the errors that streams are answered with.
const (
	CodeStreamUnknown = "STREAM_UNKNOWN" // there is no such stream, or it is somebody else's
	CodeStreamBroken  = "STREAM_BROKEN"  // a piece is missing
	CodeStreamUnread  = "STREAM_UNREAD"  // nobody reads it any more
)

// ForeignStream is the reason of Stats.Refused for streams of somebody else.
const ForeignStream Reason = "foreign stream"

// How streams end before their end; test with [errors.Is].
var (
	// ErrStreamBroken: a piece is missing, or the size is another one than announced.
	ErrStreamBroken = errors.New("stream broken")
	// ErrStreamAborted: the other side has given up.
	ErrStreamAborted = errors.New("the other side has ended the stream")
	// ErrStreamIdle: nothing came, or nothing was taken, for Config.StreamTimeout.
	ErrStreamIdle = errors.New("the other side of the stream is silent")
	// ErrNoStream: the caller has sent none.
	ErrNoStream = errors.New("the command was called without a stream")
)

// A StreamError is a stream that did not come to its end.
type StreamError struct {
	ID    string // of the stream
	Bytes int64  // how far it came
	Err   error  // why: one of the errors above, ErrCallerGone, ErrStopping, what a Reader returned
}

func (e *StreamError) Error() string {
	return fmt.Sprintf("server: stream ended after %d bytes: %v", e.Bytes, e.Err)
}

// Unwrap returns Err.
func (e *StreamError) Unwrap() error { return e.Err }

const (
	// DefaultStreamTimeout is that of the reference.
	DefaultStreamTimeout = 120 * time.Second
	chunkSize            = 64 << 10 // that of the reference for files
	maxStreamID          = 512
)

// streams are those that are announced or run.
type streams struct {
	hall *Hall
	key  string // routing key

	mu  sync.Mutex
	out map[streamKey]*outStream
	in  map[streamKey]*inStream
}

// A streamKey names a stream: an id means nothing under another connection.
type streamKey struct {
	session *session
	id      string
}

func (s *streams) init(h *Hall) {
	s.hall, s.key = h, h.cfg.Name
	s.out, s.in = make(map[streamKey]*outStream), make(map[streamKey]*inStream)
}

// command is the name of a command for streams.
func (s *streams) command(verb string) string { return "transport." + s.key + "." + verb }

// serves reports whether a command belongs to a stream that has begun: such are
// taken also while the hall drains.
func (s *streams) serves(command string) bool {
	for _, c := range s.builtins() {
		if c.name == command {
			return true
		}
	}
	return false
}

// A streamCommand is one of those above.
type streamCommand struct {
	name, desc string
	run        func(*Request)
}

func (s *streams) builtins() [5]streamCommand {
	return [...]streamCommand{
		{s.command("start-emit"), "begin to send a stream", s.startEmit},
		{s.command("emit-chunk"), "a piece of a stream", s.emitChunk},
		{s.command("emit-end"), "the end of a stream", s.emitEnd},
		{s.command("emit-ack"), "how far a stream was read", s.emitAck},
		{s.command("emit-abort"), "give a stream up", s.emitAbort},
	}
}

// streamEntry is the entry of the registry: that of an ordinary command, so that
// other halls take it over.
func streamEntry(name, desc string) json.RawMessage {
	raw, _ := json.Marshal(registryEntry{
		Name: name, Info: &moduleInfo{Name: "transport"}, Desc: &desc, Parallel: true, Registrar: "xbus"})
	return raw
}

// A streamMessage is the data of all commands and events of streams.
type streamMessage struct {
	StreamID   string `json:"streamId,omitempty"`
	RoutingKey string `json:"routingKey,omitempty"`
	Prefix     string `json:"prefix,omitempty"`
	Counter    *int64 `json:"counter,omitempty"`
	Total      int64  `json:"total,omitempty"`
	Window     int64  `json:"window,omitempty"`
	Bytes      int64  `json:"bytes,omitempty"`
	Ahead      int    `json:"ahead,omitempty"`
	Message    string `json:"message,omitempty"`
}

// read takes the data of a command of a stream; what is wrong with it is
// answered.
func (s *streams) read(r *Request) (m streamMessage, ok bool) {
	if err := json.Unmarshal(r.Message.Data, &m); err != nil || m.StreamID == "" {
		s.hall.counts.refuse(BadArguments)
		r.settle(nil, Errorf(CodeArguments, "%s wants {streamId, …} in its data", r.command.name))
		return m, false
	}
	return m, true
}

// unknown answers a command of a stream that is not there.
func (s *streams) unknown(r *Request) {
	s.hall.counts.refuse(ForeignStream)
	r.settle(nil, Errorf(CodeStreamUnknown, "there is no such stream for you: it has ended, was not asked for in time, or is somebody else's"))
}

func (s *streams) startEmit(r *Request) {
	m, ok := s.read(r)
	if !ok {
		return
	}
	if out := s.outgoing(r, m.StreamID); out == nil || !out.start(m.Window) {
		s.unknown(r)
		return
	}
	r.settle(nil, nil)
}

func (s *streams) emitAck(r *Request) {
	m, ok := s.read(r)
	if !ok {
		return
	}
	if out := s.outgoing(r, m.StreamID); out != nil { // it may have been the last one
		out.acknowledge(m)
	}
	r.settle(nil, nil)
}

func (s *streams) emitAbort(r *Request) {
	m, ok := s.read(r)
	if !ok {
		return
	}
	cause := ErrStreamAborted
	if m.Message != "" {
		cause = fmt.Errorf("%w: %.200s", ErrStreamAborted, m.Message)
	}
	if out := s.outgoing(r, m.StreamID); out != nil {
		out.end(cause)
	}
	if in := s.incoming(r, m.StreamID); in != nil {
		in.fail(cause)
	}
	r.settle(nil, nil)
}

func (s *streams) emitChunk(r *Request) {
	m, ok := s.read(r)
	if !ok {
		return
	}
	in := s.incoming(r, m.StreamID)
	if in == nil {
		s.unknown(r)
		return
	}
	in.push(r, m)
}

func (s *streams) emitEnd(r *Request) {
	m, ok := s.read(r)
	if !ok {
		return
	}
	in := s.incoming(r, m.StreamID)
	if in == nil {
		s.unknown(r)
		return
	}
	in.finish(r)
}

func (s *streams) outgoing(r *Request, id string) *outStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out[streamKey{r.session, id}]
}

func (s *streams) incoming(r *Request, id string) *inStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in[streamKey{r.session, id}]
}

// leave ends the streams of a connection.
func (s *streams) leave(p *peer) {
	s.endAll(ErrCallerGone, func(r *Request) bool { return r.peer == p })
}

// abort ends all streams.
func (s *streams) abort(cause error) { s.endAll(cause, func(*Request) bool { return true }) }

func (s *streams) endAll(cause error, which func(*Request) bool) {
	var outs []*outStream
	var ins []*inStream
	s.mu.Lock()
	for _, out := range s.out {
		if which(out.request) {
			outs = append(outs, out)
		}
	}
	for _, in := range s.in {
		if which(in.request) {
			ins = append(ins, in)
		}
	}
	s.mu.Unlock()
	for _, out := range outs {
		out.end(cause)
	}
	for _, in := range ins {
		in.fail(cause)
		in.forget()
	}
}

// direct sends the receiver of a stream one of its events, and nobody else.
func (s *streams) direct(to *session, topic string, m streamMessage) bool {
	e := s.hall.event(topic, nil)
	if m != (streamMessage{}) {
		e.Data, _ = json.Marshal(m)
	}
	if !to.deliver(e, keepNever) {
		return false
	}
	s.hall.counts.delivered.Add(1)
	return true
}

// topic is that of an event of a stream.
func (s *streams) topic(event, id string) string {
	return wire.GreatHall + "@" + string(s.hall.token) + "::stream." + event + "." + id + ".orcished"
}

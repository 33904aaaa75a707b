package server_test

// What a hall must bear of its peers, and the tests that show that it does, all
// with the default limits. The lines W are things on the wire, each said by a
// stranger, by a client before its autoconnect and after it, while a neighbour is
// served; the lines S are things that are said properly.
//
//	W1 random bytes, HTTP, TLS on a plain port              TestW1OtherProtocols, TestW1UnixSockets
//	W2 gzip that is broken, cut short, or none              TestW2Gzip
//	W3 frames that are none                                 TestW3Frames
//	W4 arguments that are no message                        TestW4Arguments
//	W5 little that inflates to much                         TestW5Bombs
//	W6 announced and not sent, or byte by byte              TestW6Silence, TestW6Trickle, TestW6IdleClientsStay
//	W7 messages with odd members, internal topics           TestW7Messages
//	W8 long names, topics, lines                            TestW8LongNames
//	W9 big messages                                         TestW9BigMessages, TestW9BeforeAutoconnect
//	S1 eavesdrop, impersonate, steal, forge, command        TestS1HostileClients, TestS1StrangersHearNothing
//	S2 TLS of all wrong kinds                               TestS2TLS, TestS2SilentHandshake, TestS2ClientsAreTold
//	S3 certificates that change                             TestS3... of conn/axon
//	S4 code in messages                                     TestS4CodeIsText
//	S5 secrets in logs                                      TestMain, TestS5...
//
// Those who do not read, or ask too much: TestStalledConsumer,
// TestStalledConsumerCostsNobody, TestSlowConsumer, TestNoisyNeighbour,
// TestAnonymousSockets, counts_test.go.

import (
	"bytes"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn/axon"
	"github.com/xcraft-go/xbus/server"
)

// A hostile is something that the sockets of a hall must bear.
type hostile struct {
	name string
	send func(b *bare) []byte
	// How the connection ends, counted, when a stranger says it first; and when
	// a client does whose sockets are paired, before and after autoconnect.
	stranger, paired, bound server.Reason
	// What is counted when the connection goes on.
	unbound, refused server.Reason
	many             int  // how often refused is counted, if not once
	finish           bool // the client says nothing more, and hangs up
}

// wrong is what is not the protocol, whoever says it.
func wrong(name string, send []byte) hostile {
	return hostile{name: name, send: func(*bare) []byte { return send }, stranger: server.NotProtocol, paired: server.BadPeer, bound: server.BadPeer}
}

// harmless means nothing, and the connection goes on.
func harmless(name string, send []byte) hostile {
	return hostile{name: name, send: func(*bare) []byte { return send }}
}

// frame is a proper frame that means something wrong: who is bound is refused it,
// who is not may not send it anyway.
func frame(name string, refused server.Reason, args func(b *bare) []string) hostile {
	return hostile{name: name, send: func(b *bare) []byte { return gz(amp(args(b)...)) }, unbound: server.WrongToken, refused: refused}
}

// echo is a command with unusual members, which is accepted.
func echo(name, members string) hostile {
	return frame(name, "", func(b *bare) []string { return []string{"s:demo.echo", "j:" + b.command(members)} })
}

var someFrame = amp("s:greathall::heartbeat")

func truncated(name string, n int, stranger, after server.Reason) hostile {
	whole := gz(amp("s:demo.echo", `j:{"_xcraftMessage":true}`))
	return hostile{name: name, send: func(*bare) []byte { return whole[:n] }, finish: true, stranger: stranger, paired: after, bound: after}
}

func changed(b []byte, at int, to byte) []byte {
	b = bytes.Clone(b)
	if at < 0 {
		at += len(b)
	}
	b[at] = to
	return b
}

func TestW1OtherProtocols(t *testing.T) {
	list := []hostile{
		wrong("random bytes", bytes.Repeat([]byte{0xde, 0xad, 0xbe, 0xef}, 500)),
		wrong("one byte", []byte{0}),
		wrong("HTTP", []byte("POST / HTTP/1.1\r\nHost: hall\r\n\r\n")),
		wrong("TLS", []byte{0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3}),
		{name: "a TLS alert", send: func(*bare) []byte { return []byte{0x15, 3, 1, 0, 2, 2, 40} },
			stranger: server.BadTLS, paired: server.BadPeer, bound: server.BadPeer},
	}
	besiege(t, list)
	onNotifier(t, list)
}

func TestW2Gzip(t *testing.T) {
	member := gz(someFrame)
	besiege(t, []hostile{
		truncated("truncated in a frame", 35, server.CutShort, server.CutShort),
		truncated("truncated in the head", 7, server.SocketAbandoned, left),
		wrong("truncated, and the next", append(gz(bytes.Repeat(someFrame, 100))[:20], member...)),
		wrong("a wrong checksum", changed(member, -8, member[len(member)-8]^1)),
		wrong("a wrong size", changed(member, -1, 1)),
		wrong("reserved flags", changed(member, 3, 0x80)),
		wrong("another method", changed(member, 2, 7)),
		wrong("a block of an unknown type", append(member[:10:10], 7)),
		wrong("a stored block with a wrong length", append(member[:10:10], 0, 5, 0, 5, 0)),
		wrong("a name without end", append(changed(member[:10], 3, 8), bytes.Repeat([]byte("x"), 100<<10)...)),
		wrong("zlib", append([]byte{0x78, 0x9c}, member[10:]...)),
		wrong("raw deflate", member[10:len(member)-8]),
		wrong("plain frames", someFrame),
		wrong("rubbish behind a member", append(gz(nil), "rubbish"...)),
		wrong("zeros behind a member", append(gz(nil), 0, 0, 0)),
		wrong("stored blocks promised, and others sent", append([]byte("\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x04\x00XB\x00\x00"), member[10:]...)),
		harmless("an empty member", gz(nil)),
		harmless("a thousand empty members", bytes.Repeat(gz(nil), 1000)),
		harmless("a frame in many members", slices.Concat(gz(someFrame[:1]), gz(someFrame[1:9]), gz(nil), gz(someFrame[9:]))),
	})
}

func TestW3Frames(t *testing.T) {
	many := func(n int, arg string) []string {
		return append([]string{"s:demo.echo", "j:{}"}, slices.Repeat([]string{arg}, n-2)...)
	}
	besiege(t, []hostile{
		wrong("version 1", gz(ampAs(0x12, "s:demo.echo", "j:{}"))),
		wrong("version 3", gz(ampAs(0x32, "s:demo.echo", "j:{}"))),
		wrong("no magic", gz(changed(someFrame, 1, 'N'))),
		wrong("no arguments", gz(append(ampAs(0x20), "...."...))),
		wrong("16 arguments", gz(ampAs(0x30, many(16, "x")...))),
		wrong("2 GiB of topic", gz([]byte("\x22AXON\x7f\xff\xff\xff"))),
		wrong("4 GiB of topic", gz([]byte("\x22AXON\xff\xff\xff\xff"))),
		wrong("2 GiB", gz(announcing(1<<31-1))),
		wrong("4 GiB", gz(announcing(1<<32-1))),
		wrong("arguments that sum up", gz(append(someFrame[:len(someFrame):len(someFrame)], "\x23AXON\x00\x00\x00\x05s:a.b\x00\x7f\xff\xff"...))),
		wrong("an empty topic", gz(amp("s:", "j:{}"))),
		wrong("an empty first argument", gz(amp("", "j:{}"))),
		wrong("an empty second argument", gz(amp("s:demo.echo", ""))),
		wrong("two empty arguments", gz(amp("", ""))),
		wrong("a topic alone", gz(amp("s:demo.echo"))),
		harmless("a heartbeat with 14 empty arguments", gz(amp(append([]string{"s:greathall::heartbeat"}, make([]string, 14)...)...))),
		frame("15 arguments", "", func(b *bare) []string {
			return append([]string{"s:demo.echo", "j:" + b.command(`"data":1`)}, slices.Repeat([]string{"x"}, 13)...)
		}),
		frame("15 arguments, 13 of them empty", "", func(b *bare) []string {
			return append([]string{"s:demo.echo", "j:" + b.command(`"data":1`)}, make([]string, 13)...)
		}),
	})
}

func TestW4Arguments(t *testing.T) {
	besiege(t, []hostile{
		wrong("broken JSON", gz(amp("s:demo.echo", `j:{"a`))),
		wrong("something behind the JSON", gz(amp("s:demo.echo", `j:{} {}`))),
		wrong("no JSON", gz(amp("s:demo.echo", "j:"))),
		wrong("null", gz(amp("s:demo.echo", "j:null"))),
		wrong("a number", gz(amp("s:demo.echo", "j:42"))),
		wrong("a list", gz(amp("s:demo.echo", "j:[]"))),
		wrong("a text in JSON", gz(amp("s:demo.echo", `j:"{}"`))),
		wrong("a string", gz(amp("s:demo.echo", "s:{}"))),
		wrong("a big integer", gz(amp("s:demo.echo", "b:12345678901234567890"))),
		wrong("a bad big integer", gz(amp("s:demo.echo", "b:12x"))),
		wrong("a blob for a message", gz(amp("s:demo.echo", "{}"))),
		wrong("a blob for a topic", gz(amp("demo.echo", "j:{}"))),
		wrong("a number for a topic", gz(amp("j:1", "j:{}"))),
		wrong("a topic of 1 MiB", gz(amp("s:"+strings.Repeat("x", 1<<20), "j:{}"))),
		wrong("a depth of 100,000", gz(amp("s:demo.echo", "j:"+strings.Repeat("[", 100_000)))),
		wrong("a data depth of 10,000", gz(amp("s:demo.echo", `j:{"data":`+strings.Repeat(`{"a":`, 10_000)+"1"+strings.Repeat("}", 10_001)))),
		frame("a topic of invalid UTF-8", server.NotAvailable, func(b *bare) []string {
			return []string{"s:demo.\xff\xfe", "j:" + b.command(`"data":1`)}
		}),
		frame("an empty message", server.Malformed, func(*bare) []string { return []string{"s:demo.echo", "j:{}"} }).from(server.Malformed),
		echo("data of invalid UTF-8", "\"data\":\"\xff\xfe\xc0\xaf\""),
		echo("a number without end", `"data":`+strings.Repeat("9", 10_000)),
	})
}

// besiege sends each of the list by a stranger, by one whose sockets are paired
// and by one who has autoconnected, to a hall with its default limits, while a
// neighbour is served.
func besiege(t *testing.T, list []hostile) {
	hall := openT(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	demo(t, hall)
	near := startNeighbour(t, hall)
	for _, h := range list {
		t.Run(h.name, func(t *testing.T) {
			h.byStranger(t, hall)
			h.byPaired(t, hall)
			h.byBound(t, hall)
		})
	}
	served(t, near)
}

// served checks that the neighbour did not wait for what others do. It waits for
// the processor as all of the program does, which is not the fault of the hall.
func served(t *testing.T, near *neighbour) {
	t.Helper()
	took, still := near.end()
	if len(took) == 0 {
		t.Fatal("the neighbour was not served at all")
	}
	worst := slices.Max(took)
	t.Logf("the neighbour: %d echoes, the slowest took %v, the program stood still for %v at most", len(took), worst, still)
	if worst > 5*time.Second+10*still {
		t.Errorf("the neighbour waited %v", worst)
	}
}

func (h hostile) byStranger(t *testing.T, hall *server.Hall) {
	t.Helper()
	if h.stranger == "" {
		return // what is in order would wait for its event socket
	}
	before := reasonsOf(hall)
	port, _ := hall.Ports()
	socket := dialPort(t, port)
	h.say(&bare{t: t, commands: socket})
	ended(t, socket)
	counted(t, hall, before, h.stranger)
}

func (h hostile) byPaired(t *testing.T, hall *server.Hall) {
	t.Helper()
	b := dialBare(t, hall)
	b.pair(hall)
	h.test(b, hall, h.paired, h.unbound)
}

func (h hostile) byBound(t *testing.T, hall *server.Hall) {
	t.Helper()
	b := dialBare(t, hall)
	b.bind()
	h.test(b, hall, h.bound, h.refused)
}

func (h hostile) test(b *bare, hall *server.Hall, cut, refused server.Reason) {
	b.t.Helper()
	before := reasonsOf(hall)
	h.say(b)
	want := slices.Repeat([]server.Reason{refused}, max(1, h.many))
	want = slices.DeleteFunc(append(want, cut), func(r server.Reason) bool { return r == "" })
	if cut == "" {
		if counted(b.t, hall, before, want...); b.token != "x" {
			b.echo()
		}
		b.commands.Close()
		want = append(want, left)
	}
	ended(b.t, b.events)
	ended(b.t, b.commands)
	counted(b.t, hall, before, want...)
}

// say writes, which may not come to its end: the hall stops reading.
func (h hostile) say(b *bare) {
	send := h.send(b)
	go func() {
		b.commands.Write(send)
		if h.finish {
			b.commands.(*net.TCPConn).CloseWrite()
		}
	}()
}

// onNotifier says the same on the socket on which nothing is to be said.
func onNotifier(t *testing.T, list []hostile) {
	hall := openT(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	for _, h := range list {
		t.Run(h.name+" on the notifier", func(t *testing.T) {
			before := reasonsOf(hall)
			_, port := hall.Ports()
			socket := dialPort(t, port)
			socket.Write(h.send(nil))
			ended(t, socket)
			counted(t, hall, before, h.stranger)

			b := dialBare(t, hall)
			b.bind()
			before = reasonsOf(hall)
			b.events.Write(h.send(nil))
			ended(t, b.events)
			ended(t, b.commands)
			counted(t, hall, before, h.bound)
		})
	}
}

// The same on unix sockets, which have no gzip.
func TestW1UnixSockets(t *testing.T) {
	dir := t.TempDir()
	hall := openT(t, server.Config{Listen: []string{"xcraft+unix://hostile?dir=" + url.QueryEscape(dir)}})
	commander, notifier := hall.Ports()
	commands, events := axon.SocketPaths(dir, "hostile", commander, notifier)
	for name, send := range map[string][]byte{
		"gzip":           gz(someFrame),
		"HTTP":           []byte("GET / HTTP/1.1\r\n\r\n"),
		"random bytes":   bytes.Repeat([]byte{0xde, 0xad}, 500),
		"version 3":      ampAs(0x32, "s:demo.echo", "j:{}"),
		"4 GiB":          announcing(1<<32 - 1),
		"null":           amp("s:demo.echo", "j:null"),
		"1 MiB of topic": amp("s:" + strings.Repeat("x", 1<<20)),
	} {
		for _, path := range []string{commands, events} {
			before := reasonsOf(hall)
			socket, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			socket.SetDeadline(time.Now().Add(patience))
			go socket.Write(send)
			ended(t, socket)
			counted(t, hall, before, server.NotProtocol)
			if t.Failed() {
				t.Fatalf("%s on %s", name, path)
			}
		}
	}
}

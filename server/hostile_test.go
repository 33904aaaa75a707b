package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// A bare client has two sockets and writes what it wants.
type bare struct {
	t                *testing.T
	commands, events net.Conn
	reader           *wire.Reader
	orc              string
	token            wire.Token
}

// dialBare opens both sockets and says nothing.
func dialBare(t *testing.T, hall *server.Hall) *bare {
	t.Helper()
	b := &bare{t: t}
	commander, notifier := hall.Ports()
	b.events, b.commands = dialPort(t, notifier), dialPort(t, commander)
	b.reader = newBareReader(b.events)
	return b
}

func newBareReader(events net.Conn) *wire.Reader {
	return wire.NewReader(&members{src: bufio.NewReader(events)}, wire.Limits{})
}

func dialPort(t *testing.T, port int) net.Conn {
	t.Helper()
	socket, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	socket.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { socket.Close() })
	return socket
}

// pair makes the two sockets one connection for the hall, by a command that it
// refuses.
func (b *bare) pair(hall *server.Hall) {
	b.t.Helper()
	before := hall.Stats().Refused[server.WrongToken]
	b.orc, b.token = "Nobody@x", "x"
	b.write(gz(amp("s:demo.echo", "j:"+b.command(`"arp":{"Nobody@x":{"port":`+b.port()+`}}`))))
	eventually(b.t, "it is paired", func() bool { return hall.Stats().Refused[server.WrongToken] == before+1 })
}

// bind autoconnects.
func (b *bare) bind() {
	b.t.Helper()
	b.write(gz(amp("s:autoconnect", `j:{"_xcraftMessage":true,"token":"invalid","orcName":"greathall","id":"1","isNested":false,
		"data":{"autoConnectToken":"me"},"arp":{"me":{"token":"","port":`+b.port()+`}}}`)))
	var w welcome
	if err := json.Unmarshal(b.await("me::autoconnect.finished").Data, &w); err != nil {
		b.t.Fatal(err)
	}
	b.orc, b.token = w.OrcName, wire.Token(w.Token)
}

func (b *bare) port() string { return fmt.Sprint(b.events.LocalAddr().(*net.TCPAddr).Port) }

// command is an envelope of this client with some more members, which count
// instead of those before them.
func (b *bare) command(members string) string {
	return fmt.Sprintf(`{"_xcraftMessage":true,"token":%q,"orcName":%q,"id":"h","isNested":true,"originRouter":"axon",%s}`, string(b.token), b.orc, members)
}

func (b *bare) write(p []byte) {
	b.t.Helper()
	if _, err := b.commands.Write(p); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bare) await(topic string) *wire.Message {
	b.t.Helper()
	for {
		switch m, err := b.reader.Next(); {
		case err != nil:
			b.t.Fatalf("waiting for %s: %v", wire.Redact(topic), err)
		case m.Topic == topic:
			return m
		}
	}
}

// echo checks that the connection works.
func (b *bare) echo() {
	b.t.Helper()
	b.write(gz(amp("s:demo.echo", "j:"+b.command(`"id":"last","data":"still here"`))))
	if m := b.await(b.orc + "::demo.echo.last.finished"); string(m.Data) != `"still here"` {
		b.t.Errorf("the echo is %s", m.Data)
	}
}

// ended waits until the hall has closed a socket.
func ended(t *testing.T, socket net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, socket); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the socket is still open")
	}
}

// members reads the gzip members of a hall, which have stored blocks only.
type members struct {
	src          *bufio.Reader
	inside, last bool
	block        int
}

func (r *members) Read(p []byte) (int, error) {
	for r.block == 0 {
		if err := r.advance(); err != nil {
			return 0, err
		}
	}
	n, err := r.src.Read(p[:min(len(p), r.block)])
	r.block -= n
	return n, err
}

// advance passes what stands before the next bytes.
func (r *members) advance() error {
	var b [10]byte
	switch {
	case !r.inside:
		if _, err := io.ReadFull(r.src, b[:]); err != nil {
			return err
		}
		if r.inside = true; b[3] == 0 {
			return nil
		}
		if _, err := io.ReadFull(r.src, b[:2]); err != nil { // an extra field
			return err
		}
		_, err := r.src.Discard(int(binary.LittleEndian.Uint16(b[:])))
		return err
	case r.last:
		r.inside, r.last = false, false
		_, err := r.src.Discard(8)
		return err
	}
	_, err := io.ReadFull(r.src, b[:5])
	r.last, r.block = b[0]&1 != 0, int(binary.LittleEndian.Uint16(b[1:]))
	return err
}

// gz is one gzip member.
func gz(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// amp is a frame, with as many arguments as it is given.
func amp(args ...string) []byte { return ampAs(0x20+byte(len(args)), args...) }

func ampAs(head byte, args ...string) []byte {
	frame := append([]byte{head}, "AXON"...)
	for _, a := range args {
		frame = append(binary.BigEndian.AppendUint32(frame, uint32(len(a))), a...)
	}
	return frame
}

// announcing is the beginning of a frame whose second argument is to have so
// many bytes.
func announcing(n uint32) []byte {
	frame := amp("s:demo.echo")
	frame[0]++
	return append(binary.BigEndian.AppendUint32(frame, n), "j:"...)
}

// A neighbour calls the echo of the hall all the time and notes how long it takes.
type neighbour struct {
	t    *testing.T
	link conn.Link
	took []time.Duration
	idle *pulse
	stop chan struct{}
	done chan struct{}
}

func startNeighbour(t *testing.T, hall *server.Hall) *neighbour {
	t.Helper()
	c := joinRaw(t, hall.URL())
	n := &neighbour{t: t, link: c.link, idle: startPulse(), stop: make(chan struct{}), done: make(chan struct{})}
	go n.run(c)
	return n
}

func (n *neighbour) run(c *raw) {
	defer close(n.done)
	const pause = time.Millisecond
	for timer := time.NewTimer(pause); ; timer.Reset(pause) {
		select {
		case <-timer.C:
		case <-n.stop:
			return
		}
		m := c.message("demo.echo", "1")
		m.Nested = true
		began := time.Now()
		if _, err := n.link.Send(n.t.Context(), m); err != nil {
			n.t.Errorf("the neighbour: %v", err)
			return
		}
		for {
			got, err := n.link.Receive()
			if err != nil {
				n.t.Errorf("the neighbour: %v", err)
				return
			}
			if got.Topic == c.orc+"::demo.echo."+m.ID+".finished" {
				break
			}
		}
		n.took = append(n.took, time.Since(began))
	}
}

// end stops the calls and returns how long they took, and for how long the whole
// program stood still in the meantime.
func (n *neighbour) end() (took []time.Duration, still time.Duration) {
	close(n.stop)
	<-n.done
	return n.took, n.idle.end()
}

// A pulse beats every millisecond and notes how late it was at most: so long this
// program did not get the processor.
type pulse struct {
	late       time.Duration
	stop, done chan struct{}
}

func startPulse() *pulse {
	p := &pulse{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for last := time.Now(); ; {
			select {
			case <-time.After(time.Millisecond):
			case <-p.stop:
				return
			}
			now := time.Now()
			p.late, last = max(p.late, now.Sub(last)), now
		}
	}()
	return p
}

func (p *pulse) end() time.Duration {
	close(p.stop)
	<-p.done
	return p.late
}

// A ledger of what a hall has counted, by reason.
type reasons map[server.Reason]int

// left stands for a connection that its client has ended.
const left server.Reason = "left by itself"

func reasonsOf(hall *server.Hall) reasons {
	s := hall.Stats()
	sum := reasons{}
	for _, counted := range []map[server.Reason]uint64{s.Refused, s.Cut} {
		for reason, n := range counted {
			sum[reason] += int(n)
		}
	}
	if s.Left > 0 {
		sum[left] = int(s.Left)
	}
	return sum
}

// since returns what has been counted in between.
func (r reasons) since(before reasons) reasons {
	d := reasons{}
	for reason, n := range r {
		if n -= before[reason]; n != 0 {
			d[reason] = n
		}
	}
	return d
}

// counted waits until the hall has counted exactly these reasons.
func counted(t *testing.T, hall *server.Hall, before reasons, want ...server.Reason) {
	t.Helper()
	wanted := reasons{}
	for _, reason := range want {
		wanted[reason]++
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		got := reasonsOf(hall).since(before)
		if maps.Equal(got, wanted) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("counted are %v, want %v", got, wanted)
		}
	}
}

package server_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/server"
)

// A memory notes how much of the system's memory the program holds, more than
// before.
type memory struct {
	before, most uint64
	stop, done   chan struct{}
}

func watchMemory() *memory {
	debug.FreeOSMemory()
	m := &memory{before: held(), stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(m.done)
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			m.most = max(m.most, held())
			select {
			case <-ticker.C:
			case <-m.stop:
				return
			}
		}
	}()
	return m
}

// grown ends the watch and returns by how many MiB the program has grown.
func (m *memory) grown() float64 {
	close(m.stop)
	<-m.done
	return max(0, float64(m.most)-float64(m.before)) / (1 << 20)
}

func held() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// spaces is a bomb of spaces.
func spaces(begin []byte, n int) []byte { return bomb(begin, []byte(" "), n) }

// bomb inflates to some bytes and then n MiB of others, and never comes to its end.
func bomb(begin, unit []byte, n int) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	piece := bytes.Repeat(unit, (1<<20)/len(unit))
	w.Write(append(begin, piece...))
	w.Flush()
	length := out.Len()
	w.Write(piece)
	w.Flush() // refers to such pieces only: it can stand any number of times
	return append(out.Bytes(), bytes.Repeat(out.Bytes()[length:], n-1)...)
}

// W5: what is little on the wire and much when it is inflated costs no memory and
// no time of others: 32 MiB at most, whatever is announced and however much would
// come.
func TestW5Bombs(t *testing.T) {
	hall := openT(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	demo(t, hall)
	near := startNeighbour(t, hall)
	large := gz(amp("s:demo.echo", `j:{"_xcraftMessage":true,"token":"x","orcName":"a@b","id":"1","data":"`+strings.Repeat(" ", 7<<20)+`"}`))
	small := gz(bytes.Repeat(someFrame, (1<<20)/len(someFrame)))
	worst, slowest := 0.0, time.Duration(0)
	for _, h := range []hostile{
		wrong("1 GiB announced, 1 GiB sent", spaces(announcing(1<<30), 1024)),
		wrong("512 MiB less one announced, 1 GiB sent", spaces(announcing(1<<29-1), 1024)),
		wrong("7 MiB announced, 1 GiB sent", spaces(announcing(7<<20), 1024)),
		wrong("1 GiB that is no frame", spaces(nil, 1024)),
		wrong("a topic of 1 GiB", spaces([]byte("\x21AXON\x3f\xff\xff\xffs:"), 1024)),
		wrong("a depth of 7 MiB", bomb(announcing(7<<20), []byte("["), 8)),
		// What a client may send, who may do so for ever.
		{name: "8 MiB of heartbeats", send: func(*bare) []byte { return bytes.Repeat(small, 8) }, stranger: server.NotProtocol, paired: server.BadPeer},
		{name: "8 frames of 7 MiB", send: func(*bare) []byte { return bytes.Repeat(large, 8) },
			stranger: server.NotProtocol, paired: server.BadPeer, many: 8, refused: server.WrongToken},
	} {
		t.Run(h.name, func(t *testing.T) {
			m, began := watchMemory(), time.Now()
			h.byStranger(t, hall)
			h.byPaired(t, hall)
			h.byBound(t, hall)
			took, grown := time.Since(began), m.grown()
			t.Logf("%.1f MiB more, %v for all three", grown, took)
			limit := 96.0 // what may wait for the collector
			if h.bound != "" {
				limit = 32
				worst, slowest = max(worst, grown), max(slowest, took/3)
			}
			if grown > limit {
				t.Errorf("the memory has grown by %.1f MiB", grown)
			}
		})
	}
	t.Logf("figure hall.bomb_mib %.1f MiB", worst)
	t.Logf("figure hall.bomb_cut_ms %.1f ms", float64(slowest.Microseconds())/1000)
	served(t, near)
}

// W9: messages are taken up to the limit, 8 MiB in all; beyond it the connection
// ends at what is announced.
func TestW9BigMessages(t *testing.T) {
	hall := openT(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	demo(t, hall)
	near := startNeighbour(t, hall)
	for _, size := range []int{1 << 20, 4 << 20, 8<<20 - 1000} {
		t.Run(fmt.Sprintf("%d bytes", size), func(t *testing.T) {
			b := dialBare(t, hall)
			b.bind()
			data := `"` + strings.Repeat("x", size) + `"`
			go b.commands.Write(gz(amp("s:demo.echo", "j:"+b.command(`"data":`+data))))
			if m := b.await(b.orc + "::demo.echo.h.finished"); string(m.Data) != data {
				t.Errorf("%d bytes came back", len(m.Data))
			}
			b.echo()
			b.commands.Close()
			ended(t, b.events)
		})
	}
	eventually(t, "they have left", func() bool { return hall.Stats().Connections == 1 })
	for _, mib := range []int{8, 16, 64, 128} {
		h := wrong(fmt.Sprintf("%d MiB", mib), spaces(append(announcing(uint32(mib<<20)), `{"data":"`...), mib))
		t.Run(h.name, func(t *testing.T) {
			h.byStranger(t, hall)
			h.byPaired(t, hall)
			h.byBound(t, hall)
		})
	}
	served(t, near)
}

// What a stranger may send is enough for an autoconnect, and not for more.
func TestW9BeforeAutoconnect(t *testing.T) {
	hall := openT(t, server.Config{Listen: []string{"xcraft://127.0.0.1:0"}})
	for size, want := range map[int]server.Reason{60_000: "", 66_000: server.NotProtocol} {
		b := dialBare(t, hall)
		before := reasonsOf(hall)
		b.write(gz(amp("s:autoconnect", `j:{"_xcraftMessage":true,"token":"invalid","orcName":"greathall","id":"1","isNested":false,
			"data":{"autoConnectToken":"me"},"arp":{"me":{"port":`+b.port()+`}},"more":"`+strings.Repeat("x", size)+`"}`)))
		if want == "" {
			b.await("me::autoconnect.finished")
			continue
		}
		ended(t, b.commands)
		b.events.Close()
		counted(t, hall, before, want, server.SocketAbandoned)
	}
}

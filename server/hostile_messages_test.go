package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/server"
)

// from is what the unbound are told instead.
func (h hostile) from(reason server.Reason) hostile {
	h.unbound = reason
	return h
}

func TestW7Messages(t *testing.T) {
	internal := func(name string, args ...string) hostile {
		return hostile{name: name, send: func(*bare) []byte { return gz(amp(args...)) }, paired: server.InternalTopic, bound: server.InternalTopic}
	}
	autoconnect := func(name, data string) hostile {
		h := frame(name, "", func(b *bare) []string { return []string{"s:autoconnect", "j:" + b.command(data)} })
		h.unbound, h.refused = server.Malformed, server.Malformed // and then cut
		h.paired, h.bound = server.BadPeer, server.BadPeer
		return h
	}
	besiege(t, []hostile{
		echo("no data", `"x":1`),
		echo("null data", `"data":null`),
		echo("__proto__", `"__proto__":{"token":"x","isNested":false},"constructor":{"prototype":{}},"data":{"__proto__":{"polluted":true}}`),
		echo("a member twice", `"data":1,"data":2`),
		echo("texts for maps", `"arp":"x","forwarding":"x","_xImmu":"x","_xShred":"x","data":1`),
		echo("numbers for maps", `"arp":1,"forwarding":1,"route":1,"context":1,"_xImmu":1,"_xShred":[],"data":1`),
		echo("a port that is none", `"arp":{"x":{"port":"__proto__"},"y":7,"__proto__":{"port":-1}},"data":1`),
		echo("broken immutable flags", `"_xImmu":{"a":{"b":"Map"},"_":7,"__proto__":{}},"data":{"a":1}`),
		frame("immutable flags that are not true", "", func(b *bare) []string {
			return []string{"s:demo.kind", "j:" + b.command(`"_xImmu":{"data":"Map"},"_xShred":{"data":["x"]},"data":"x"`)}
		}),
		frame("a stream that is not announced", "", func(b *bare) []string {
			return []string{"s:demo.echo", "j:" + b.command(`"_xcraftStream":true,"data":{"xcraftStream":"x"}`)}
		}),
		frame("pieces of a stream that nobody sends", server.ForeignStream, func(b *bare) []string {
			return []string{"s:transport.xbus.emit-chunk", "j:" + b.command(`"data":{"streamId":"__proto__","prefix":"","chunk":"x","counter":1}`)}
		}),
		frame("no id", server.Malformed, func(b *bare) []string { return []string{"s:demo.echo", "j:" + b.command(`"id":7`)} }).from(server.Malformed),
		frame("a map for a name", server.Malformed, func(b *bare) []string { return []string{"s:demo.echo", "j:" + b.command(`"orcName":{}`)} }).from(server.Malformed),
		frame("a list for a token", server.WrongToken, func(b *bare) []string { return []string{"s:demo.echo", "j:" + b.command(`"token":["x"]`)} }),
		frame("no envelope", server.Malformed, func(b *bare) []string {
			return []string{"s:demo.echo", "j:" + b.command(`"_xcraftMessage":false`)}
		}).from(server.Malformed),
		frame("a prototype for a name", server.BadName, func(b *bare) []string { return []string{"s:demo.echo", "j:" + b.command(`"orcName":"@__proto__"`)} }),
		frame("a prototype for a command", server.NotAvailable, func(b *bare) []string { return []string{"s:__proto__", "j:" + b.command(`"data":1`)} }),
		internal("an internal topic", "s::shutdown", "j:{}"),
		internal("a topic of the transport", "s:xcraft::axon/reject", `j:{"code":"x"}`),
		internal("gameover", "s:gameover"),
		autoconnect("autoconnect without data", `"x":1`),
		autoconnect("autoconnect with null", `"data":null`),
		autoconnect("autoconnect with a text", `"data":"x"`),
		autoconnect("autoconnect with a map for its token", `"data":{"autoConnectToken":{"__proto__":1}}`),
		autoconnect("autoconnect with a token of 40,000 bytes", `"data":{"autoConnectToken":"`+strings.Repeat("x", 40_000)+`"}`),
	})
}

func TestW8LongNames(t *testing.T) {
	long := func(n int) string { return strings.Repeat("ab*.", n/4) }
	var list []hostile
	for _, n := range []int{10_000, 40_000} { // a stranger may send 64 KiB
		list = append(list,
			wrong(fmt.Sprint("a topic of ", n), gz(amp("s:"+long(n), "j:{}"))),
			frame(fmt.Sprint("an id of ", n), server.Malformed, func(b *bare) []string {
				return []string{"s:demo.echo", "j:" + b.command(`"id":"`+long(n)+`"`)}
			}).from(server.Malformed),
			frame(fmt.Sprint("a name of ", n), server.BadName, func(b *bare) []string {
				return []string{"s:demo.echo", "j:" + b.command(`"orcName":"`+long(n)+`@x"`)}
			}),
			frame(fmt.Sprint("a line of ", n), server.BadArguments, func(b *bare) []string {
				return []string{"s:warehouse.request-line-update", "j:" + b.command(fmt.Sprintf(`"data":{"type":"add","lineId":%q,"orcName":%q,"token":"x"}`, long(n), b.orc))}
			}))
	}
	n := 160_000
	far := func(h hostile) hostile { // too far for a stranger
		h.stranger, h.paired, h.unbound = server.NotProtocol, server.BadPeer, ""
		return h
	}
	list = append(list,
		wrong("a topic of 160,000", gz(amp("s:"+long(n), "j:{}"))),
		frame("a command of 4,000", server.Malformed, func(b *bare) []string { return []string{"s:" + long(4000), "j:" + b.command(`"data":1`)} }).from(server.Malformed),
		far(frame("a name of 160,000", server.BadName, func(b *bare) []string {
			return []string{"s:demo.echo", "j:" + b.command(`"orcName":"`+long(n)+`"`)}
		})),
		far(frame("a name of a member of 160,000", "", func(b *bare) []string {
			return []string{"s:demo.echo", "j:" + b.command(`"`+long(n)+`":1,"data":1`)}
		})),
		far(frame("a line of 160,000", server.BadArguments, func(b *bare) []string {
			return []string{"s:warehouse.request-line-update", "j:" + b.command(fmt.Sprintf(`"data":{"type":"add","lineId":%q,"orcName":%q,"token":"x"}`, long(n), b.orc))}
		})))
	besiege(t, list)
}

package report

const reasonsHead = `Why, by profiles; the tables of the processor time below have the numbers:

`

// reasons say why a figure is where it is, for the pages on which its bar is missed.
var reasons = map[string]string{
	"calls256_vs_nats": "a call takes less than half of the processor time of one through nats-server; of what is left most is waking callers and handlers, which have goroutines of their own, then text, then memory.",
	"calls256_vs_js":   "the real client and server differ by a third from run to run with 256 in flight.",
	"calls256_vs_raw":  "raw carries a number and 300 bytes. A call of xbus has an envelope of about the same size in either direction, which is written, scanned and kept, a name that is looked up, and a handler on a goroutine of its own, so that none delays another.",
	"calls1_vs_raw":    "a call wakes two goroutines more than raw does: the handler has one of its own, and the answer comes by the second socket, as the protocol has it.",
	"gojs1_vs_js":      "the time is that of the Node server: a bare client without any library, with the same frames on two sockets, gets no more calls out of it. Each one takes a read, a trip through the thread pool of Node for gunzip, gzipSync and a write, and each waits for the other core to wake.",
	"jsgo_vs_js":       "the real client takes about 200 µs of processor time a call with either server, so it bounds both rows; the ratio differs by a third from run to run.",

	"events100_vs_nats": "around 100 bytes of data an event has some 250 bytes of envelope with an id of its own, which are written, scanned and kept; nats.go writes a subject and a length.",
	"events1k_vs_nats":  "the data is checked to be JSON by who publishes and by who receives, as an envelope of JSON needs it; nats.go does not look at it.",
	"events64k_vs_nats": "raw TCP itself makes about three times the events of nats.go; xbus checks each byte to be JSON on both sides, and copies it into the batch and out of it.",
	"events50_vs_nats":  "the text of an event is written once, but copied into the batch of each client, and each of the 50 clients reads its envelope; nats.go does not look at what it carries.",
	"events100_vs_js":   "the real client and server differ by a fifth from run to run.",

	"connect_vs_nats": "Xcraft has two sockets to dial and to accept, nats.go has one: 65 to 75 µs of processor time on loopback, which is nearly the whole difference.",
}

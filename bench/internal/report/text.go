package report

const head = `# Performance

This page was written by ` + "`make bench`" + `. It compares xbus with the reference, the
Node server and client of Xcraft, and with what else carries messages between Go
programs, in one run on one machine.
`

const quick = `
**A quick run**: it shows that all works, and roughly how fast. A few rounds of short
samples decide nothing.
`

const tablesHead = `The contenders, each with the settings that suit it best:

| | |
|---|---|
| xbus tcp, tls, unix, mem | a client of xbus and a hall of package server, in one process; mem without sockets |
| gojs | a client of xbus and the real Xcraft server on Node |
| jsgo | the real JS client and a hall of package server |
| js | the real client and the real server |
| nats | nats.go and an embedded nats-server over TCP, without accounts and storage; a request goes through the server to who answers |
| zmq | go-zeromq/zmq4 over TCP: DEALER and ROUTER, PUB and SUB |
| redis | redis-server of the system without storage, asked by rueidis over TCP; a request is ECHO, which the server answers itself |
| raw | TCP with a length and a number before each message, one write for all that is queued: the practical limit |

- Contenders take turns, once a round, and each round begins with another of them. A
  cell has the median of the rounds and half the distance of the quartiles; a ratio is
  one of two medians of this run.
- Calls echo a JSON object of 300 B, which all contenders carry alike; the envelopes of
  Xcraft come on top of it for xbus and the reference. As many goroutines as calls are
  in flight each make one call after the other, by the function that a user would
  take. Each caller compares its answer.
- Events carry a JSON object of the given size, of letters that do not repeat
  themselves. An event counts when it is in the loop of its receiver. No publisher
  is further ahead of its slowest receiver than 4 MiB (4 events when they are
  larger), and a sample ends when all receivers have had all events: what is counted
  was delivered. The real server sends the whole sample at once, which is the
  fastest way that it has.
- The processor time is that of all processes that take part, of both ends together.
- A lookup among n patterns is one of package topics alone, with patterns of the five
  kinds that services have (for one pattern, the mean of the five). The ratio is the
  worst of: one topic, a thousand in turn, a thousand that nobody wants. When all of
  100,000 are in turn each one comes from main memory, which that row shows.
- Back is measured with default settings, from the moment in which the new hall
  listens to the first call that is answered. A client of a hall of the same machine
  looks for it every 10 ms, and the more rarely the more clients the hall had.
- Memory is the heap in use and the stacks, after collections. Allocations are counted
  with the hall in a process of its own (the side of the client), and in the same
  one (both).

`

const tail = `
## Run it again

` + "```" + `
make bench            # about ten minutes, writes this page and its picture
make bench QUICK=1    # two, and what the compiler takes; writes both into bin/
cd bench && go run ./calls -only "xbus tcp,nats,raw" -inflight 256 -rounds 3 -cpuprofile cpu.prof
` + "```" + `

Node and the packages of the reference come with ` + "`make interop-install`" + `; without Node
the rows with js are left out, without redis-server that of redis. Close what else
runs on the machine: each ratio is taken within one run, but two cores are few.

## Where the time goes, and what a change has brought

` + "```" + `
make profile                              # bench/profiles/: processor, heap, locks, waits
make bench-compare BASE=HEAD~10           # the benchmarks of the library, there and here
make bench-compare BASE=v0.1 PACKAGES="./rpc ./wire" COMPARE=Call COUNT=10
` + "```" + `

The first one profiles 256 calls in flight and events of 1 KB to one client over TCP,
each kind in a run of its own, and prints the top 15 of each. The second one runs
the benchmarks of a commit in a worktree of its own and those of the present files,
six times each, and lets benchstat tell what differs. Benchmarks stand beside the code
and count allocations: ` + "`BenchmarkCall`, `BenchmarkEvent` and `BenchmarkHooks`" + ` in the root
package, what they consist of in ` + "`wire`, `rpc`, `server`, `topics` and `observable`" + `.
`

// Package interop boots the real Xcraft great hall and the real Xcraft bus
// client, both in JavaScript, and drives them from Go: the truth that the tests
// of xbus are held against.
//
// [StartServer] runs a great hall with the demo commands of modules/xbus-demo
// on free ports, over TCP, TLS, mutual TLS or Unix sockets. It can be stopped
// politely, killed, frozen and restarted on the same ports. [StartClient] runs
// a bus client that takes one JSON operation by line and reports one [Fact] by
// line, against that great hall or against any other one; [RunScenario] runs
// a file of operations that states what it expects. [MakeCerts] makes the
// certificates.
//
// The package needs Node.js 18 or later and the packages of package-lock.json
// (`make interop-install`). [Available] tells whether they are there and
// [Require] skips a test when they are not, or fails it when the variable
// XBUS_REQUIRE_NODE is 1, as continuous integration wants it.
//
// # Guarantees
//
// A context given to a function bounds its wait, never the life of a process.
// A process ends with the test process, however that one ends: its stdin is a
// pipe whose end it takes as an order to stop, and the system wakes it with a
// hang-up when it was frozen. After Stop or Kill have returned, no goroutine of
// the process is left and its temporary files are removed.
//
// The package uses the standard library only, so that tests, examples,
// benchmarks and the modules nested in this repository can import it.
package interop

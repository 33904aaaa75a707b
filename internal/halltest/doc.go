// Package halltest is a small scripted great hall for tests. It does what a
// [Script] says, well or badly: accept or refuse, beat or fall silent, answer
// or hold the autoconnect, send any event or any bytes, cut either socket, and
// it writes down what it saw.
//
// It shares nothing with package server or with the transports under test: over
// sockets it has its own few lines of gzip around the frames of package wire,
// with one member for each frame, as the reference writes them (protocol §2.3).
// Over conn/inproc it works in the bubbles of testing/synctest, where minutes
// of silence take no time.
//
// A Hall belongs to one test: it ends with it, and waits for its goroutines.
package halltest

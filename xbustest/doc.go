// Package xbustest helps to test programs that use a bus: a great hall in one
// line, answers by script, assertions on what was called, and a network that
// misbehaves on command.
//
//	hall := xbustest.Start(t)
//	hall.Answer("thermo.read", map[string]any{"degrees": 21.5})
//	hall.Script("thermo.write", xbustest.Fail(server.Errorf("LOCKED", "try again")), xbustest.Reply(true))
//
//	run(hall.URL()) // what is to be tested
//
//	call := hall.Await("thermo.write")
//	hall.AssertCalled("thermo.read", 1)
//
// All of it ends with the test: no goroutine and no socket is left. Failures are
// reported where the helper was called.
package xbustest

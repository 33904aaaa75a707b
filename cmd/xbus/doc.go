// Xbus is the bus of Xcraft on the command line: it calls commands, follows and
// publishes events, looks at a great hall, measures it, finds out what is wrong
// with a connection, and is a great hall itself.
//
//	xbus serve --demo                    a hall to play with
//	xbus call demo.echo x=1              a command and its result
//	xbus sub 'demo::*'                   events, until Ctrl-C
//	xbus doctor                          step by step: why is there no connection?
//
// Which hall is meant is found out by package config, in the order that is
// described there; `xbus doctor` shows each value with its origin.
//
// With --json each line of stdout is one object; all else goes to stderr. Exit
// codes: 0 ok, 1 error of the command that was called, 2 wrong use, 3 no
// connection, 4 time-out, 5 unknown command, 6 refused, 130 interrupted before
// there was a result. `xbus check` ends with the codes of monitoring plug-ins.
package main

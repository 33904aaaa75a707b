package operators

import "time"

// need panics with a message that names the operator and says what to give,
// when ok is false. It guards against mistakes in the program, at the moment
// when the pipeline is built and not when its first value comes.
func need(ok bool, operator, give string) {
	if !ok {
		panic("operators: " + operator + ": give " + give)
	}
}

const aFunction = "a function, not nil"

// needPositive asks for a duration above zero.
func needPositive(d time.Duration, operator string) {
	need(d > 0, operator, "a duration above zero")
}

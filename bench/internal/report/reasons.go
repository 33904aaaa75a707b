package report

const reasonsHead = `Why, by the profiles (the tables of the processor time below have the numbers):

`

// reasons say why a figure is where it is, for the pages on which its bar is missed.
var reasons = map[string]string{
	"calls256_vs_raw": "raw carries a number and 300 bytes. A call of xbus has an envelope of about the same size in either direction, which is written, scanned and kept, a name that is looked up, and a handler that runs on a goroutine of its own, so that none delays another.",
}

package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// CPU is the processor time that this process and the given others have used so
// far. What is not known on this system, or of a process that has ended, counts
// as nothing.
func CPU(pids ...int) time.Duration {
	sum := ownCPU()
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil {
			sum += parseStat(stat)
		}
	}
	return sum
}

// tick is the unit of /proc/PID/stat: the same on all Linux systems.
const tick = 10 * time.Millisecond

// parseStat reads the user and the system time. The second field is a name in
// parentheses, which may have spaces and parentheses of its own.
func parseStat(stat []byte) time.Duration {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.ParseUint(string(fields[11]), 10, 63)
	system, err2 := strconv.ParseUint(string(fields[12]), 10, 63)
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(user+system) * tick
}

// PerSecond runs f, which handles n messages, and returns how many that were in
// a second, with the processor time of each, of the processes pids included.
func PerSecond(n int, pids []int, f func() error) (Sample, error) {
	cpu, began := CPU(pids...), time.Now()
	err := f()
	took := time.Since(began)
	used := CPU(pids...) - cpu
	if err != nil {
		return Sample{}, err
	}
	return Sample{Value: float64(n) / took.Seconds(), CPU: Micros(used) / float64(n)}, nil
}

// Micros is d in microseconds.
func Micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

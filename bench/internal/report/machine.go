package report

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Facts are what a reader must know of the machine: a name and a value each.
type Facts [][2]string

// Machine finds out where this runs and what else takes part, as far as it can.
func Machine(ctx context.Context) Facts {
	facts := Facts{
		{"measured", time.Now().Format("2 January 2006")},
		{"processor", join(processor(), cores())},
		{"system", join(runtime.GOOS+" "+runtime.GOARCH, readLine("/proc/sys/kernel/osrelease"))},
		{"load before the run", load()},
		{"Go", runtime.Version()},
	}
	facts = append(facts, modules(ctx)...)
	for _, program := range []struct{ name, file, flag string }{{"Node", "node", "--version"}, {"redis-server", "redis-server", "--version"}} {
		if text := output(ctx, program.file, program.flag); text != "" {
			facts = append(facts, [2]string{program.name, version(text)})
		}
	}
	return facts
}

func join(parts ...string) string {
	var list []string
	for _, p := range parts {
		if p != "" {
			list = append(list, p)
		}
	}
	return strings.Join(list, ", ")
}

func cores() string {
	if n := runtime.NumCPU(); n != 1 {
		return strings.Replace("N cores", "N", itoa(n), 1)
	}
	return "1 core"
}

func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// load is the average number of what ran or wanted to in the last minute, which is
// best near 0.
func load() string {
	minute, _, _ := strings.Cut(readLine("/proc/loadavg"), " ")
	return minute
}

func readLine(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// peers are the modules whose versions matter.
var peers = []string{
	"github.com/nats-io/nats.go", "github.com/nats-io/nats-server/v2", "github.com/go-zeromq/zmq4",
	"github.com/redis/rueidis", "github.com/reactivex/rxgo/v2", "github.com/samber/ro",
}

func modules(ctx context.Context) (facts Facts) {
	list := output(ctx, "go", append([]string{"list", "-m", "-f", "{{.Path}} {{.Version}}"}, peers...)...)
	for line := range strings.Lines(list) {
		if path, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			facts = append(facts, [2]string{path, version})
		}
	}
	return facts
}

func output(ctx context.Context, name string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	text, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(text))
}

// version takes the number out of what a program says.
func version(text string) string {
	for word := range strings.FieldsSeq(text) {
		if v := strings.TrimPrefix(strings.TrimPrefix(word, "v="), "v"); v != "" && v[0] >= '0' && v[0] <= '9' {
			return v
		}
	}
	return text
}

package obstest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A probe is a test that may fail without failing this one.
type probe struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (p *probe) Helper() {}

func (p *probe) Errorf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, fmt.Sprintf(format, args...))
}

func (p *probe) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.failures, "\n")
}

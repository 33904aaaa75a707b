package operators_test

import (
	"context"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

// Where each of the numbered laws is tested, for every operator unless it says
// otherwise:
//
//	 1  signals never overlap         TestContract (obstest.Check counts calls under way)
//	 2  no call after the end         TestConsumerLeaves
//	 3  a run leaves no goroutine     every test: goleak, and synctest ends only when all are gone
//	 4  cancel ends a run, anywhere   TestCancelled, TestCancelledWhileTheSourceHangs, …Before, …ByConsumer
//	 5  one error, as it is           TestFails, TestLateErrors, TestErrorsOfSeveralBranchesAreJoined
//	 6  runs are independent          TestRunsAreIndependent
//	 7  order is kept                 TestCompletes (values in order), TestTrapRxgoPoolLosesOrder
//	 8  no lock while user code runs  TestReentrance, TestTrapRoReentranceDeadlocks
//	 9  panics reach the runner       TestPanics, TestPanicOfABranchKeepsValueAndStack, TestNoPanicIsLost
//	10  nil and zero are values       TestZeroValues
//	11  consumers are forgotten       TestConsumerIsForgotten
//	12  Close is idempotent           package observable: TestCloseWakesEverybody, TestClosedSubscriptionsAreReleased
//	13  rejecting costs no hand-off   TestRejectingCostsNoHandOff
//	14  operators are values          TestRunsAreIndependent, TestConcurrentRuns

// rejecting emits 1000 numbers on the goroutine that runs it.
func rejecting(_ context.Context, yield func(int) bool) error {
	for i := range 1000 {
		if !yield(i) {
			break
		}
	}
	return nil
}

// Law 13: what a filter rejects is rejected within the call of its source, and
// costs neither a goroutine nor memory.
func TestRejectingCostsNoHandOff(t *testing.T) {
	within := true
	look := func() {
		within = within && strings.Contains(string(debug.Stack()), "operators_test.rejecting(")
	}
	src := observable.New(rejecting)
	none := func(int) bool { return false }
	for name, c := range map[string]struct {
		looking, plain observable.Observable[int]
	}{
		"Filter": {op.Filter(src, func(int) bool { look(); return false }), op.Filter(src, none)},
		"FilterMap": {
			op.FilterMap(src, func(v int) (int, bool) { look(); return v, false }),
			op.FilterMap(src, func(v int) (int, bool) { return v, false })},
		"SkipWhile": {
			op.SkipWhile(src, func(int) bool { look(); return true }),
			op.SkipWhile(src, func(int) bool { return true })},
		"DistinctBy": {
			op.DistinctBy(src, func(int) int { look(); return 0 }),
			op.DistinctBy(src, func(int) int { return 0 })},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.looking.Collect(t.Context())
			if err != nil || len(got) > 1 || !within {
				t.Errorf("%v, %v; all within the source's call: %v", got, err, within)
			}
			allocs := testing.AllocsPerRun(10, func() { _ = c.plain.Run(t.Context(), func(int) bool { return true }) })
			if allocs > 20 { // of a run, whatever the number of items
				t.Errorf("%v allocations in a run that rejects 1000 items", allocs)
			}
		})
	}
}

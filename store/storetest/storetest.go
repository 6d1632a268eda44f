package storetest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// A Harness opens databases of the store under test.
type Harness struct {
	// New makes a fresh, empty database, shared with no other, and releases it
	// with tb.Cleanup. It is called for every case, and several times by some;
	// cases run in parallel.
	New func(tb testing.TB) Database

	// Bubble runs every case inside a bubble of testing/synctest, New included.
	// Stores that wait for a real network leave it false: inside a bubble no
	// time passes while a goroutine waits for one.
	Bubble bool
}

// A Database is one set of records.
type Database interface {
	// Open answers the store that one process would hold, and releases it with
	// tb.Cleanup. All stores of one Database are on the same data.
	Open(tb testing.TB) store.Store

	// Advance moves the clock of the database forward by d: in a bubble it is
	// time.Sleep. What passes otherwise decides nothing, as long as a case takes
	// less than some ten seconds.
	Advance(d time.Duration)
}

// Run checks the store of h against every rule of the contract. Each case is a
// parallel subtest, named by its topic and its rule. One that does not apply, such
// as on the hints of a store that is no store.Notifier, says so and passes: a skip
// would read as if something were missing.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, topic := range topics() {
		t.Run(topic[0].rule.topic(), func(t *testing.T) {
			t.Parallel()
			for _, c := range topic {
				t.Run(c.rule.text(), func(t *testing.T) {
					t.Parallel()
					found, skipped := h.try(t, c)
					for _, v := range found {
						t.Error(v)
					}
					if skipped != "" {
						t.Log("does not apply:", skipped)
					}
				})
			}
		})
	}
}

// Check runs the cases of [Run] one after the other and answers the violations
// that they found, without failing t: nil for a store that keeps the contract.
// Only a harness that fails on its own ends t.
func Check(t *testing.T, h Harness) []Violation {
	t.Helper()
	var all []Violation
	for _, topic := range topics() {
		for _, c := range topic {
			if h.Bubble {
				found, _ := h.try(t, c)
				all = append(all, found...)
				continue
			}
			t.Run(c.rule.text(), func(t *testing.T) { // releases the database
				found, _ := h.try(t, c)
				all = append(all, found...)
			})
		}
	}
	return all
}

// A Violation is a rule that a store broke.
type Violation struct {
	Topic   string // such as "update"
	Rule    string // the sentence that is broken
	Message string // where the suite saw it, what it got and what it wanted
}

// String says the rule first.
func (v Violation) String() string {
	return fmt.Sprintf("broken rule of %s: %s\n\t%s", v.Topic, v.Rule, v.Message)
}

// topics answers every case, grouped by topic.
func topics() [][]testCase {
	return [][]testCase{
		createCases(),
		getCases(),
		updateCases(),
		timesCases(),
		listsCases(),
		claimCases(),
		ownersCases(),
		expireCases(),
		outcomesCases(),
		notifyCases(),
		immutableCases(),
		invalidCases(),
		secretCases(),
		txCases(),
		modelCases(),
	}
}

// try runs c on a fresh database. It answers what c found, and why c did not
// apply, if so.
func (h Harness) try(t *testing.T, c testCase) (found []Violation, skipped string) {
	t.Helper()
	tr := &trial{h: h, rule: c.rule}
	if !h.Bubble {
		tr.run(t, c)
		return tr.findings()
	}
	defer func() {
		// Only synctest panics here, when goroutines of the store are stuck.
		if p := recover(); p != nil {
			tr.note(c.rule, fmt.Sprintf("the case, or a goroutine that it left behind, never ends: %v", p))
			found, skipped = tr.findings()
		}
	}()
	synctest.Test(t, func(t *testing.T) { tr.run(t, c) })
	return tr.findings()
}

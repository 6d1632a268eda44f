package lrotest

import (
	"fmt"
	"testing"
)

// TestServer checks the server of target against every rule of the contract. Each
// case is a subtest, named by its topic and its rule; they run one after the
// other, on the one server there is. A case that does not apply, such as on the
// permissions of a target without Stranger, says so and passes: a skip would
// read as if something were missing. A case that is stopped by a rule whose
// breach was reported before fails too, in one line.
func TestServer(t *testing.T, target Target) {
	t.Helper()
	target.validate(t)
	var all report
	for _, topic := range topics() {
		t.Run(topic[0].rule.topic(), func(t *testing.T) {
			for _, c := range topic {
				t.Run(c.rule.text(), func(t *testing.T) {
					found, skipped := target.try(t, c)
					for _, v := range found {
						if all.add(v) {
							t.Error(v)
						} else {
							t.Errorf("stopped by a rule that is reported above: %s: %s", v.Topic, v.Rule)
						}
					}
					if skipped != "" {
						t.Log("does not apply:", skipped)
					}
				})
			}
		})
	}
}

// Check runs the cases of [TestServer] and answers the violations that they found,
// one for each rule, without failing tb: nil for a server that keeps the contract.
// It makes no subtests, so it may be called in a bubble of testing/synctest that
// also holds the server. Only a target that lacks what is required ends tb.
func Check(tb testing.TB, target Target) []Violation {
	tb.Helper()
	target.validate(tb)
	var all report
	for _, topic := range topics() {
		for _, c := range topic {
			found, _ := target.try(tb, c)
			for _, v := range found {
				all.add(v)
			}
		}
	}
	return all
}

// A Violation is a rule that a server broke.
type Violation struct {
	Topic   string // such as "wait"
	Rule    string // the sentence that is broken, and the document that it is from
	Message string // where the suite saw it first, what it got and what it wanted
	Again   int    // how often the suite saw it after that
}

// String says the rule first.
func (v Violation) String() string {
	text := fmt.Sprintf("broken rule of %s: %s\n\t%s", v.Topic, v.Rule, v.Message)
	if v.Again > 0 {
		text += fmt.Sprintf("\n\tand seen again, times: %d", v.Again)
	}
	return text
}

// A report has the first violation of each rule and counts the others.
type report []Violation

// add answers whether v is the first of its rule.
func (r *report) add(v Violation) bool {
	for i, first := range *r {
		if first.Topic == v.Topic && first.Rule == v.Rule {
			(*r)[i].Again += 1 + v.Again
			return false
		}
	}
	*r = append(*r, v)
	return true
}

// topics answers every case, grouped by topic.
func topics() [][]testCase {
	return [][]testCase{
		operationCases(),
		namesCases(),
		cancelCases(),
		deleteCases(),
		waitCases(),
		listsCases(),
		tokensCases(),
		filterCases(),
		errorsCases(),
		permissionCases(),
		requestsCases(),
		methodsCases(),
	}
}

package lro_test

import "testing"

// TestInvariant holds the Manager to the twelve promises of DESIGN.md, section
// 5, each on the memory store and, where it matters, with several Managers on it.
func TestInvariant(t *testing.T) {
	t.Parallel()
	//nolint:paralleltest // each is parallel itself
	for _, invariant := range []struct {
		name string
		test func(*testing.T)
	}{
		{"01 a done operation never changes", testDoneNeverChanges},
		{"02 no acknowledged start is lost", testNoStartIsLost},
		{"03 every write of an attempt is fenced", testWritesAreFenced},
		{"04 every operation ends", testEveryOperationEnds},
		{"05 cancel is idempotent, stored and delivered", testCancel},
		{"06 delete hides and does not cancel", testDelete},
		{"07 a request id is atomic", testRequestID},
		{"08 metadata never goes backwards", testMetadataOrder},
		{"09 wait misses no wake-up", testWaitMissesNothing},
		{"10 lists under churn answer stable rows once", testListUnderChurn},
		{"11 retention counts from completion", testRetention},
		{"12 a drain hands everything back", testDrain},
	} {
		t.Run(invariant.name, invariant.test)
	}
}

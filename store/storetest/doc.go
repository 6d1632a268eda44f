// Package storetest is the contract of a store.Store in code: whatever passes
// [Run] may stand behind package lro.
//
// A store's own test is one call and a [Harness] that opens databases:
//
//	type database struct{ *mystore.Store }
//
//	func (d database) Open(testing.TB) store.Store { return d.Store }
//	func (d database) Advance(by time.Duration)    { time.Sleep(by) }
//
//	func TestContract(t *testing.T) {
//		t.Parallel()
//		storetest.Run(t, storetest.Harness{
//			New:    func(testing.TB) storetest.Database { return database{mystore.New()} },
//			Bubble: true,
//		})
//	}
//
// Every case has a database of its own, opened twice, as two processes would
// hold it. A case checks one rule, and the rule is its name: a failure says
// which sentence of the contract is broken, and where the suite saw it. The
// rules are grouped by topic, one file each:
//
//   - create, get, update and times: one record, its counters and its clock
//   - lists: pages, their order and their filters
//   - claim, owners and expire: who runs what, who lives, what is removed
//   - outcomes: calls that are repeated or abandoned
//   - notify: hints, if the store is a store.Notifier
//   - immutable, invalid and secret
//   - model: random calls against a plain model, laid to the topics above
//
// A case that meets the breach of another rule than its own reports that rule
// and ends. So a store with one fault is told of that fault, and hardly ever of
// what leans on it.
//
// [Check] runs the same cases and answers what they found, for tests of the
// suite itself.
//
// No case waits for real time. With Bubble set each runs in a bubble of
// testing/synctest, where the time of an Advance costs nothing.
package storetest

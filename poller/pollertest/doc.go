// Package pollertest tests code that polls: a [Client] answers the calls of a
// poller from a script, and records them.
//
// A test says what the server would answer, one [Step] for each poll, and what
// the server takes its time for:
//
//	client := &pollertest.Client{Polls: []pollertest.Step{
//		{Err: status.Error(codes.Unavailable, "restarting")},
//		{Operation: pollertest.Running("operations/1", nil), Park: true},
//		{Operation: pollertest.Succeeded("operations/1", response), Delay: 20 * time.Second},
//	}}
//
// Delays are those of the package time. In a bubble of [testing/synctest] they
// cost nothing, and the times of the recorded calls are exact.
package pollertest

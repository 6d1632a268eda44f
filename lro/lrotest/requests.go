package lrotest

import (
	"crypto/rand"
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
)

const (
	ruleRepeat   rule = "requests: A request that is repeated with its id is answered with the operation that it started, done or not (AIP-155)."
	ruleAtOnce   rule = "requests: Of concurrent requests with one id only one starts an operation (AIP-155)."
	ruleOtherIDs rule = "requests: Requests with other ids start operations of their own (AIP-155)."
)

func requestsCases() []testCase {
	return []testCase{
		{ruleRepeat, "", requestsRepeat},
		{ruleAtOnce, "", requestsAtOnce},
		{ruleOtherIDs, "", requestsOthers},
	}
}

// newRequestID answers a random UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // which never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// once starts an operation with a request id and answers it.
func (t *trial) once(r rule, id string) *longrunningpb.Operation {
	if t.StartOnce == nil {
		t.skip("the Target has no StartOnce")
	}
	ctx, stop := t.ctx()
	defer stop()
	op, err := t.StartOnce(ctx, id)
	if err != nil {
		t.broken(r, "StartOnce with the id %s: got error %v, want an operation", id, err)
	}
	t.mu.Lock()
	t.started[op.GetName()] = op.GetDone()
	t.mu.Unlock()
	return t.shape(op)
}

func requestsRepeat(t *trial) {
	id := newRequestID()
	first := t.once(t.rule, id)
	if again := t.once(t.rule, id); again.GetName() != first.GetName() {
		t.fail("the repeated request: got operation %q, want %q", again.GetName(), first.GetName())
	}
	t.finish(first.GetName())
	if again := t.once(t.rule, id); again.GetName() != first.GetName() {
		t.fail("the request repeated after the end: got operation %q, want %q", again.GetName(), first.GetName())
	}
}

func requestsAtOnce(t *trial) {
	if t.StartOnce == nil {
		t.skip("the Target has no StartOnce")
	}
	for range 3 {
		id := newRequestID()
		names := make(chan string, 8)
		t.together(times(cap(names), func() { names <- t.once(t.rule, id).GetName() })...)
		first := <-names
		for range cap(names) - 1 {
			if name := <-names; name != first {
				t.fail("concurrent requests with one id: got operations %q and %q, want one", first, name)
			}
		}
		t.get(first)
	}
}

func requestsOthers(t *trial) {
	first, second := t.once(ruleRepeat, newRequestID()), t.once(ruleRepeat, newRequestID())
	third := t.start()
	if first.GetName() == second.GetName() || third.GetName() == first.GetName() {
		t.fail("got operation %q for two requests", first.GetName())
	}
}

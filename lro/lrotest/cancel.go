package lrotest

import (
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	ruleCancelled  rule = "cancel: An operation that was cancelled is kept, with an error of code 1 (operations.proto)."
	ruleStays      rule = "cancel: A cancelled operation stays as it is when its work ends later (operations.proto)."
	ruleCancelTwin rule = "cancel: Cancel may be repeated, before and after it took effect (operations.proto)."
	ruleCancelDone rule = "cancel: Cancel of a done operation changes nothing, and is no error but FAILED_PRECONDITION (operations.proto)."
	ruleBestEffort rule = "cancel: An operation that ends while it is being cancelled has its result, or is cancelled (operations.proto)."
	ruleCancelSoon rule = "cancel: Cancel is asynchronous: it does not wait for the work (operations.proto)."
	ruleDespite    rule = "cancel: Work that succeeds in spite of a Cancel shows its response (operations.proto)."
)

func cancelCases() []testCase {
	const method = longrunningpb.Operations_CancelOperation_FullMethodName
	return []testCase{
		{ruleCancelled, method, cancelKept},
		{ruleStays, method, cancelStays},
		{ruleCancelTwin, method, cancelTwice},
		{ruleCancelDone, method, cancelDone},
		{ruleBestEffort, method, cancelBestEffort},
		{ruleCancelSoon, method, cancelSoon},
		{ruleDespite, method, cancelDespite},
	}
}

// cancelled waits for the end of an operation that somebody has cancelled.
func (t *trial) cancelled(r rule, name string) *longrunningpb.Operation {
	op := t.await(r, name)
	if op == nil {
		t.broken(r, "%q is not done %v after Cancel, want it done; work that heeds no Cancel is for Target.StartStubborn", name, patience)
	}
	return op
}

func cancelKept(t *trial) {
	name := t.start().GetName()
	t.cancel(t.rule, name)
	op := t.cancelled(t.rule, name)
	if codes.Code(op.GetError().GetCode()) != codes.Canceled {
		t.fail("got %v, want an error of code 1", op)
	}
}

// cancelStays ends a cancelled operation, whether that is refused or not.
func cancelStays(t *trial) {
	name := t.start().GetName()
	t.cancel(ruleCancelled, name)
	before := t.cancelled(ruleCancelled, name)
	ctx, stop := t.ctx()
	defer stop()
	_, _ = t.Finish(ctx, name)
	t.same(t.rule, t.get(name), before)
	_ = t.Fail(ctx, name, aborted())
	t.same(t.rule, t.get(name), before)
}

func cancelTwice(t *trial) {
	name := t.start().GetName()
	t.cancel(ruleCancelled, name)
	t.cancel(t.rule, name)
	before := t.cancelled(ruleCancelled, name)
	t.cancel(t.rule, name)
	t.same(t.rule, t.get(name), before)
}

func cancelDone(t *trial) {
	finished, failed := t.start().GetName(), t.start().GetName()
	t.finish(finished)
	t.failWith(failed, aborted())
	for _, name := range []string{finished, failed} {
		before := t.done(name)
		t.cancelLate(name)
		t.same(t.rule, t.get(name), before)
	}
}

// cancelLate cancels what may be done already.
func (t *trial) cancelLate(name string) {
	ctx, stop := t.ctx()
	defer stop()
	_, err := t.Client.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: name})
	if code := status.Code(err); code != codes.OK && code != codes.FailedPrecondition {
		t.broken(ruleCancelDone, "Cancel of %q: got error %v, want none or FAILED_PRECONDITION", name, err)
	}
}

func cancelBestEffort(t *trial) {
	for round := range 6 {
		name := t.start().GetName()
		var want proto.Message
		var err error
		ctx, stop := t.ctx()
		cancel := func() { t.cancelLate(name) }
		finish := func() { want, err = t.Finish(ctx, name) }
		if round%2 == 0 {
			cancel()
			finish()
		} else { // whoever comes first
			t.together(cancel, finish)
		}
		stop()
		op := t.cancelled(ruleCancelled, name)
		if codes.Code(op.GetError().GetCode()) != codes.Canceled && (err != nil || !t.responded(op, want)) {
			t.fail("got %v after a Cancel and a Finish with %v (error %v), want its result, or code 1", op, want, err)
		}
	}
}

// stubborn begins an operation that does not heed Cancel, and cancels it.
func (t *trial) stubborn() string {
	if t.StartStubborn == nil {
		t.skip("the Target has no StartStubborn")
	}
	name := t.begin(t.StartStubborn).GetName()
	begun := time.Now()
	t.cancel(ruleCancelSoon, name)
	if took := time.Since(begun); took > prompt {
		t.broken(ruleCancelSoon, "Cancel of %q, whose work goes on: it took %v, want an answer at once", name, took)
	}
	t.read(ruleCancelled, name)
	return name
}

func cancelSoon(t *trial) {
	name := t.stubborn()
	t.undone(name)
	t.finish(name)
}

func cancelDespite(t *trial) {
	name := t.stubborn()
	want := t.finish(name)
	if op := t.done(name); !t.responded(op, want) {
		t.fail("got %v, want the response %v", op, want)
	}
}

package lrotest

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// The steps of cases: each makes one call, expects that it succeeds, and lays
// a failure to the rule of that call.

// start begins an operation.
func (t *trial) start() *longrunningpb.Operation { return t.begin(t.Start) }

// begin begins an operation with one of the hooks.
func (t *trial) begin(start func(context.Context) (*longrunningpb.Operation, error)) *longrunningpb.Operation {
	ctx, stop := t.ctx()
	defer stop()
	op, err := start(ctx)
	if err != nil {
		t.broken(ruleGoesOn, "Start: got error %v, want an operation", err)
	}
	t.shape(op)
	t.mu.Lock()
	_, again := t.started[op.GetName()]
	t.started[op.GetName()] = false
	t.mu.Unlock()
	if again || idOf(op.GetName()) == "" {
		t.broken(ruleNamed, "Start answered an operation with the name %q, want a name with an id that no other has", op.GetName())
	}
	if op.GetDone() {
		t.broken(ruleGoesOn, "Start answered %v, want one that goes on", op)
	}
	return op
}

// finish ends an operation that is not done, and answers the response.
func (t *trial) finish(name string) proto.Message {
	ctx, stop := t.ctx()
	defer stop()
	res, err := t.Finish(ctx, name)
	if err != nil {
		t.broken(ruleGoesOn, "Finish of %q: got error %v, want the response that ended it", name, err)
	}
	t.ended(name)
	return res
}

// failWith ends an operation that is not done.
func (t *trial) failWith(name string, st *spb.Status) {
	ctx, stop := t.ctx()
	defer stop()
	if err := t.Fail(ctx, name, st); err != nil {
		t.broken(ruleGoesOn, "Fail of %q: got error %v, want none", name, err)
	}
	t.ended(name)
}

func (t *trial) ended(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started[name] = true
}

// get answers an operation that exists.
func (t *trial) get(name string) *longrunningpb.Operation { return t.read(ruleLatest, name) }

// read is get for rule r.
func (t *trial) read(r rule, name string) *longrunningpb.Operation {
	ctx, stop := t.ctx()
	defer stop()
	op, err := t.Client.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
	if err != nil {
		t.broken(r, "Get of %q: got error %v, want the operation", name, err)
	}
	if op.GetName() != name {
		t.broken(ruleLatest, "Get of %q: got operation %q", name, op.GetName())
	}
	return t.shape(op)
}

// undone is get of an operation that is not done.
func (t *trial) undone(name string) *longrunningpb.Operation {
	op := t.get(name)
	if op.GetDone() {
		t.broken(ruleGoesOn, "Get: got %v, though nobody ended it", op)
	}
	return op
}

// done is get of an operation that a hook has ended.
func (t *trial) done(name string) *longrunningpb.Operation {
	op := t.get(name)
	if !op.GetDone() {
		t.broken(ruleLatest, "Get: got %v, want the done operation: it was ended before the call", op)
	}
	return op
}

// await answers an operation, for rule r, once Get says that it is done; nil after
// patience.
func (t *trial) await(r rule, name string) *longrunningpb.Operation {
	ctx, stop := t.ctx()
	defer stop()
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second/4) {
		if op := t.read(r, name); op.GetDone() {
			t.ended(name)
			return op
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// cancel asks for the end of an operation that exists, for rule r.
func (t *trial) cancel(r rule, name string) {
	ctx, stop := t.ctx()
	defer stop()
	if _, err := t.Client.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: name}); err != nil {
		t.broken(r, "Cancel of %q: got error %v, want none", name, err)
	}
}

// remove deletes an operation that exists, for rule r.
func (t *trial) remove(r rule, name string) {
	ctx, stop := t.ctx()
	defer stop()
	if _, err := t.Client.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: name}); err != nil {
		t.broken(r, "Delete of %q: got error %v, want none", name, err)
	}
}

// wait waits for an operation that exists, for rule r, and answers how long the
// call took.
func (t *trial) wait(r rule, name string, timeout *durationpb.Duration) (*longrunningpb.Operation, time.Duration) {
	return t.waitKept(r, r, name, timeout)
}

// waitKept is wait for an operation that may end meanwhile: where the end has removed
// it, kept is broken.
func (t *trial) waitKept(r, kept rule, name string, timeout *durationpb.Duration) (*longrunningpb.Operation, time.Duration) {
	ctx, stop := t.ctx()
	defer stop()
	begun := time.Now()
	op, err := t.Client.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: timeout})
	took := time.Since(begun)
	if status.Code(err) == codes.NotFound {
		t.read(kept, name)
	}
	if err != nil {
		t.broken(r, "Wait of %q with timeout %v: got error %v after %v, want the latest state", name, timeout, err, took)
	}
	if op.GetName() != name {
		t.broken(r, "Wait of %q: got operation %q", name, op.GetName())
	}
	return t.shape(op), took
}

// carried reports whether a request reached the server.
func (t *trial) carried(what string, err error) bool {
	if errors.Is(err, ErrNotCarried) {
		t.tb.Logf("%s is passed over: %v", what, err)
		return false
	}
	return true
}

// refused checks that a call was answered with one of the codes.
func (t *trial) refused(r rule, what string, err error, want ...codes.Code) {
	if !t.carried(what, err) {
		return
	}
	if err == nil {
		t.broken(r, "%s: got no error, want %v", what, want)
	}
	if slices.Contains(want, status.Code(err)) {
		return
	}
	t.answerable(what, err)
	t.broken(r, "%s: got error %v, want %v", what, err, want)
}

// call calls one method by name.
func (t *trial) call(r rpc, name string) error {
	ctx, stop := t.ctx()
	defer stop()
	return r.call(ctx, t.Client, name)
}

// lastPart ends names and parents that there are not.
const lastPart = "lrotest-missing"

// missing answers a well-formed name that no operation has.
func (t *trial) missing() string {
	if t.Missing != "" {
		return t.Missing
	}
	name := t.start().GetName()
	return name[:len(name)-len(idOf(name))] + lastPart
}

// short is a timeout for a wait that is to run out.
func short() *durationpb.Duration { return durationpb.New(100 * time.Millisecond) }

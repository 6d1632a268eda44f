package lrotest

import (
	"fmt"
	"slices"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
)

const (
	ruleGone        rule = "delete: A deleted operation is NOT_FOUND, done or not (operations.proto, AIP-135)."
	ruleGoneList    rule = "delete: A deleted operation is no longer listed (operations.proto, AIP-135)."
	ruleDeleteLives rule = "delete: Delete does not cancel: the work goes on (operations.proto)."
	ruleStaysGone   rule = "delete: A deleted operation does not come back when its work ends (operations.proto, AIP-135)."
	ruleDeleteAgain rule = "delete: A Delete that is retried succeeds or is NOT_FOUND (operations.proto, AIP-135)."
)

func deleteCases() []testCase {
	const method = longrunningpb.Operations_DeleteOperation_FullMethodName
	return []testCase{
		{ruleGone, method, deleteGone},
		{ruleGoneList, method, deleteList},
		{ruleDeleteLives, method, deleteLives},
		{ruleStaysGone, method, deleteStays},
		{ruleDeleteAgain, method, deleteAgain},
	}
}

// deleted deletes one operation that is done and one that is not.
func (t *trial) deleted() []string {
	names := []string{t.start().GetName(), t.start().GetName()}
	t.finish(names[0])
	for _, name := range names {
		t.remove(ruleGone, name)
	}
	return names
}

func deleteGone(t *trial) {
	t.each(t.deleted(), func(r rpc, what string, err error) {
		if err == nil && r.method == longrunningpb.Operations_DeleteOperation_FullMethodName {
			return // it is retried, which may succeed
		}
		t.refused(t.rule, what+", which was deleted", err, codes.NotFound)
	})
}

func deleteList(t *trial) {
	if !t.supports(longrunningpb.Operations_ListOperations_FullMethodName) {
		t.skip("the target does not support ListOperations")
	}
	stays := t.start().GetName()
	gone := t.deleted()
	t.unlisted(t.parentOf(stays), gone...)
}

// unlisted checks that a parent's list shows none of names, which were deleted.
func (t *trial) unlisted(parent string, names ...string) {
	for _, name := range t.walk(parent, "", always(100)) {
		if slices.Contains(names, name) {
			t.fail("List of %q: got %q, which was deleted, want it left out", parent, name)
		}
	}
}

func deleteLives(t *trial) { t.finishDeleted() }

// finishDeleted deletes an operation and ends its work.
func (t *trial) finishDeleted() string {
	name := t.start().GetName()
	t.remove(ruleGone, name)
	ctx, stop := t.ctx()
	defer stop()
	if _, err := t.Finish(ctx, name); err != nil {
		t.broken(ruleDeleteLives, "Finish of %q, which was deleted: got error %v, want none, since its work goes on; if it does, then Target.Finish does not reach it and is to be mended", name, err)
	}
	t.ended(name)
	return name
}

func deleteStays(t *trial) {
	name := t.finishDeleted()
	ctx, stop := t.ctx()
	defer stop()
	_, err := t.Client.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
	t.refused(t.rule, fmt.Sprintf("Get of %q, which was deleted and whose work has ended since", name), err, codes.NotFound)
	if t.supports(longrunningpb.Operations_ListOperations_FullMethodName) {
		t.unlisted(t.parentOf(name), name)
	}
}

func deleteAgain(t *trial) {
	for _, name := range t.deleted() {
		ctx, stop := t.ctx()
		_, err := t.Client.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: name})
		stop()
		if err != nil {
			t.refused(t.rule, "the second Delete of "+name, err, codes.NotFound)
		}
	}
}

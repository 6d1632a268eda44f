package lrotest

import (
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	ruleNamed     rule = "operation: The server assigns every operation a name of its own (operations.proto)."
	ruleGoesOn    rule = "operation: An operation can be started, and goes on until it is ended or cancelled (AIP-151)."
	ruleUndone    rule = "operation: One that is not done has neither error nor response (operations.proto)."
	ruleDone      rule = "operation: One that is done has exactly one of response and error, and the error's code is not 0 (operations.proto)."
	ruleLatest    rule = "operation: Get answers the latest state (operations.proto)."
	ruleResponse  rule = "operation: The response is the one that the work ended with, of its type (AIP-151)."
	ruleVerbatim  rule = "operation: A failure of the work is the operation's error; its code, message and details survive verbatim (AIP-151, AIP-193)."
	ruleForGood   rule = "operation: A done operation never changes (operations.proto)."
	ruleBadEnd    rule = "operation: A done operation cannot be ended again: that is FAILED_PRECONDITION (AIP-216)."
	ruleMetadata  rule = "operation: The metadata, if any, can be read and keeps its type (AIP-151)."
	ruleTimestamp rule = "operation: Times in metadata are valid, and nothing is updated, ended or expired before it was created (AIP-142)."
)

func operationCases() []testCase {
	return []testCase{
		{ruleNamed, "", operationNamed},
		{ruleGoesOn, "", operationGoesOn},
		{ruleUndone, "", operationUndone},
		{ruleDone, "", operationDone},
		{ruleLatest, "", operationLatest},
		{ruleResponse, "", operationResponse},
		{ruleVerbatim, "", operationVerbatim},
		{ruleForGood, "", operationForGood},
		{ruleBadEnd, "", operationBadEnd},
		{ruleMetadata, "", operationMetadata},
		{ruleTimestamp, "", operationTimes},
	}
}

// shape checks what holds of an operation wherever it is seen, and answers it.
func (t *trial) shape(op *longrunningpb.Operation) *longrunningpb.Operation {
	failed := op.GetError() != nil
	switch {
	case op == nil:
		t.broken(ruleLatest, "got no operation and no error")
	case !op.GetDone() && op.GetResult() != nil:
		t.broken(ruleUndone, "got %v, want neither before it is done", op)
	case op.GetDone() && !failed && op.GetResponse() == nil:
		t.broken(ruleDone, "got %v, want a response or an error", op)
	case failed && op.GetError().GetCode() == 0:
		t.broken(ruleDone, "got %v, want an error of another code than 0, which is success", op)
	}
	return op
}

func operationNamed(t *trial) {
	t.several(3)
}

func operationGoesOn(t *trial) {
	first, second := t.start().GetName(), t.start().GetName()
	t.finish(first)
	t.undone(second)
	t.failWith(second, aborted())
}

func operationUndone(t *trial) { t.undone(t.start().GetName()) }

func operationDone(t *trial) {
	finished, failed := t.start().GetName(), t.start().GetName()
	t.finish(finished)
	t.failWith(failed, aborted())
	if op := t.done(finished); op.GetError() != nil {
		t.fail("got %v of an operation that ended with a response", op)
	}
	if op := t.done(failed); op.GetResponse() != nil {
		t.fail("got %v of an operation that ended with an error", op)
	}
}

func operationLatest(t *trial) {
	for range 3 {
		name := t.start().GetName()
		t.undone(name)
		t.finish(name)
		t.done(name)
	}
}

func operationResponse(t *trial) {
	name := t.start().GetName()
	want := t.finish(name)
	if op := t.done(name); !t.responded(op, want) {
		t.broken(ruleDone, "got %v, want the response %v", op, want)
	}
}

// responded reports whether a done operation has a response. It is this one.
func (t *trial) responded(op *longrunningpb.Operation, want proto.Message) bool {
	if op.GetResponse() == nil {
		return false
	}
	got := want.ProtoReflect().New().Interface()
	if err := op.GetResponse().UnmarshalTo(got); err != nil || !proto.Equal(got, want) {
		t.broken(ruleResponse, "got %v, want the response %T %v", op, want, want)
	}
	return true
}

func operationVerbatim(t *trial) {
	for _, want := range []*spb.Status{
		aborted(),
		{Code: int32(codes.Unavailable), Message: "the kiln is cold — „später“ 再来"},
		{Code: int32(codes.InvalidArgument), Message: "no such glaze", Details: details(
			&errdetails.ErrorInfo{Reason: "NO_SUCH_GLAZE", Domain: "kiln.example", Metadata: map[string]string{"glaze": "blue"}},
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "glaze", Description: "unknown"}}},
			&errdetails.LocalizedMessage{Locale: "de", Message: "Diese Glasur gibt es nicht."},
			&errdetails.RetryInfo{RetryDelay: durationpb.New(1500)},
		)},
	} {
		name := t.start().GetName()
		t.failWith(name, want)
		if got := t.done(name).GetError(); !proto.Equal(got, want) {
			t.fail("got error %v, want %v", got, want)
		}
	}
}

// aborted is a failure of some work.
func aborted() *spb.Status {
	return &spb.Status{Code: int32(codes.Aborted), Message: "the kiln was opened", Details: details(
		&errdetails.ErrorInfo{Reason: "KILN_OPENED", Domain: "kiln.example"})}
}

func details(msgs ...proto.Message) []*anypb.Any {
	anys := make([]*anypb.Any, len(msgs))
	for i, msg := range msgs {
		value, _ := anypb.New(msg) // of messages that are valid UTF-8
		anys[i] = value
	}
	return anys
}

// operationForGood ends done operations again, whether that is refused or not, and
// looks at them. Cancel has a rule of its own.
func operationForGood(t *trial) {
	for _, end := range []func(string){
		func(name string) { t.finish(name) },
		func(name string) { t.failWith(name, aborted()) },
	} {
		name := t.start().GetName()
		end(name)
		before := t.done(name)
		t.endAgain(name)
		for _, r := range byName() {
			read := r.method == longrunningpb.Operations_GetOperation_FullMethodName || r.method == longrunningpb.Operations_WaitOperation_FullMethodName
			if read && t.supports(r.method) {
				_ = t.call(r, name)
			}
		}
		t.same(t.rule, t.get(name), before)
	}
}

// endAgain tries to end a done operation otherwise, and answers the errors.
func (t *trial) endAgain(name string) []error {
	ctx, stop := t.ctx()
	defer stop()
	other := &spb.Status{Code: int32(codes.DataLoss), Message: "a second end"}
	first := t.Fail(ctx, name, other)
	if t.done(name).GetError() == nil { // a Finish with the same response may pass for a repetition
		return []error{first}
	}
	_, second := t.Finish(ctx, name)
	return []error{first, second}
}

// same checks that an operation is as it was before.
func (t *trial) same(r rule, got, before *longrunningpb.Operation) {
	if !proto.Equal(got, before) {
		t.broken(r, "got %v, want it as it was: %v", got, before)
	}
}

// asGet checks that a method shows an operation as Get does. It was asked before
// too: if something changed meanwhile, then there is no telling.
func (t *trial) asGet(r rule, method string, shown, before *longrunningpb.Operation) {
	if after := t.get(shown.GetName()); proto.Equal(before, after) && !proto.Equal(shown, after) {
		t.broken(r, "%s shows %v, want what Get does: %v", method, shown, after)
	}
}

func operationBadEnd(t *trial) {
	finished, failed := t.start().GetName(), t.start().GetName()
	t.finish(finished)
	t.failWith(failed, aborted())
	for _, name := range []string{finished, failed} {
		for _, err := range t.endAgain(name) {
			st, ok := status.FromError(err)
			if err == nil || ok && st.Code() != codes.FailedPrecondition {
				t.fail("another end of %v: got error %v, want FAILED_PRECONDITION", t.get(name), err)
			}
		}
	}
}

func operationMetadata(t *trial) {
	op := t.start()
	url := op.GetMetadata().GetTypeUrl()
	t.finish(op.GetName())
	for _, seen := range []*longrunningpb.Operation{op, t.done(op.GetName())} {
		meta := seen.GetMetadata()
		if meta == nil {
			continue // it may come later, and need not come at all
		}
		if meta.GetTypeUrl() == "" || url != "" && meta.GetTypeUrl() != url {
			t.fail("got metadata of type %q, want a type, and always the same: it was %q", meta.GetTypeUrl(), url)
		}
		if _, err := meta.UnmarshalNew(); err != nil && meta.MessageName() != "" && linked(meta) {
			t.fail("got metadata that cannot be read as the type that it claims: %v", err)
		}
	}
}

// linked reports whether the type of an Any is known here.
func linked(a *anypb.Any) bool {
	_, err := (&anypb.Any{TypeUrl: a.GetTypeUrl()}).UnmarshalNew()
	return err == nil
}

func operationTimes(t *trial) {
	name := t.start().GetName()
	t.checkTimes(t.undone(name))
	t.finish(name)
	t.checkTimes(t.done(name))
}

// checkTimes looks at the fields of the metadata that AIP-142 gives a meaning, if
// its type is known here.
func (t *trial) checkTimes(op *longrunningpb.Operation) {
	msg, err := op.GetMetadata().UnmarshalNew()
	if op.GetMetadata() == nil || err != nil {
		return
	}
	created := timeIn(msg, "create_time")
	for _, field := range []protoreflect.Name{"create_time", "update_time", "end_time", "expire_time"} {
		at := timeIn(msg, field)
		if at == nil {
			continue
		}
		if err := at.CheckValid(); err != nil {
			t.fail("got metadata %v, whose %s is invalid: %v", msg, field, err)
		}
		if created != nil && at.AsTime().Before(created.AsTime()) {
			t.fail("got metadata %v, whose %s is before its create_time", msg, field)
		}
	}
}

// timeIn answers the Timestamp in a field; nil if there is none.
func timeIn(msg proto.Message, field protoreflect.Name) *timestamppb.Timestamp {
	m := msg.ProtoReflect()
	fd := m.Descriptor().Fields().ByName(field)
	if fd == nil || fd.IsList() || fd.Message() == nil || !m.Has(fd) {
		return nil
	}
	at, _ := m.Get(fd).Message().Interface().(*timestamppb.Timestamp)
	return at
}

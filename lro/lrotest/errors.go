package lrotest

import (
	"fmt"
	"regexp"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	ruleCanonical  rule = "errors: Every error has a canonical code that says something: not UNKNOWN, and none above 16 (AIP-193)."
	ruleMessage    rule = "errors: Every error has a message (AIP-193)."
	ruleErrorInfo  rule = "errors: Every error has exactly one ErrorInfo (AIP-193)."
	ruleReason     rule = "errors: The reason is of the form [A-Z][A-Z0-9_]+[A-Z0-9], at most 63 long, and there is a domain (AIP-193)."
	ruleOneOfAType rule = "errors: No detail type occurs twice in an error (AIP-193)."
	ruleRetryable  rule = "errors: What cannot succeed when it is repeated is not UNAVAILABLE, which clients repeat (AIP-194)."
)

func errorsCases() []testCase {
	return []testCase{
		{ruleCanonical, "", onEach(func(t *trial, what string, err error) { t.answerable(what, err) })},
		{ruleMessage, "", errorsMessages},
		{ruleErrorInfo, "", onEach(errorsInfo)},
		{ruleReason, "", onEach(errorsReason)},
		{ruleOneOfAType, "", onEach(errorsTypes)},
		{ruleRetryable, "", onEach(func(t *trial, what string, err error) { t.answerable(what, err) })},
	}
}

// answerable checks the code of an error that a request earned by itself,
// whichever code that is.
func (t *trial) answerable(what string, err error) {
	switch code := status.Code(err); {
	case code == codes.Unknown || code > codes.Unauthenticated:
		t.broken(ruleCanonical, "%s: got error %v of code %d, want one of 1 and 3 to 16 that says what is wrong", what, err, code)
	case code == codes.Unavailable:
		t.broken(ruleRetryable, "%s: got error %v, want a code that clients do not repeat", what, err)
	}
}

// onEach provokes errors of all kinds and checks each. That there are such errors
// is for the cases about what is called.
func onEach(check func(t *trial, what string, err error)) func(*trial) {
	return func(t *trial) {
		provoked := func(what string, err error) {
			if err != nil && t.carried(what, err) {
				check(t, what, err)
			}
		}
		name := t.start().GetName()
		t.each([]string{"", t.missing()}, func(_ rpc, what string, err error) { provoked(what, err) })
		for _, r := range t.supported(rpcs()) {
			if t.Stranger != nil {
				provoked(fmt.Sprintf("a stranger's %v", r), t.strange(r, t.asked(r, name)))
			}
			switch r.method {
			case longrunningpb.Operations_WaitOperation_FullMethodName:
				provoked("Wait with a negative timeout", t.waitNegative(name))
			case longrunningpb.Operations_CancelOperation_FullMethodName:
				done := t.start().GetName()
				t.finish(done)
				provoked("Cancel of a done operation", t.call(r, done))
			case longrunningpb.Operations_ListOperations_FullMethodName:
				for _, req := range []*longrunningpb.ListOperationsRequest{
					{PageSize: -1}, {PageToken: "garbage"}, {Filter: "(done"}, {ReturnPartialSuccess: true},
				} {
					req.Name = t.parentOf(name)
					_, err := t.list(req)
					provoked(fmt.Sprintf("List of %v", req), err)
				}
			}
		}
	}
}

func (t *trial) waitNegative(name string) error {
	ctx, stop := t.ctx()
	defer stop()
	_, err := t.Client.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(-1)})
	return err
}

// errorsMessages looks at the error of an operation too: the one that the server
// makes by itself.
func errorsMessages(t *trial) {
	onEach(errorsMessage)(t)
	if !t.supports(longrunningpb.Operations_CancelOperation_FullMethodName) {
		return
	}
	name := t.start().GetName()
	t.cancel(ruleCancelled, name)
	if st := t.cancelled(ruleCancelled, name).GetError(); st != nil && st.GetMessage() == "" {
		t.fail("got the error %v of an operation that was cancelled, want a message", st)
	}
}

func errorsMessage(t *trial, what string, err error) {
	if status.Convert(err).Message() == "" {
		t.fail("%s: got %v without a message, want one", what, status.Code(err))
	}
}

// infos answers the ErrorInfos of an error.
func infos(err error) []*errdetails.ErrorInfo {
	var all []*errdetails.ErrorInfo
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			all = append(all, info)
		}
	}
	return all
}

func errorsInfo(t *trial, what string, err error) {
	if got := infos(err); len(got) != 1 {
		t.fail("%s: got error %v with %d ErrorInfos, want exactly one", what, err, len(got))
	}
}

func errorsReason(t *trial, what string, err error) {
	reason := regexp.MustCompile(`^[A-Z][A-Z0-9_]+[A-Z0-9]$`)
	for _, info := range infos(err) {
		if len(info.GetReason()) > 63 || !reason.MatchString(info.GetReason()) || info.GetDomain() == "" {
			t.fail("%s: got an ErrorInfo with reason %q and domain %q, want a reason of that form and a domain", what, info.GetReason(), info.GetDomain())
		}
	}
}

func errorsTypes(t *trial, what string, err error) {
	seen := make(map[string]bool)
	for _, detail := range status.Convert(err).Proto().GetDetails() {
		if url := detail.GetTypeUrl(); seen[url] && !detail.MessageIs(&errdetails.ErrorInfo{}) { // of which there is one, by a rule of its own
			t.fail("%s: got %s twice in the details of %v, want it once", what, url, err)
		} else {
			seen[url] = true
		}
	}
}

package poller_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

type stringPoller = poller.Poller[*wrapperspb.StringValue]

// A bug is one that a client of google.longrunning has shipped, or a server in
// a way that clients fell over: what the server does, and what Wait makes of it.
type bug struct {
	polls, cancels, deletes []pollertest.Step
	noWait                  bool
	opts                    poller.Options                             // without jitter
	within                  time.Duration                              // of the context; default a day, so that what hangs ends too
	first                   func(*stringPoller, context.Context) error // before Wait
	want                    outcome                                    // of Wait
	at                      []time.Duration                            // when the calls start, since Wait was called; default one, at once
}

// The rules stand as the names. What belongs to one file of the package is
// tested there in its breadth.
var bugs = map[string]*bug{
	// What a result is.
	"a failure stored with code 0 is a failure": {
		polls: answers(failedWith(&spb.Status{Message: "boom"})),
		want:  operationFails(codes.Unknown, "boom"),
	},
	"done without a result is an end": {
		polls: answers(&longrunningpb.Operation{Name: name, Done: true}),
		want:  both(outcomeUnknown(codes.Unknown, name), is(poller.ErrNoResult)),
	},
	"a response of another type is an error that names both": {
		polls: answers(pollertest.Succeeded(name, progress(1))),
		want:  outcomeUnknown(codes.Unknown, "expected a response of type google.protobuf.StringValue", "google.protobuf.Int64Value"),
	},
	"a response that is broken is no success": {
		polls: answers(answered(&anypb.Any{TypeUrl: succeeded().GetResponse().GetTypeUrl(), Value: []byte{0xff}})),
		want:  outcomeUnknown(codes.Unknown, "decoding"),
	},
	"metadata of an unknown type does not fail the result": {
		polls: answers(withMetadata(succeeded(), notLinked())),
		want:  succeeds,
	},
	"an answer that is neither operation nor error is no state": {
		polls: []pollertest.Step{{}},
		want:  outcomeUnknown(codes.Internal, "neither an operation nor an error"),
	},

	// Whose failure it is.
	"a failed poll is not the operation's failure": {
		polls: []pollertest.Step{failing(codes.Aborted)},
		want:  outcomeUnknown(codes.Aborted, "WaitOperation"),
	},
	"an operation's failure is not a failed poll, whatever its code": {
		polls: answers(pollertest.Failed(name, status.Error(codes.Unavailable, "no disk"))),
		want:  operationFails(codes.Unavailable, "no disk"),
	},
	"an operation that was cancelled is no context that was": {
		polls: answers(pollertest.Failed(name, status.Error(codes.Canceled, "by its owner"))),
		want:  operationFails(codes.Canceled, "by its owner"),
	},
	"an operation that ran out of time is no context that did": {
		polls: answers(pollertest.Failed(name, status.Error(codes.DeadlineExceeded, "24 hours"))),
		want:  operationFails(codes.DeadlineExceeded, "24 hours"),
	},
	"a context that ended is no failed operation": {
		polls:  []pollertest.Step{{Operation: running(), Park: true}},
		within: 5 * time.Second,
		want:   both(outcomeUnknown(codes.DeadlineExceeded, "context ended"), is(context.DeadlineExceeded)),
	},
	"the deadlines of calls are not the caller's": {
		polls: []pollertest.Step{{Delay: time.Hour}, {Err: context.DeadlineExceeded}},
		opts:  poller.Options{MaxRetries: 1},
		want:  both(outcomeUnknown(codes.DeadlineExceeded, "gave up"), isNoContextError),
		at:    []time.Duration{0, 71 * time.Second},
	},
	"nor is a cancel on the way": {
		polls: []pollertest.Step{{Err: fmt.Errorf("GET /: %w", context.Canceled)}},
		want:  both(outcomeUnknown(codes.Canceled, "GET /"), isNoContextError),
	},

	// What a failure says.
	"the details of a failure survive": {
		polls: answers(pollertest.Failed(name, full(codes.ResourceExhausted))),
		want:  both(operationFails(codes.ResourceExhausted, "full"), hasDetails(1)),
	},
	"a detail of an unknown type takes no other along": {
		polls: answers(withUnknownDetail(pollertest.Failed(name, full(codes.ResourceExhausted)))),
		want:  both(operationFails(codes.ResourceExhausted, "full"), hasDetails(2)),
	},
	"the details of a failed poll survive": {
		polls: []pollertest.Step{{Err: full(codes.PermissionDenied)}},
		want:  both(outcomeUnknown(codes.PermissionDenied, "full"), hasDetails(1)),
	},

	// When to ask again.
	"one failed poll does not end Wait": {
		polls: []pollertest.Step{failing(codes.Unavailable), {Operation: succeeded()}},
		want:  succeeds,
		at:    []time.Duration{0, time.Second},
	},
	"one poll without an answer neither ends nor holds Wait": {
		polls: []pollertest.Step{{Delay: time.Hour}, {Operation: succeeded()}},
		want:  succeeds,
		at:    []time.Duration{0, 71 * time.Second},
	},
	"a wait that runs out is not the end": {
		polls: []pollertest.Step{{Operation: running(), Park: true}, {Operation: running(), Park: true}, {Operation: succeeded()}},
		want:  succeeds,
		at:    []time.Duration{0, time.Minute, 2 * time.Minute},
	},
	"a wait that runs out with an error is not the end": {
		polls: []pollertest.Step{{Err: status.Error(codes.DeadlineExceeded, "ran out"), Park: true}, {Operation: succeeded()}},
		want:  succeeds,
		at:    []time.Duration{0, 61 * time.Second},
	},
	"a wait that returns early is not spun on": {
		polls: repeat(3, pollertest.Step{Operation: running()}, pollertest.Step{Operation: succeeded()}),
		want:  succeeds,
		at:    []time.Duration{0, time.Second, 2500 * time.Millisecond, 4750 * time.Millisecond},
	},
	"a wait of less than a second is one": {
		polls: []pollertest.Step{{Operation: running(), Park: true}, {Operation: succeeded()}},
		opts:  poller.Options{LongPoll: 300 * time.Millisecond},
		want:  succeeds,
		at:    []time.Duration{0, 300 * time.Millisecond},
	},
	"a server without WaitOperation is polled": {
		noWait: true,
		polls:  []pollertest.Step{{Operation: running()}, {Operation: succeeded()}},
		want:   succeeds,
		at:     []time.Duration{0, 0, time.Second},
	},
	"an interval of nothing is not spun on": {
		polls: []pollertest.Step{{Operation: running(), Trailer: pollertest.RetryInfo(1)}, {Operation: succeeded()}},
		want:  succeeds,
		at:    []time.Duration{0, 100 * time.Millisecond},
	},
	"an interval of centuries does not hold Wait": {
		polls: []pollertest.Step{{Operation: running(), Trailer: pollertest.RetryInfo(1 << 62)}, {Operation: succeeded()}},
		want:  succeeds,
		at:    []time.Duration{0, 10 * time.Minute},
	},

	// What is known.
	"no pointer into the poller is handed out": {
		polls: answers(succeeded()),
		want: func(t *testing.T, p *stringPoller, res *wrapperspb.StringValue, err error) {
			succeeds(t, p, res, err)
			res.Value = "mine"
			op := p.Operation()
			op.Name, op.Done = "mine", false
			op.GetResponse().Value = nil
			res, err = p.Result()
			succeeds(t, p, res, err)
		},
	},
	"who saw the operation done is not told NOT_FOUND": {
		polls: []pollertest.Step{{Operation: succeeded()}, failing(codes.NotFound)},
		first: (*stringPoller).Poll,
		want: func(t *testing.T, p *stringPoller, res *wrapperspb.StringValue, err error) {
			succeeds(t, p, res, err)
			if err := p.Poll(t.Context()); err != nil {
				t.Errorf("Poll of a done operation: got error %v, want none", err)
			}
		},
	},
	"an operation that ends in spite of a cancel has succeeded": {
		cancels: []pollertest.Step{failing(codes.Unavailable), {}},
		polls:   []pollertest.Step{{Operation: succeeded()}},
		first:   (*stringPoller).Cancel,
		want:    succeeds,
		at:      []time.Duration{-time.Second, 0, 0},
	},
	"a Delete that was repeated and finds nothing has deleted": {
		deletes: []pollertest.Step{failing(codes.Unavailable), failing(codes.NotFound)},
		first:   (*stringPoller).Delete,
		want:    outcomeUnknown(codes.NotFound, "deleted"),
		at:      []time.Duration{-time.Second, 0, 0},
	},
}

func TestBugsOfOthers(t *testing.T) {
	t.Parallel()
	for rule, b := range bugs {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &pollertest.Client{Polls: b.polls, Cancels: b.cancels, Deletes: b.deletes, NoWait: b.noWait}
				opts := b.opts
				opts.BackoffJitter = -1
				p := poller.Resume[*wrapperspb.StringValue](c, name, &opts)
				if b.first != nil {
					if err := b.first(p, t.Context()); err != nil {
						t.Fatalf("the call before Wait: got error %v, want none", err)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(b.within, 24*time.Hour))
				defer cancel()
				began := time.Now()
				res, err := p.Wait(ctx)
				b.want(t, p, res, err)
				want := b.at
				if want == nil {
					want = []time.Duration{0}
				}
				if got := starts(c.Calls(), began); !slices.Equal(got, want) {
					t.Errorf("got calls %v at %v, want them at %v", methods(c.Calls()), got, want)
				}
			})
		})
	}
}

func answers(op *longrunningpb.Operation) []pollertest.Step {
	return []pollertest.Step{{Operation: op}}
}

func withMetadata(op *longrunningpb.Operation, meta *anypb.Any) *longrunningpb.Operation {
	op.Metadata = meta
	return op
}

func withUnknownDetail(op *longrunningpb.Operation) *longrunningpb.Operation {
	s := op.GetError()
	s.Details = slices.Insert(s.GetDetails(), 0, notLinked())
	return op
}

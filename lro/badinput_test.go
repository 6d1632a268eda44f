package lro_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A badCase gives a Manager what it should never get, and checks the answer.
type badCase struct {
	name     string
	handler  printFunc // of requests that say "bad"
	capacity int       // default 1, so that a slot that leaks is missed
	test     func(t *testing.T, p *badProcess)
}

// A badProcess is a process with a handler that may misbehave.
type badProcess struct {
	*process
	log *logbook
	ran atomic.Int64 // bad handlers started
}

// maxPayload is Options.MaxPayload in these tests; big is over it, and a message
// with invalid in it cannot be marshalled.
const (
	maxPayload = 1000
	invalid    = "secret \xff"
)

func big() string { return strings.Repeat("secret ", maxPayload) }

// TestBadInput: whatever comes in has a defined, clear answer, nothing hangs,
// and the Manager works on.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Concat(badNames(), badMessages(), badLists(), badTaskCalls(), badHandlers()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &badProcess{log: new(logbook)}
				p.process = setup(t, memstore.New(), func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
					if req.GetText() != "bad" {
						return echo(ctx, task, req)
					}
					p.ran.Add(1)
					return c.handler(ctx, task, req)
				}, &lro.Options{Capacity: max(1, c.capacity), MaxPayload: maxPayload, Logger: p.log.logger()}, nil)
				c.test(t, p)
				if res := responseOf[*testpb.PrintResponse](t, p.endSoon(p.start("good", nil))); res.GetText() != "good" {
					t.Errorf("afterwards an operation answered %v; want the Manager to work as before", res)
				}
			})
		})
	}
}

// endSoon is end for an operation that must not take longer than some minutes.
func (p *badProcess) endSoon(name string) *longrunningpb.Operation {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Minute)
	defer cancel()
	op, err := p.Wait(ctx, name)
	if err != nil || !op.GetDone() {
		p.t.Fatalf("after five minutes the operation is %v, %v; want it to have ended", op, err)
	}
	return op
}

// endBad runs the bad handler once and answers how its operation ended.
func (p *badProcess) endBad() *longrunningpb.Operation {
	p.t.Helper()
	op := p.endSoon(p.start("bad", nil))
	if got := p.ran.Load(); got != 1 {
		p.t.Errorf("the handler ran %d times; want once: its end is no reason for another attempt", got)
	}
	return op
}

func badNames() []badCase {
	answers := func(code codes.Code, reason, part string, names ...string) func(*testing.T, *badProcess) {
		return func(t *testing.T, p *badProcess) {
			for _, name := range names {
				for _, call := range byNameCalls(p.process) {
					wantRefusal(t, call.what, call.do(t.Context(), name), code, reason, part)
				}
			}
		}
	}
	return []badCase{
		{name: "an empty name", test: answers(codes.InvalidArgument, "INVALID_ARGUMENT", "empty", "")},
		{name: "a malformed name", test: answers(codes.InvalidArgument, "INVALID_ARGUMENT", "{parent}/operations/{id}", "x", "operations/", "a/b/c")},
		{name: "an unknown name", test: answers(codes.NotFound, "OPERATION_NOT_FOUND", "operations/none", "operations/none", "projects/p1/operations/none")},
		{name: "control characters in a name", test: answers(codes.InvalidArgument, "INVALID_ARGUMENT", "control character", "operations/a\nb", "operations/\x00", "a\x7f/operations/b", "operations/\u0085")},
		{name: "invalid UTF-8 in a name", test: answers(codes.InvalidArgument, "INVALID_ARGUMENT", "UTF-8", "operations/\xff", "\xc0\x80/operations/x")},
		{name: "control characters and invalid UTF-8 in a parent", test: func(t *testing.T, p *badProcess) {
			for parent, part := range map[string]string{"projects/\n": "control character", "\x00": "control character", "projects/\xff": "UTF-8"} {
				for what, err := range startErrors(t, p, parent, "") {
					wantRefusal(t, what, err, codes.InvalidArgument, "INVALID_ARGUMENT", "parent", part)
				}
				for op, err := range p.List(t.Context(), parent, nil) {
					wantRefusal(t, "List "+op.GetName(), err, codes.InvalidArgument, "INVALID_ARGUMENT", "parent", part)
				}
				_, err := lro.NewServer(p.Manager, lro.AllowAll, nil).ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: parent})
				wantRefusal(t, "ListOperations", err, codes.InvalidArgument, "INVALID_ARGUMENT", "parent", part)
			}
		}},
		{name: "control characters, invalid UTF-8 and length in a request id", test: func(t *testing.T, p *badProcess) {
			for id, part := range map[string]string{"\n": "control character", "a\x00": "control character", "\xff": "UTF-8", strings.Repeat("x", 129): "129 bytes"} {
				for what, err := range startErrors(t, p, "", id) {
					wantRefusal(t, what, err, codes.InvalidArgument, "INVALID_ARGUMENT", "request id", part)
				}
			}
		}},
	}
}

// startErrors are the answers of everything that starts an operation.
func startErrors(t *testing.T, p *badProcess, parent, requestID string) map[string]error {
	t.Helper()
	opts := &lro.StartOptions{Parent: parent, RequestID: requestID}
	_, start := p.print.Start(t.Context(), &testpb.PrintRequest{}, opts)
	_, startDone := p.print.StartDone(t.Context(), &testpb.PrintRequest{}, &testpb.PrintResponse{}, opts)
	_, create := p.Create(t.Context(), &lro.CreateOptions{Parent: parent, RequestID: requestID})
	return map[string]error{"Start": start, "StartDone": startDone, "Create": create}
}

func badMessages() []badCase {
	return []badCase{
		{name: "a nil request", test: func(t *testing.T, p *badProcess) {
			_, err := p.print.Start(t.Context(), nil, nil)
			wantRefusal(t, "Start", err, codes.InvalidArgument, "INVALID_ARGUMENT", "nil", testpb.Library_Print_FullMethodName)
			_, err = p.print.StartDone(t.Context(), nil, &testpb.PrintResponse{}, nil)
			wantRefusal(t, "StartDone", err, codes.InvalidArgument, "INVALID_ARGUMENT", "nil")
			s := lro.NewServer(p.Manager, lro.AllowAll, nil)
			_, get := s.GetOperation(t.Context(), nil)
			_, list := s.ListOperations(t.Context(), nil)
			_, wait := s.WaitOperation(t.Context(), nil)
			_, cancel := s.CancelOperation(t.Context(), nil)
			_, remove := s.DeleteOperation(t.Context(), nil)
			for what, err := range map[string]error{"Get": get, "List": list, "Wait": wait, "Cancel": cancel, "Delete": remove} {
				wantRefusal(t, what, err, codes.InvalidArgument, "INVALID_ARGUMENT", "name is empty")
			}
		}},
		{name: "a nil response, error or metadata", test: func(t *testing.T, p *badProcess) {
			name := p.external()
			_, startDone := p.print.StartDone(t.Context(), &testpb.PrintRequest{}, nil, nil)
			_, start := p.print.Start(t.Context(), &testpb.PrintRequest{}, &lro.StartOptions{Metadata: (*testpb.PrintMetadata)(nil)})
			for what, err := range map[string]error{
				"StartDone":                   startDone,
				"Start with metadata":         start,
				"Complete":                    p.Complete(t.Context(), name, nil),
				"Complete with a nil pointer": p.Complete(t.Context(), name, (*testpb.PrintResponse)(nil)),
				"Report":                      p.Report(t.Context(), name, nil),
				"Report of a nil pointer":     p.Report(t.Context(), name, (*testpb.PrintMetadata)(nil)),
			} {
				wantRefusal(t, what, err, codes.InvalidArgument, "INVALID_ARGUMENT", "nil")
			}
			wantRefusal(t, "Fail", p.Fail(t.Context(), name, nil), codes.InvalidArgument, "INVALID_ARGUMENT", "use Complete")
			p.wantOpen(name)
		}},
		{name: "a response or metadata of another type", handler: untilCancelled, test: func(t *testing.T, p *badProcess) {
			name := p.start("bad", nil)
			_, start := p.print.Start(t.Context(), &testpb.PrintRequest{}, &lro.StartOptions{Metadata: &testpb.Book{}})
			for what, err := range map[string]error{
				"Complete":            p.Complete(t.Context(), name, &testpb.Book{}),
				"Start with metadata": start,
				"Report":              p.Report(t.Context(), name, &testpb.Book{}),
			} {
				wantRefusal(t, what, err, codes.InvalidArgument, "INVALID_ARGUMENT", "lro.test.v1.Book", testpb.Library_Print_FullMethodName, "lro.test.v1.Print")
			}
			wantRefusal(t, "Complete of another method's operation", p.print.Complete(t.Context(), p.external(), &testpb.PrintResponse{}),
				codes.InvalidArgument, "INVALID_ARGUMENT", testpb.Library_Print_FullMethodName)
			p.wantOpen(name)
			if err := p.print.Complete(t.Context(), name, &testpb.PrintResponse{}); err != nil {
				t.Errorf("Complete with the right type: %v", err)
			}
		}},
		{name: "invalid UTF-8 in a message", test: func(t *testing.T, p *badProcess) {
			p.wantRefused(invalid, codes.InvalidArgument, "INVALID_ARGUMENT", "UTF-8")
		}},
		{name: "a payload over the cap", test: func(t *testing.T, p *badProcess) {
			p.wantRefused(big(), codes.InvalidArgument, "PAYLOAD_TOO_LARGE", "bytes", "1000")
		}},
	}
}

// external creates an operation that nobody ends.
func (p *badProcess) external() string {
	p.t.Helper()
	op, err := p.Create(p.t.Context(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return op.GetName()
}

// wantOpen checks that nothing has ended or changed an operation.
func (p *badProcess) wantOpen(name string) {
	p.t.Helper()
	if op, err := p.Get(p.t.Context(), name); err != nil || !proto.Equal(op, &longrunningpb.Operation{Name: name}) {
		p.t.Errorf("the operation is %v, %v; want it as it was", op, err)
	}
}

// wantRefused checks that text is refused in every message that a call takes.
func (p *badProcess) wantRefused(text string, code codes.Code, reason string, parts ...string) {
	p.t.Helper()
	name := p.external()
	ctx := p.t.Context()
	_, request := p.print.Start(ctx, &testpb.PrintRequest{Text: text}, nil)
	_, metadata := p.print.Start(ctx, &testpb.PrintRequest{}, &lro.StartOptions{Metadata: &testpb.PrintMetadata{Stage: text}})
	_, dry := p.print.Start(ctx, &testpb.PrintRequest{Text: text}, &lro.StartOptions{ValidateOnly: true})
	_, response := p.print.StartDone(ctx, &testpb.PrintRequest{}, &testpb.PrintResponse{Text: text}, nil)
	_, create := p.Create(ctx, &lro.CreateOptions{Metadata: &testpb.PrintMetadata{Stage: text}})
	for what, answer := range map[string]struct {
		err   error
		field string
	}{
		"request":                {request, "request"},
		"request, validate only": {dry, "request"},
		"metadata":               {metadata, "metadata"},
		"metadata of Create":     {create, "metadata"},
		"response of StartDone":  {response, "response"},
		"response of Complete":   {p.Complete(ctx, name, &testpb.PrintResponse{Text: text}), "response"},
		"metadata of Report":     {p.Report(ctx, name, &testpb.PrintMetadata{Stage: text}), "metadata"},
	} {
		wantRefusal(p.t, what, answer.err, code, reason, append(parts, answer.field)...)
		if answer.err != nil && strings.Contains(answer.err.Error(), "secret") {
			p.t.Errorf("%s: the answer quotes the payload: %.200q", what, answer.err)
		}
	}
	p.wantOpen(name)
	for op, err := range p.List(ctx, "", nil) {
		if op.GetName() != name || err != nil {
			p.t.Errorf("%v, %v is stored; want nothing", op, err)
		}
	}
}

func badLists() []badCase {
	list := func(p *badProcess, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
		req.Name = "projects/p1"
		return lro.NewServer(p.Manager, lro.AllowAll, nil).ListOperations(p.t.Context(), req)
	}
	return []badCase{
		{name: "a negative page size", test: func(t *testing.T, p *badProcess) {
			for _, size := range []int32{-1, -1 << 31} {
				_, err := list(p, &longrunningpb.ListOperationsRequest{PageSize: size})
				wantRefusal(t, "ListOperations", err, codes.InvalidArgument, "INVALID_ARGUMENT", "page size", "negative")
			}
		}},
		{name: "a huge page size", test: func(t *testing.T, p *badProcess) {
			p.fill("projects/p1", 1001)
			resp, err := list(p, &longrunningpb.ListOperationsRequest{PageSize: 1<<31 - 1})
			if err != nil || len(resp.GetOperations()) != 1000 || resp.GetNextPageToken() == "" {
				t.Errorf("ListOperations answered %d operations, token %q, %v; want the 1000 that are allowed, and more to come",
					len(resp.GetOperations()), resp.GetNextPageToken(), err)
			}
		}},
		{name: "a tampered page token", test: func(t *testing.T, p *badProcess) {
			p.fill("projects/p1", 2)
			resp, err := list(p, &longrunningpb.ListOperationsRequest{PageSize: 1})
			if err != nil {
				t.Fatal(err)
			}
			token := []byte(resp.GetNextPageToken())
			for i := range token {
				other := slices.Clone(token)
				other[i] = 'A' + ('Z'-other[i])%26
				_, err := list(p, &longrunningpb.ListOperationsRequest{PageToken: string(other)})
				wantRefusal(t, "ListOperations", err, codes.InvalidArgument, "INVALID_PAGE_TOKEN", "page token", "without one")
			}
			for _, token := range []string{"x", "%", invalid, big()} {
				_, err := list(p, &longrunningpb.ListOperationsRequest{PageToken: token})
				wantRefusal(t, "ListOperations", err, codes.InvalidArgument, "INVALID_PAGE_TOKEN", "page token", "without one")
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("the answer quotes the token: %.200q", err)
				}
			}
		}},
	}
}

package lro_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// retryInfo is the trailer with the recommended poll interval.
const retryInfo = "google.rpc.retryinfo-bin"

// An rpc calls one method of google.longrunning.Operations for a name.
type rpc struct {
	verb lro.Verb
	call func(ctx context.Context, c longrunningpb.OperationsClient, name string, opts ...grpc.CallOption) error
}

func rpcs() []rpc {
	return []rpc{
		{lro.VerbGet, func(ctx context.Context, c longrunningpb.OperationsClient, name string, opts ...grpc.CallOption) error {
			_, err := c.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name}, opts...)
			return err
		}},
		{lro.VerbList, func(ctx context.Context, c longrunningpb.OperationsClient, name string, opts ...grpc.CallOption) error {
			_, err := c.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: name, PageSize: -1, PageToken: "x", Filter: "("}, opts...)
			return err
		}},
		{lro.VerbWait, func(ctx context.Context, c longrunningpb.OperationsClient, name string, opts ...grpc.CallOption) error {
			_, err := c.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(-time.Second)}, opts...)
			return err
		}},
		{lro.VerbCancel, func(ctx context.Context, c longrunningpb.OperationsClient, name string, opts ...grpc.CallOption) error {
			_, err := c.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: name}, opts...)
			return err
		}},
		{lro.VerbDelete, func(ctx context.Context, c longrunningpb.OperationsClient, name string, opts ...grpc.CallOption) error {
			_, err := c.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: name}, opts...)
			return err
		}},
	}
}

// TestRefused: who may not is told so before anything is validated or read, and
// cannot tell an operation that exists from one that does not (AIP-211).
func TestRefused(t *testing.T) {
	t.Parallel()
	service, err := status.New(codes.Unauthenticated, "log in first").WithDetails(&errdetails.ErrorInfo{Reason: "NO_TOKEN", Domain: "books.example"})
	if err != nil {
		t.Fatal(err)
	}
	neutral := func(t *testing.T, what string, err error) {
		t.Helper()
		wantRefusal(t, what, err, codes.PermissionDenied, "PERMISSION_DENIED", "permission denied")
	}
	verbatim := func(t *testing.T, what string, err error) {
		t.Helper()
		if !proto.Equal(status.Convert(err).Proto(), service.Proto()) {
			t.Errorf("%s answered %v; want the Authorizer's status as it is, and no more: %v", what, status.Convert(err).Proto(), service.Proto())
		}
	}
	for _, c := range []struct {
		name   string
		refuse func(lro.Access) error
		want   func(*testing.T, string, error)
	}{
		{"a plain error", func(a lro.Access) error { return fmt.Errorf("secret rule 7 forbids %q", a.Name) }, neutral},
		{"a status", func(lro.Access) error { return service.Err() }, verbatim},
		{"a wrapped status", func(a lro.Access) error { return fmt.Errorf("secret rule 7 for %q: %w", a.Name, service.Err()) }, verbatim},
		{"an error of code OK", func(lro.Access) error { return okError{} }, neutral},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				st := newFlaky()
				p := setup(t, st, untilCancelled, nil, nil)
				running := p.start("x", &lro.StartOptions{Parent: "projects/p1"})
				client := longrunningpb.NewOperationsClient(p.dial(func(_ context.Context, a lro.Access) error { return c.refuse(a) }, nil))
				synctest.Wait() // until hints have been followed up
				st.set(func(f *flaky) {
					f.get = func(_ context.Context, names ...string) ([]*store.Record, error) {
						t.Errorf("%v was read, though refused", names)
						return nil, nil
					}
				})
				for _, rpc := range rpcs() {
					var first []byte
					for _, name := range []string{running, "projects/p1/operations/none", "projects/p1", "", "//", "\n", strings.Repeat("x", 3000)} {
						what := fmt.Sprintf("%v of %.40q", rpc.verb, name)
						var trailer metadata.MD
						err := rpc.call(t.Context(), client, name, grpc.Trailer(&trailer))
						c.want(t, what, err)
						got, marshalErr := proto.MarshalOptions{Deterministic: true}.Marshal(status.Convert(err).Proto())
						if marshalErr != nil {
							t.Fatal(marshalErr)
						}
						if first == nil {
							first = got
						}
						if !slices.Equal(got, first) || len(trailer.Get(retryInfo)) > 0 {
							t.Errorf("%s answered %.200q; want byte for byte what an existing operation gets: %.200q", what, got, first)
						}
						if t.Failed() {
							return
						}
					}
				}
				st.set(func(f *flaky) { f.get = nil })
				if op, err := p.Get(t.Context(), running); err != nil || op.GetDone() {
					t.Errorf("after refusals the operation is %v, %v; want it untouched", op, err)
				}
			})
		})
	}
}

// okError claims to be no error.
type okError struct{}

func (okError) Error() string              { return "secret success" }
func (okError) GRPCStatus() *status.Status { return status.New(codes.OK, "secret success") }

// TestAccess: the Authorizer learns the verb, the name as given and the parent
// in it.
func TestAccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		var mu sync.Mutex
		var asked []lro.Access
		client := longrunningpb.NewOperationsClient(p.dial(func(_ context.Context, a lro.Access) error {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, a)
			return errors.New("no")
		}, nil))
		for _, rpc := range rpcs() {
			for name, parent := range map[string]string{
				"operations/1":                                 "",
				"projects/acme/operations/1":                   "projects/acme",
				"projects/acme-evil/locations/eu/operations/1": "projects/acme-evil/locations/eu",
				"projects/acme/operations":                     "",
				"projects//acme/operations/1":                  "",
			} {
				want := lro.Access{Verb: rpc.verb, Name: name, Parent: parent}
				if rpc.verb == lro.VerbList {
					want.Name, want.Parent = "", name
				}
				_ = rpc.call(t.Context(), client, name)
				if got := asked[len(asked)-1]; got != want {
					t.Errorf("%v of %q asked %+v; want %+v", rpc.verb, name, got, want)
				}
			}
		}
		asked = nil
		_, _ = client.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: "operations"})
		if want := (lro.Access{Verb: lro.VerbList}); len(asked) != 1 || asked[0] != want {
			t.Errorf(`List of "operations" asked %+v; want %+v`, asked, want)
		}
	})
}

// TestVerbs: their texts, and that the zero Verb is none of them.
func TestVerbs(t *testing.T) {
	t.Parallel()
	for verb, want := range map[lro.Verb]string{
		0: "Verb(0)", lro.VerbGet: "Get", lro.VerbList: "List", lro.VerbWait: "Wait", lro.VerbCancel: "Cancel", lro.VerbDelete: "Delete", 99: "Verb(99)",
	} {
		if got := verb.String(); got != want {
			t.Errorf("Verb %d reads %q; want %q", int(verb), got, want)
		}
	}
}

// TestServer: the five methods over gRPC, on an operation from its start to
// after its end.
func TestServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		client := longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, nil))
		started, err := p.print.Start(t.Context(), &testpb.PrintRequest{}, &lro.StartOptions{Parent: "projects/p1", Metadata: &testpb.PrintMetadata{Stage: "queued"}})
		if err != nil {
			t.Fatal(err)
		}
		name := started.GetName()
		op, err := client.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name})
		if err != nil || !proto.Equal(op, started) {
			t.Errorf("GetOperation answered %v, %v; want %v", op, err, started)
		}
		page, err := client.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: "projects/p1"})
		if err != nil || len(page.GetOperations()) != 1 || !proto.Equal(page.GetOperations()[0], started) {
			t.Errorf("ListOperations answered %v, %v; want %v", page, err, started)
		}
		for range 2 {
			if _, err := client.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name}); err != nil {
				t.Errorf("CancelOperation: %v; want nil, twice too", err)
			}
			op, err = client.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name})
			if err != nil {
				t.Errorf("WaitOperation: %v", err)
			}
			wantFailure(t, op, codes.Canceled, "OPERATION_CANCELLED", "cancelled")
		}
		if _, err := client.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: name}); err != nil {
			t.Errorf("DeleteOperation: %v", err)
		}
		for _, rpc := range rpcs() {
			if rpc.verb == lro.VerbList || rpc.verb == lro.VerbWait {
				continue // these rpcs carry other faults too
			}
			wantRefusal(t, rpc.verb.String()+" after Delete", rpc.call(t.Context(), client, name), codes.NotFound, "OPERATION_NOT_FOUND", name)
		}
		_, err = client.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name})
		wantRefusal(t, "Wait after Delete", err, codes.NotFound, "OPERATION_NOT_FOUND", name)
		page, err = client.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: "projects/p1"})
		if err != nil || len(page.GetOperations()) != 0 {
			t.Errorf("ListOperations after Delete answered %v, %v; want nothing", page, err)
		}
	})
}

// TestUnreadable: a record that cannot be decoded is an error without internals.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		if _, err := st.Create(t.Context(), &store.Record{Name: "operations/1", ID: "1", State: store.External, Metadata: []byte("\xff secret")}); err != nil {
			t.Fatal(err)
		}
		p := setup(t, st, echo, nil, nil)
		client := longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, nil))
		_, err := client.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: "operations/1"})
		wantRefusal(t, "GetOperation", err, codes.DataLoss, "INTERNAL", `"operations/1"`)
		_, err = p.Get(t.Context(), "operations/1")
		wantRefusal(t, "Manager.Get", err, codes.DataLoss, "INTERNAL", `"operations/1"`)
	})
}

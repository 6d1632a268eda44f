package lro_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A tenant's operations live in projects/{tenant} and below.
func tenantOf(ctx context.Context) string {
	return strings.Join(metadata.ValueFromIncomingContext(ctx, "tenant"), ",")
}

func ownTenantOnly(ctx context.Context, a lro.Access) error {
	own := "projects/" + tenantOf(ctx)
	if a.Parent == own || strings.HasPrefix(a.Parent, own+"/") {
		return nil
	}
	return errors.New("another tenant's")
}

// A witness is a store that remembers what it was asked for.
type witness struct {
	*memstore.Store
	mu    sync.Mutex
	calls []string
}

func (w *witness) saw(call string, of ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, fmt.Sprintf("%s %q", call, of))
}

// take answers the calls since the last take.
func (w *witness) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

func (w *witness) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	w.saw("Create", rec.Name)
	return w.Store.Create(ctx, rec)
}

func (w *witness) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	w.saw("Get", names...)
	return w.Store.Get(ctx, names...)
}

func (w *witness) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	w.saw("Update", rec.Name)
	return w.Store.Update(ctx, rec)
}

func (w *witness) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	parent := q.Parent
	if q.AllParents {
		parent = "all parents"
	}
	w.saw("List", parent)
	return w.Store.List(ctx, q)
}

func (w *witness) Secret(ctx context.Context) ([]byte, error) {
	w.saw("Secret")
	return w.Store.Secret(ctx)
}

// A target is what tenant a asks for: an operation by name, or the list of a
// parent; and what comes of it.
type target struct {
	kind               string
	operation, parent  string
	byName, list, page codes.Code // page: the list, with a page token of tenant b
}

// targets answers all kinds, for operations of tenant a and b.
func targets(own, other string) []target {
	id := other[strings.LastIndexByte(other, '/')+1:]
	const (
		ok      = codes.OK
		denied  = codes.PermissionDenied
		invalid = codes.InvalidArgument
		missing = codes.NotFound
	)
	return []target{
		{"other", other, "projects/b", denied, denied, denied},
		{"other, missing", "projects/b/operations/none", "projects/none", denied, denied, denied},
		{"other that begins alike", "projects/a-evil/operations/1", "projects/a-evil", denied, denied, denied},
		{"default parent", "operations/" + id, "operations", denied, denied, denied},
		{"empty", "", "", denied, denied, denied},
		{"malformed", "projects/b//operations/" + id, "projects/b/", denied, denied, denied},
		{"malformed, own", "projects/a//operations/" + id, "projects/a/", denied, invalid, invalid},
		{"a slash before", "/" + other, "/projects/a", denied, denied, denied},
		{"no operation", "projects/a", "projects/b/operations", denied, denied, denied},
		{"a control character", "projects/b\n/operations/" + id, "projects/b\n", denied, denied, denied},
		{"../", "projects/a/../b/operations/" + id, "projects/a/../b", denied, invalid, invalid},
		{"../ in the id", "projects/a/operations/../../b/operations/" + id, "../projects/b", denied, denied, denied},
		{"%2F", "projects/a%2F..%2Fb/operations/" + id, "projects%2Fb", denied, denied, denied},
		{"%2F below own", "projects/a/..%2Fb/operations/" + id, "projects/a/..%2Fb", missing, ok, invalid},
		{"wildcard", "projects/-/operations/" + id, "projects/-", denied, denied, denied},
		{"wildcards", "-/-/operations/-", "-/-", denied, denied, denied},
		{"own, missing", "projects/a/operations/none", "projects/a/none", missing, ok, invalid},
		{"own", own, "projects/a", ok, ok, invalid},
	}
}

// A tenantCall is a method of google.longrunning.Operations as a tenant calls
// it. It answers the names that it was shown.
type tenantCall struct {
	name string
	call func(context.Context, longrunningpb.OperationsClient, target, ...grpc.CallOption) ([]string, error)
	want func(target) codes.Code
}

// tenantCalls ends with those that change something. The sixth is a list that is
// continued with a token of another tenant. (The service's own methods are not
// here: what keeps an earlier operation of a request id from who may not Get it
// is StartOptions.Authorize, and TestRequestIDAuthorize.)
func tenantCalls(foreignToken string) []tenantCall {
	list := func(token string) func(context.Context, longrunningpb.OperationsClient, target, ...grpc.CallOption) ([]string, error) {
		return func(ctx context.Context, c longrunningpb.OperationsClient, to target, opts ...grpc.CallOption) ([]string, error) {
			page, err := c.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: to.parent, PageToken: token}, opts...)
			return namesOf(page.GetOperations()), err
		}
	}
	byName := func(to target) codes.Code { return to.byName }
	return []tenantCall{
		{"Get", func(ctx context.Context, c longrunningpb.OperationsClient, to target, opts ...grpc.CallOption) ([]string, error) {
			op, err := c.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: to.operation}, opts...)
			return []string{op.GetName()}, err
		}, byName},
		{"List", list(""), func(to target) codes.Code { return to.list }},
		{"List with a token of another tenant", list(foreignToken), func(to target) codes.Code { return to.page }},
		{"Wait", func(ctx context.Context, c longrunningpb.OperationsClient, to target, opts ...grpc.CallOption) ([]string, error) {
			op, err := c.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: to.operation, Timeout: durationpb.New(0)}, opts...)
			return []string{op.GetName()}, err
		}, byName},
		{"Cancel", func(ctx context.Context, c longrunningpb.OperationsClient, to target, opts ...grpc.CallOption) ([]string, error) {
			_, err := c.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: to.operation}, opts...)
			return nil, err
		}, byName},
		{"Delete", func(ctx context.Context, c longrunningpb.OperationsClient, to target, opts ...grpc.CallOption) ([]string, error) {
			_, err := c.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: to.operation}, opts...)
			return nil, err
		}, byName},
	}
}

// TestTenants: a tenant reaches its own operations and no others by any method
// and any spelling. Whatever it is refused, it is told the same, byte for byte
// (AIP-211), and nothing is read for it.
func TestTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &witness{Store: memstore.New()}
		p := setup(t, st, untilCancelled, nil, &lro.MethodOptions{PollInterval: time.Second})
		own := p.start("x", &lro.StartOptions{Parent: "projects/a"})
		other := p.start("x", &lro.StartOptions{Parent: "projects/b"})
		p.fill("projects/b", 2)
		p.fill("projects/a-evil", 1)
		client := longrunningpb.NewOperationsClient(p.dial(ownTenantOnly, &lro.ServerOptions{Caller: tenantOf}))
		as := func(tenant string) context.Context {
			return metadata.AppendToOutgoingContext(t.Context(), "tenant", tenant)
		}
		page, err := client.ListOperations(as("b"), &longrunningpb.ListOperationsRequest{Name: "projects/b", PageSize: 1})
		if err != nil || page.GetNextPageToken() == "" {
			t.Fatalf("tenant b's own list answered %v, %v; want a page with a token", page, err)
		}

		var refusal string
		for _, call := range tenantCalls(page.GetNextPageToken()) {
			for _, to := range targets(own, other) {
				what := fmt.Sprintf("%s of %s (%q, %q)", call.name, to.kind, to.operation, to.parent)
				synctest.Wait() // until hints have been followed up
				st.take()
				var header, trailer metadata.MD
				shown, err := call.call(as("a"), client, to, grpc.Header(&header), grpc.Trailer(&trailer))
				if got, want := status.Code(err), call.want(to); got != want {
					t.Errorf("%s answered %v (%v); want %v", what, got, err, want)
				}
				read := st.take()
				if status.Code(err) == codes.PermissionDenied {
					got := onTheWire(t, err, header, trailer)
					if refusal == "" {
						refusal = got
					}
					if got != refusal {
						t.Errorf("%s answered %q; want byte for byte what every refusal says: %q", what, got, refusal)
					}
					if len(read) > 0 {
						t.Errorf("%s was refused after %v; want nothing to be read", what, read)
					}
				}
				for _, name := range shown {
					if err == nil && !strings.HasPrefix(name, "projects/a/") {
						t.Errorf("%s showed %q to tenant a", what, name)
					}
				}
				for _, read := range read {
					if !strings.Contains(read, `["projects/a/`) && !strings.Contains(read, `["projects/a"]`) && read != "Secret []" {
						t.Errorf("%s made the call %s of the store; want none that is not about tenant a", what, read)
					}
				}
			}
		}
		if op, err := p.Get(t.Context(), other); err != nil || op.GetDone() {
			t.Errorf("in the end tenant b's operation is %v, %v; want it untouched", op, err)
		}
	})
}

// onTheWire is all that a caller sees of an error.
func onTheWire(t *testing.T, err error, header, trailer metadata.MD) string {
	t.Helper()
	b, marshalErr := proto.MarshalOptions{Deterministic: true}.Marshal(status.Convert(err).Proto())
	if marshalErr != nil {
		t.Fatal(marshalErr)
	}
	return fmt.Sprintf("%s %v %v", b, header, trailer)
}

package lro_test

import (
	"context"
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

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestLocalClient: a call without a socket answers what one over gRPC does:
// message, status and trailer.
func TestLocalClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, &lro.MethodOptions{PollInterval: 7 * time.Second})
		done := p.fill("projects/p1", 3)[0]
		running := p.start("x", &lro.StartOptions{Parent: "projects/p1", Metadata: &testpb.PrintMetadata{Stage: "queued"}})
		deleted := p.fill("projects/p1", 1)[0]
		if err := p.Delete(t.Context(), deleted); err != nil {
			t.Fatal(err)
		}
		local := p.LocalClient()
		remote := longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, nil))
		type call = func(longrunningpb.OperationsClient, ...grpc.CallOption) (proto.Message, error)
		get := func(name string) call {
			return func(c longrunningpb.OperationsClient, opts ...grpc.CallOption) (proto.Message, error) {
				return c.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name}, opts...)
			}
		}
		wait := func(name string, timeout time.Duration) call {
			return func(c longrunningpb.OperationsClient, opts ...grpc.CallOption) (proto.Message, error) {
				return c.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(timeout)}, opts...)
			}
		}
		list := func(req *longrunningpb.ListOperationsRequest) call {
			return func(c longrunningpb.OperationsClient, opts ...grpc.CallOption) (proto.Message, error) {
				return c.ListOperations(t.Context(), req, opts...)
			}
		}
		cancel := func(name string) call {
			return func(c longrunningpb.OperationsClient, opts ...grpc.CallOption) (proto.Message, error) {
				return c.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name}, opts...)
			}
		}
		remove := func(name string) call {
			return func(c longrunningpb.OperationsClient, opts ...grpc.CallOption) (proto.Message, error) {
				return c.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: name}, opts...)
			}
		}
		for _, c := range []struct {
			what string
			call call
		}{
			{"Get of a done one", get(done)},
			{"Get of a running one", get(running)},
			{"Get of a missing one", get("operations/none")},
			{"Get of a malformed name", get("none")},
			{"Wait for a done one", wait(done, time.Hour)},
			{"Wait for a running one", wait(running, time.Second)},
			{"Wait with a negative timeout", wait(running, -time.Second)},
			{"List", list(&longrunningpb.ListOperationsRequest{Name: "projects/p1"})},
			{"List with a filter", list(&longrunningpb.ListOperationsRequest{Name: "projects/p1", Filter: "x"})},
			{"Cancel of a done one", cancel(done)},
			{"Cancel of a missing one", cancel("operations/none")},
			{"Delete of a deleted one", remove(deleted)},
			{"Delete of a missing one", remove("operations/none")},
		} {
			var wantTrailer, gotTrailer metadata.MD
			want, wantErr := c.call(remote, grpc.Trailer(&wantTrailer))
			got, gotErr := c.call(local, grpc.Trailer(&gotTrailer))
			if (gotErr == nil) != (wantErr == nil) || gotErr == nil && !proto.Equal(got, want) {
				t.Errorf("%s: local %v, %v; over gRPC %v, %v", c.what, got, gotErr, want, wantErr)
			}
			if !proto.Equal(status.Convert(gotErr).Proto(), status.Convert(wantErr).Proto()) {
				t.Errorf("%s: status %v; over gRPC %v", c.what, status.Convert(gotErr).Proto(), status.Convert(wantErr).Proto())
			}
			if g, w := gotTrailer.Get(retryInfo), wantTrailer.Get(retryInfo); len(g) != len(w) || len(g) > 0 && g[0] != w[0] {
				t.Errorf("%s: trailer %v; over gRPC %v", c.what, gotTrailer, wantTrailer)
			}
		}
	})
}

// TestLocalClientEffects: what is asked for by way of the client happens.
func TestLocalClientEffects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		c := p.LocalClient()
		name := p.start("x", nil)
		ended := make(chan *longrunningpb.Operation, 1)
		go func() {
			op, err := c.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name})
			if err != nil {
				t.Errorf("WaitOperation: %v", err)
			}
			ended <- op
		}()
		synctest.Wait()
		if _, err := c.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name}); err != nil {
			t.Errorf("CancelOperation: %v", err)
		}
		wantFailure(t, <-ended, codes.Canceled, "OPERATION_CANCELLED")
		if _, err := c.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: name}); err != nil {
			t.Errorf("DeleteOperation: %v", err)
		}
		_, err := c.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name})
		wantRefusal(t, "GetOperation after DeleteOperation", err, codes.NotFound, "OPERATION_NOT_FOUND", name)
	})
}

// TestLocalClientContext: a call whose context has ended fails as over gRPC.
func TestLocalClientContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		name := p.start("x", nil)
		clients := map[string]longrunningpb.OperationsClient{
			"local": p.LocalClient(), "over gRPC": longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, nil)),
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for what, c := range clients {
			if _, err := c.GetOperation(ended, &longrunningpb.GetOperationRequest{Name: name}); status.Code(err) != codes.Canceled {
				t.Errorf("%s: GetOperation answered %v; want CANCELLED", what, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			if op, err := c.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name}); status.Code(err) != codes.Canceled {
				t.Errorf("%s: WaitOperation, cancelled while it waits, answered %v, %v; want CANCELLED", what, op, err)
			}
		}
	})
}

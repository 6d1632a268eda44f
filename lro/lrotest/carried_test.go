package lrotest_test

import (
	"context"
	"fmt"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	"github.com/longrunning-go/longrunning/lro/lrotest"
)

// A limited is a client whose transport does not carry all requests.
type limited struct {
	longrunningpb.OperationsClient
	carries func(name, filter string) bool
}

func (l limited) GetOperation(ctx context.Context, in *getRequest, opts ...grpc.CallOption) (*operation, error) {
	if !l.carries(in.GetName(), "") {
		return nil, fmt.Errorf("wrapped: %w", lrotest.ErrNotCarried)
	}
	return l.OperationsClient.GetOperation(ctx, in, opts...)
}

func (l limited) ListOperations(ctx context.Context, in *listRequest, opts ...grpc.CallOption) (*listResponse, error) {
	if !l.carries(in.GetName(), in.GetFilter()) {
		return nil, fmt.Errorf("wrapped: %w", lrotest.ErrNotCarried)
	}
	return l.OperationsClient.ListOperations(ctx, in, opts...)
}

// TestNotCarried: what a transport cannot carry is passed over where the server
// would refuse it, and nowhere else.
func TestNotCarried(t *testing.T) {
	t.Parallel()
	for _, l := range []struct {
		name    string
		carries func(name, filter string) bool
		broken  bool
	}{
		{"no empty name and no long filter", func(name, filter string) bool { return name != "" && len(filter) < 1000 }, false},
		{"no list of ours", func(name, _ string) bool { return name != here }, true},
	} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			found := check(t, nil, nil, func(_ *shop, tg *lrotest.Target) { tg.Client = limited{tg.Client, l.carries} })
			if broken := len(found) > 0; broken != l.broken {
				t.Errorf("a client that carries %s: got %v, want violations: %v", l.name, found, l.broken)
			}
		})
	}
}

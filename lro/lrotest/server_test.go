package lrotest_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/lro/lrotest"
)

// transports are the ways to reach our server.
var transports = []struct {
	name    string
	connect connect
}{
	{"gRPC", overGRPC},
	{"HTTP JSON", overREST},
}

// TestServer: our server keeps the contract, in real time and with every hook.
func TestServer(t *testing.T) {
	t.Parallel()
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			t.Parallel()
			_, target := setup(t, transport.connect, nil, nil)
			lrotest.TestServer(t, target)
		})
	}
}

var allButGet = []string{
	longrunningpb.Operations_ListOperations_FullMethodName, longrunningpb.Operations_WaitOperation_FullMethodName,
	longrunningpb.Operations_CancelOperation_FullMethodName, longrunningpb.Operations_DeleteOperation_FullMethodName,
}

// check runs the suite in a bubble, where it must end within minutes, whatever is
// wrong with the server.
func check(t *testing.T, intercept, stranger func(*shop) grpc.UnaryServerInterceptor, change func(*shop, *lrotest.Target)) (found []lrotest.Violation) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, target := setup(t, overGRPC, intercept, stranger)
		if change != nil {
			change(s, &target)
		}
		begun := time.Now()
		found = lrotest.Check(t, target)
		if took := time.Since(begun); took > 10*time.Minute {
			t.Errorf("the suite took %v, want an end within minutes, whatever the server does", took)
		}
	})
	return found
}

func unsupported(methods ...string) func(*shop, *lrotest.Target) {
	return func(_ *shop, tg *lrotest.Target) { tg.Unsupported = methods }
}

func unimplemented(methods ...string) func(*shop) grpc.UnaryServerInterceptor {
	return func(*shop) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if slices.Contains(methods, info.FullMethod) {
				return nil, status.Error(codes.Unimplemented, "not here")
			}
			return next(ctx, req)
		}
	}
}

// TestTargetIsChecked: what is wrong with the Target itself ends the test, and
// is no violation.
func TestTargetIsChecked(t *testing.T) {
	t.Parallel()
	_, sound := setup(t, overGRPC, nil, nil)
	for name, spoil := range map[string]func(*lrotest.Target){
		"no Client":         func(tg *lrotest.Target) { tg.Client = nil },
		"no Start":          func(tg *lrotest.Target) { tg.Start = nil },
		"no Finish":         func(tg *lrotest.Target) { tg.Finish = nil },
		"no Fail":           func(tg *lrotest.Target) { tg.Fail = nil },
		"no method of them": func(tg *lrotest.Target) { tg.Unsupported = []string{"WaitOperation"} },
		"no Get": func(tg *lrotest.Target) {
			tg.Unsupported = []string{longrunningpb.Operations_GetOperation_FullMethodName}
		},
	} {
		target := sound
		spoil(&target)
		fake := &fatal{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			lrotest.Check(fake, target)
		}()
		<-done
		if !fake.ended {
			t.Errorf("a Target with %s: Check went on, want that it ends the test", name)
		}
	}
}

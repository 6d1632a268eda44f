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
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

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

// TestVariants: a sound server has no violations in a bubble either, nor one
// that has less, nor one whose operations have no handler, nor one with filters.
func TestVariants(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		name      string
		intercept func(*shop) grpc.UnaryServerInterceptor
		change    func(*shop, *lrotest.Target)
	}{
		{"every hook", nil, nil},
		{"no optional hook", nil, func(_ *shop, tg *lrotest.Target) {
			*tg = lrotest.Target{Client: tg.Client, Start: tg.Start, Finish: tg.Finish, Fail: tg.Fail}
		}},
		{"external operations of the default parent", nil, func(s *shop, tg *lrotest.Target) {
			tg.StartStubborn, tg.StartOnce = nil, nil
			tg.Start = func(ctx context.Context) (*longrunningpb.Operation, error) { return s.Create(ctx, nil) }
		}},
		{"no Wait", unimplemented(longrunningpb.Operations_WaitOperation_FullMethodName), unsupported(longrunningpb.Operations_WaitOperation_FullMethodName)},
		{"Get alone", unimplemented(allButGet...), unsupported(allButGet...)},
		{"no filters", wired(noFilters), nil},
		{"Wait answers at once", wired(on(func(_ context.Context, _ *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			if d := req.GetTimeout(); d.CheckValid() == nil && d.AsDuration() > 0 || d == nil {
				req.Timeout = &durationpb.Duration{}
			}
			return next(req)
		})), nil},
		{"Cancel of a done operation is refused", wired(on(func(ctx context.Context, s *shop, req *cancelRequest, next func(any) (any, error)) (any, error) {
			if op, err := s.Get(ctx, req.GetName()); err == nil && op.GetDone() && op.GetError().GetCode() != int32(codes.Canceled) {
				return nil, refusal(codes.FailedPrecondition)
			}
			return next(req)
		})), nil},
		{"Delete may be repeated", wired(deletesTwice(new(memory[bool]))), nil},
		{"filters", wired(newPager().list), nil},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			for _, violation := range check(t, v.intercept, nil, v.change) {
				t.Errorf("a sound server: got %v, want no violation", violation)
			}
		})
	}
}

// deletesTwice answers a second Delete as the first.
func deletesTwice(deleted *memory[bool]) wire {
	return on(func(_ context.Context, _ *shop, req *deleteRequest, next func(any) (any, error)) (any, error) {
		res, err := next(req)
		if _, again := deleted.get(req.GetName()); again {
			return &emptypb.Empty{}, nil
		}
		if err == nil {
			deleted.put(req.GetName(), true)
		}
		return res, err
	})
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

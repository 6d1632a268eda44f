package lrotest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/lrotest"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// The types of the method that users' tests are about.
type (
	printTask = lro.Task[*testpb.PrintMetadata]
	printFunc = func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error)
)

// A library is a user's service.
type library struct {
	testpb.UnimplementedLibraryServer
	printing *lro.Method[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata]
}

func (l *library) Print(ctx context.Context, req *testpb.PrintRequest) (*longrunningpb.Operation, error) {
	return l.printing.Start(ctx, req, &lro.StartOptions{Parent: req.GetParent(), RequestID: req.GetRequestId()})
}

// serving makes a user's service on m.
func serving(m *lro.Manager, fn printFunc) func(*grpc.Server) {
	return func(s *grpc.Server) {
		testpb.RegisterLibraryServer(s, &library{printing: lro.Handle(m, fn, nil)})
	}
}

// startPrint starts an operation, as a client.
func startPrint(tb testing.TB, conn *grpc.ClientConn, text string) *poller.Poller[*testpb.PrintResponse] {
	tb.Helper()
	op, err := testpb.NewLibraryClient(conn).Print(tb.Context(), &testpb.PrintRequest{Parent: here, Text: text})
	if err != nil {
		tb.Fatalf("Print: %v", err)
	}
	return poller.New[*testpb.PrintResponse](longrunningpb.NewOperationsClient(conn), op, nil)
}

func echo(_ context.Context, _ *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
	return &testpb.PrintResponse{Text: req.GetText()}, nil
}

func untilCancelled(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// TestServe: the service and its operations are served, in a bubble and outside.
func TestServe(t *testing.T) {
	t.Parallel()
	serve := func(t *testing.T) {
		t.Helper()
		m := lrotest.NewManager(t, memstore.New(), nil)
		conn := lrotest.Serve(t, m, serving(m, echo))
		res, err := startPrint(t, conn, "hello").Wait(t.Context())
		if err != nil || res.GetText() != "hello" {
			t.Errorf("got %v, %v; want the response of the handler", res, err)
		}
	}
	t.Run("outside a bubble", func(t *testing.T) {
		t.Parallel()
		serve(t)
	})
	t.Run("in a bubble", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, serve)
	})
	t.Run("no service", func(t *testing.T) {
		t.Parallel()
		m := lrotest.NewManager(t, memstore.New(), nil)
		op, err := m.Create(t.Context(), &lro.CreateOptions{Parent: here})
		if err != nil {
			t.Fatal(err)
		}
		client := longrunningpb.NewOperationsClient(lrotest.Serve(t, m, nil))
		if _, err := client.GetOperation(t.Context(), &getRequest{Name: op.GetName()}); err != nil {
			t.Errorf("GetOperation: got %v, want the operations to be served", err)
		}
	})
}

// TestServeHour: a handler that takes an hour takes none of the tester's.
func TestServeHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := lrotest.NewManager(t, lrotest.NewStore(), nil)
		conn := lrotest.Serve(t, m, serving(m, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			for page := range int64(60) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(time.Minute):
				}
				task.Report(&testpb.PrintMetadata{PagesDone: page + 1})
			}
			return &testpb.PrintResponse{Pages: 60}, nil
		}))
		began := time.Now()
		res, err := startPrint(t, conn, "the hour").Wait(t.Context())
		if err != nil || res.GetPages() != 60 || time.Since(began).Round(time.Second) != time.Hour {
			t.Errorf("got %v, %v after %v; want 60 pages after an hour", res, err, time.Since(began))
		}
	})
}

// TestServeIsUp: when Serve returns, the Manager runs. A Start that came before
// would leave its operation pending, and a Wait would be answered at once.
func TestServeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := slow{memstore.New()}
		m := lrotest.NewManager(t, st, nil)
		method := lro.Handle(m, untilCancelled, nil)
		lrotest.Serve(t, m, nil)
		op, err := method.Start(t.Context(), &testpb.PrintRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		recs, err := st.Get(t.Context(), op.GetName())
		if err != nil || len(recs) != 1 || recs[0].State != store.Running {
			t.Errorf("Start after Serve: got %v, %v; want that the operation runs at once", recs, err)
		}
		began := time.Now()
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if _, err := m.Wait(ctx, op.GetName()); err != nil || time.Since(began) != time.Minute {
			t.Errorf("Wait after Serve: got an answer after %v, error %v; want that it waits for its minute", time.Since(began), err)
		}
	})
}

// A slow store takes a second to register an owner.
type slow struct{ *memstore.Store }

func (s slow) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	time.Sleep(time.Second)
	return s.Store.Heartbeat(ctx, owner, ttl)
}

// TestServeInAnOutage: a store that fails keeps nobody from serving, and what is
// started once it is back runs.
func TestServeInAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		st.Fail(errDown)
		m := lrotest.NewManager(t, st, nil)
		conn := lrotest.Serve(t, m, serving(m, echo))
		_, err := testpb.NewLibraryClient(conn).Print(t.Context(), &testpb.PrintRequest{})
		if status.Code(err) != codes.Unavailable {
			t.Errorf("Print during the outage: got %v, want UNAVAILABLE", err)
		}
		st.Mend()
		if res, err := startPrint(t, conn, "hello").Wait(t.Context()); err != nil || res.GetText() != "hello" {
			t.Errorf("after the outage: got %v, %v; want the response of the handler", res, err)
		}
	})
}

// TestServeOwnOperations: what the user registers is what is served, and sees who
// calls by the user's interceptor.
func TestServeOwnOperations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type callerKey struct{}
		m := lrotest.NewManager(t, memstore.New(), nil)
		conn := lrotest.Serve(t, m, func(s *grpc.Server) {
			serving(m, echo)(s)
			longrunningpb.RegisterOperationsServer(s, lro.NewServer(m, func(ctx context.Context, _ lro.Access) error {
				return fmt.Errorf("%v may not", ctx.Value(callerKey{}))
			}, nil))
		}, grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			return next(context.WithValue(ctx, callerKey{}, "mallory"), req)
		}))
		p := startPrint(t, conn, "hello")
		if err := p.Poll(t.Context()); status.Code(err) != codes.PermissionDenied {
			t.Errorf("got %v, want the PERMISSION_DENIED of the user's own server", err)
		}
	})
}

// TestServeDrains: when the test ends the handler is asked to end first, and the
// server answers until it has.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &recorder{TB: t}
		m := lrotest.NewManager(fake, memstore.New(), nil)
		var conn *grpc.ClientConn
		var cause, asked error
		conn = lrotest.Serve(fake, m, serving(m, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			<-ctx.Done()
			cause = context.Cause(ctx)
			_, asked = longrunningpb.NewOperationsClient(conn).GetOperation(context.WithoutCancel(ctx), &getRequest{Name: task.Name()})
			return nil, cause
		}))
		startPrint(t, conn, "hello")
		synctest.Wait()
		began := time.Now()
		fake.end()
		if !errors.Is(cause, lro.ErrShutdown) {
			t.Errorf("the handler's context ended with %v, want ErrShutdown", cause)
		}
		if asked != nil {
			t.Errorf("a call during the drain: got %v, want that the server answers until the Manager has drained", asked)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the test took %v to end, want that it waits for no handler", took)
		}
		if len(fake.errors) > 0 {
			t.Errorf("got the errors %q of a test that is fine, want none", fake.errors)
		}
		if err := startAfter(conn); status.Code(err) != codes.Canceled {
			t.Errorf("a call after the end: got %v, want CANCELLED, for the connection is closed", err)
		}
	})
}

// TestServeCleanups: what the user cleans up before may still use all of it, though
// the context of the test has ended.
func TestServeCleanups(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &recorder{TB: t}
		m := lrotest.NewManager(fake, memstore.New(), nil)
		conn := lrotest.Serve(fake, m, serving(m, echo))
		fake.Cleanup(func() {
			synctest.Wait()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			if res, err := startPrint(t, conn, "bye").Wait(ctx); err != nil || res.GetText() != "bye" {
				t.Errorf("in a cleanup: got %v, %v; want the response of the handler", res, err)
			}
		})
		fake.end()
	})
}

func startAfter(conn *grpc.ClientConn) error {
	_, err := testpb.NewLibraryClient(conn).Print(context.Background(), &testpb.PrintRequest{})
	return err
}

// TestServeReports: what does not end with the test is an error of the test, which
// ends all the same.
func TestServeReports(t *testing.T) {
	t.Parallel()
	t.Run("a handler deaf to its context", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			fake := &recorder{TB: t}
			m := lrotest.NewManager(fake, memstore.New(), nil)
			release := make(chan struct{})
			conn := lrotest.Serve(fake, m, serving(m, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				<-release
				return &testpb.PrintResponse{}, nil
			}))
			name := startPrint(t, conn, "deaf").Name()
			synctest.Wait()
			began := time.Now()
			fake.end()
			close(release)
			if took := time.Since(began); took < 5*time.Second || took > 9*time.Second {
				t.Errorf("the test took %v to end, want the five seconds that a handler has to return, and three for the store at most", took)
			}
			fake.want(t, "ignored their context and are still running: "+name)
		})
	})
	t.Run("a method deaf to its context", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			fake := &recorder{TB: t}
			m := lrotest.NewManager(fake, memstore.New(), nil)
			release := make(chan struct{})
			conn := lrotest.Serve(fake, m, nil, grpc.UnaryInterceptor(func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
				<-release
				return nil, errors.New("too late")
			}))
			go func() {
				_, _ = longrunningpb.NewOperationsClient(conn).GetOperation(t.Context(), &getRequest{Name: here + "/operations/1"})
			}()
			synctest.Wait()
			fake.end()
			close(release)
			fake.want(t, "a method of the service still runs 5s after its call was cancelled")
		})
	})
}

// TestServeMisuse: what cannot be served ends the test with a message that says
// what to do, and leaves nothing behind.
func TestServeMisuse(t *testing.T) {
	t.Parallel()
	for _, misuse := range []struct {
		name, want string
		serve      func(testing.TB)
	}{
		{"no Manager", "lrotest.NewManager", func(tb testing.TB) { tb.Helper(); lrotest.Serve(tb, nil, nil) }},
		{"a Manager that runs", "Run was called twice", func(tb testing.TB) {
			tb.Helper()
			m := lrotest.NewManager(tb, memstore.New(), nil)
			lrotest.Serve(tb, m, nil)
			lrotest.Serve(tb, m, nil)
		}},
		{"no store", "memstore.New()", func(tb testing.TB) { tb.Helper(); lrotest.NewManager(tb, nil, nil) }},
		{"options that are wrong", "LeaseTTL is 1ns", func(tb testing.TB) {
			tb.Helper()
			lrotest.NewManager(tb, memstore.New(), &lro.Options{LeaseTTL: 1})
		}},
	} {
		t.Run(misuse.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := &recorder{TB: t}
				var done sync.WaitGroup
				done.Go(func() { misuse.serve(fake) })
				done.Wait()
				fake.end()
				if !fake.ended {
					t.Errorf("with %s: got on, want that it ends the test", misuse.name)
				}
				fake.want(t, misuse.want)
			})
		})
	}
}

package lrotest

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/internal/started"
)

// Serve runs m, serves it over gRPC in memory, and answers a connection to it.
// register registers the service under test; nil is none. Unless it registers
// google.longrunning.Operations too, Serve does: for m, with [lro.AllowAll]. The
// options are the server's, such as interceptors that say who calls; the connection
// has no transport security, so grpc.Creds is none of them. When Serve returns, calls are answered and operations are executed; register has returned
// before m runs, so it may call [lro.Handle].
//
// All of it ends with tb, in the order that a program keeps: Run drains, while
// the server still answers, then connection and server close. What was cleaned up
// before, having been registered with tb after Serve, may still use them. What Run
// answers is an error of tb. So is a call whose method goes on for five seconds
// after the connection was closed.
//
// A handler that still runs when tb ends has Options.DrainTimeout (none, with
// [NewManager]) before its context ends with [lro.ErrShutdown], and then five
// seconds; after that it is left behind, and the error names its operation. The
// store has three seconds more to take what is written.
//
// In a bubble of testing/synctest m and its store are made inside, and tb is the
// bubble's. All of these times are fake there, so a DrainTimeout of hours lets
// handlers end and costs nothing. But a bubble cannot end before its goroutines
// have: where a handler was left behind, the test panics after the error, with the
// handler's stack.
//
// Serve ends tb if m is nil or runs already.
func Serve(tb testing.TB, m *lro.Manager, register func(*grpc.Server), opts ...grpc.ServerOption) *grpc.ClientConn {
	tb.Helper()
	if m == nil {
		tb.Fatal("lrotest: Serve: the Manager is nil; make one with lrotest.NewManager or lro.New")
	}
	server := grpc.NewServer(slices.Concat(opts, []grpc.ServerOption{grpc.WaitForHandlers(true)})...)
	if register != nil {
		register(server)
	}
	if _, ok := server.GetServiceInfo()[longrunningpb.Operations_ServiceDesc.ServiceName]; !ok {
		longrunningpb.RegisterOperationsServer(server, lro.NewServer(m, lro.AllowAll, nil))
	}
	conn := connect(tb, server)
	run(tb, m) // after connect, so that it is cleaned up before
	return conn
}

// run runs m until tb ends, and returns once it is up.
func run(tb testing.TB, m *lro.Manager) {
	tb.Helper()
	ctx, drain := context.WithCancel(context.WithoutCancel(tb.Context()))
	up, ended := make(chan struct{}), make(chan error, 1)
	ctx = started.Notify(ctx, sync.OnceFunc(func() { close(up) }))
	go func() { ended <- m.Run(ctx) }()
	select {
	case <-up:
	case err := <-ended:
		drain()
		tb.Fatalf("lrotest: Serve runs the Manager itself, and could not: %v", err)
	}
	tb.Cleanup(func() {
		drain()
		if err := <-ended; err != nil {
			tb.Errorf("lrotest: the Manager of Serve did not drain: %v", err)
		}
	})
}

// callGrace is how long the methods of the service may take to return after their
// calls were cancelled.
const callGrace = 5 * time.Second

// connect serves until tb ends.
func connect(tb testing.TB, server *grpc.Server) *grpc.ClientConn {
	tb.Helper()
	listener := bufconn.Listen(1 << 20)
	conn, err := grpc.NewClient("passthrough:///lrotest",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatalf("lrotest: Serve: %v", err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	tb.Cleanup(func() {
		_ = conn.Close() // or the test has
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			server.Stop()
		}()
		timer := time.NewTimer(callGrace)
		defer timer.Stop()
		select {
		case <-stopped:
		case <-timer.C:
			tb.Errorf("lrotest: a method of the service still runs %v after its call was cancelled; it must end with its context", callGrace)
			return
		}
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			tb.Errorf("lrotest: Serve: %v", err)
		}
	})
	return conn
}

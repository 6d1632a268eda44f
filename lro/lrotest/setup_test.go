package lrotest_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"go.uber.org/goleak"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/lrotest"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// here and there are the parents of operations.
const here, there = "projects/p1", "projects/p2"

// stubborn is the text of a request whose work heeds no Cancel.
const stubborn = "stubborn"

// A shop is our server on a memory store: print operations go on until somebody
// ends them.
type shop struct {
	*lro.Manager
	began chan struct{} // receives when stubborn work begins
	print *lro.Method[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata]
}

// A connect serves our server, and answers a client of it.
type connect func(*testing.T, *lro.Server, ...grpc.UnaryServerInterceptor) longrunningpb.OperationsClient

// setup answers a shop, and the Target of it that has every hook; c makes the
// connections. The interceptors come before the server.
func setup(t *testing.T, c connect, intercept, stranger func(*shop) grpc.UnaryServerInterceptor) (*shop, lrotest.Target) {
	t.Helper()
	m, err := lro.New(memstore.New(), &lro.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{Manager: m, began: make(chan struct{})}
	closing := make(chan struct{})
	s.print = lro.Handle(m, func(ctx context.Context, _ *lro.Task[*testpb.PrintMetadata], req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		if req.GetText() == stubborn {
			s.began <- struct{}{}
			<-ctx.Done()
			<-closing
		}
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}, nil)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	t.Cleanup(func() {
		close(closing)
		stop()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s, lrotest.Target{
		Client:         c(t, lro.NewServer(m, lro.AllowAll, nil), given(s, intercept)...),
		Start:          s.start("hello", here),
		StartElsewhere: s.start("hello", there),
		StartStubborn:  s.stubborn,
		StartOnce:      s.once,
		Finish: func(ctx context.Context, name string) (proto.Message, error) {
			res := &testpb.PrintResponse{Text: "printed"}
			return res, m.Complete(ctx, name, res)
		},
		Fail: func(ctx context.Context, name string, st *spb.Status) error {
			return m.Fail(ctx, name, status.ErrorProto(st))
		},
		Stranger: c(t, lro.NewServer(m, func(context.Context, lro.Access) error { return errors.New("a stranger") }, nil), given(s, stranger)...),
	}
}

// start answers a hook that starts print operations.
func (s *shop) start(text, parent string) func(context.Context) (*longrunningpb.Operation, error) {
	return func(ctx context.Context) (*longrunningpb.Operation, error) {
		return s.print.Start(ctx, &testpb.PrintRequest{Text: text},
			&lro.StartOptions{Parent: parent, Metadata: &testpb.PrintMetadata{Stage: "started"}})
	}
}

// stubborn starts an operation whose work has begun: one that is pending yet would
// heed a Cancel.
func (s *shop) stubborn(ctx context.Context) (*longrunningpb.Operation, error) {
	op, err := s.start(stubborn, here)(ctx)
	if err == nil {
		<-s.began
	}
	return op, err
}

// once is start with a request id.
func (s *shop) once(ctx context.Context, requestID string) (*longrunningpb.Operation, error) {
	return s.print.Start(ctx, &testpb.PrintRequest{Text: "once"}, &lro.StartOptions{Parent: here, RequestID: requestID})
}

func given(s *shop, make func(*shop) grpc.UnaryServerInterceptor) []grpc.UnaryServerInterceptor {
	if make == nil {
		return nil
	}
	return []grpc.UnaryServerInterceptor{make(s)}
}

// overGRPC connects over gRPC in memory.
func overGRPC(t *testing.T, server *lro.Server, intercept ...grpc.UnaryServerInterceptor) longrunningpb.OperationsClient {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	g := grpc.NewServer(grpc.ChainUnaryInterceptor(intercept...))
	longrunningpb.RegisterOperationsServer(g, server)
	served := make(chan error, 1)
	go func() { served <- g.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		g.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped before it served
			t.Errorf("Serve: %v", err)
		}
	})
	return longrunningpb.NewOperationsClient(conn)
}

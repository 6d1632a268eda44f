package gapic_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	longrunning "cloud.google.com/go/longrunning/autogen"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"go.uber.org/goleak"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/lrotest"
	"github.com/longrunning-go/longrunning/lro/rest"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/gapic"
	"github.com/longrunning-go/longrunning/poller/pollertest"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect answers Google's client, connected to the server.
type connect = func(*testing.T, longrunningpb.OperationsServer) *longrunning.OperationsClient

// transports are the two that Google's client speaks.
var transports = map[string]connect{
	"gRPC": grpcClient,
	"REST": func(t *testing.T, s longrunningpb.OperationsServer) *longrunning.OperationsClient {
		t.Helper()
		return restClient(t, &gapic.Transport{Base: serveHTTP(t, rest.NewHandler(s, nil))})
	},
}

// over runs f over each transport, in a bubble of fake time.
func over(t *testing.T, f func(t *testing.T, connect connect)) {
	t.Helper()
	for name, c := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { f(t, c) })
		})
	}
}

// grpcClient answers Google's client, connected to s by memory.
func grpcClient(t *testing.T, s longrunningpb.OperationsServer) *longrunning.OperationsClient {
	t.Helper()
	l := bufconn.Listen(1 << 16)
	g := grpc.NewServer()
	longrunningpb.RegisterOperationsServer(g, s)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := g.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped before it served
			t.Errorf("serving: %v", err)
		}
	})
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	must(t, err)
	c, err := longrunning.NewOperationsClient(t.Context(), option.WithGRPCConn(conn))
	must(t, err)
	t.Cleanup(func() {
		must(t, c.Close())
		g.Stop()
		wg.Wait()
	})
	return c
}

// serveHTTP answers what sends requests to h, by memory.
func serveHTTP(t *testing.T, h http.Handler) http.RoundTripper {
	t.Helper()
	l := bufconn.Listen(1 << 16)
	s := &http.Server{Handler: h}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving: %v", err)
		}
	})
	rt := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.DialContext(ctx) },
		// When a connection of bufconn is used again, a read deadline that was
		// taken back may still fire.
		DisableKeepAlives: true,
	}
	t.Cleanup(func() {
		must(t, s.Close())
		wg.Wait()
	})
	return rt
}

// restClient answers Google's client, which sends its requests by rt.
func restClient(t *testing.T, rt http.RoundTripper) *longrunning.OperationsClient {
	t.Helper()
	c, err := longrunning.NewOperationsRESTClient(t.Context(), option.WithHTTPClient(&http.Client{Transport: rt}), option.WithEndpoint("http://server.example.com"))
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

// answer is Google's REST client, at a server that gives every request this
// answer.
func answer(t *testing.T, code int, body string) *longrunning.OperationsClient {
	t.Helper()
	return restClient(t, &gapic.Transport{Base: serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}))})
}

// roundTrip is a RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A scripted server answers what a scripted client would.
type scripted struct {
	longrunningpb.UnimplementedOperationsServer
	*pollertest.Client
}

func (s scripted) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	return trailing(ctx, func(o grpc.CallOption) (*longrunningpb.Operation, error) { return s.Client.GetOperation(ctx, req, o) })
}

func (s scripted) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	return trailing(ctx, func(o grpc.CallOption) (*longrunningpb.Operation, error) { return s.Client.WaitOperation(ctx, req, o) })
}

func (s scripted) CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	return trailing(ctx, func(o grpc.CallOption) (*emptypb.Empty, error) { return s.Client.CancelOperation(ctx, req, o) })
}

func (s scripted) DeleteOperation(ctx context.Context, req *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
	return trailing(ctx, func(o grpc.CallOption) (*emptypb.Empty, error) { return s.Client.DeleteOperation(ctx, req, o) })
}

// trailing passes on the trailer of a step.
func trailing[Res any](ctx context.Context, call func(grpc.CallOption) (Res, error)) (Res, error) {
	var md metadata.MD
	res, err := call(grpc.Trailer(&md))
	if md.Len() > 0 {
		_ = grpc.SetTrailer(ctx, md)
	}
	return res, err
}

const name = "operations/7"

func response() *testpb.PrintResponse         { return &testpb.PrintResponse{Text: "printed", Pages: 3} }
func running() *longrunningpb.Operation       { return pollertest.Running(name, nil) }
func succeeded() *longrunningpb.Operation     { return pollertest.Succeeded(name, response()) }
func failing(code codes.Code) pollertest.Step { return pollertest.Step{Err: status.Error(code, "no")} }

func get(name string) *longrunningpb.GetOperationRequest {
	return &longrunningpb.GetOperationRequest{Name: name}
}

func wait(name string) *longrunningpb.WaitOperationRequest {
	return &longrunningpb.WaitOperationRequest{Name: name}
}

// resume follows the operation of that name by c.
func resume(c *longrunning.OperationsClient, name string, opts *poller.Options) *poller.Poller[*testpb.PrintResponse] {
	return poller.Resume[*testpb.PrintResponse](gapic.New(c), name, opts)
}

// A service is a Manager that runs, and its method: print lasts three minutes,
// and reports a page each. Its error, if set, is how it ends.
type service struct {
	*lro.Manager
	print *lro.Method[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata]
	err   error
}

// setup makes a service in a bubble, which drains when the test ends.
func setup(t *testing.T, method *lro.MethodOptions) *service {
	t.Helper()
	m := lrotest.NewManager(t, memstore.New(), nil)
	s := &service{Manager: m}
	s.print = lro.Handle(m, func(ctx context.Context, task *lro.Task[*testpb.PrintMetadata], _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		for page := range int64(3) {
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-time.After(time.Minute):
				task.Report(&testpb.PrintMetadata{PagesDone: page + 1})
			}
		}
		return response(), s.err
	}, method)
	lrotest.Serve(t, m, nil)
	return s
}

// start starts a print, and answers its name.
func (s *service) start(t *testing.T) string {
	t.Helper()
	op, err := s.print.Start(t.Context(), &testpb.PrintRequest{Text: "x"}, nil)
	must(t, err)
	return op.GetName()
}

// A counting server knows when which method was called.
type counting struct {
	longrunningpb.OperationsServer
	mu    sync.Mutex
	calls []pollertest.Call
}

func (s *counting) note(method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, pollertest.Call{Method: method, Time: time.Now()})
}

func (s *counting) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	s.note("GetOperation")
	return s.OperationsServer.GetOperation(ctx, req)
}

func (s *counting) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	s.note("WaitOperation")
	return s.OperationsServer.WaitOperation(ctx, req)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantResponse fails the test unless Wait answered the response.
func wantResponse(t *testing.T, got *testpb.PrintResponse, err error) {
	t.Helper()
	if err != nil || !proto.Equal(got, response()) {
		t.Fatalf("got %v, %v; want the response %v", got, err, response())
	}
}

// wantCode fails the test unless err says that a poll failed with that code.
func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); err == nil || got != want {
		t.Errorf("got code %v of error %v, want code %v", got, err, want)
	}
	if _, ok := errors.AsType[*poller.Error](err); ok {
		t.Errorf("the failed poll is reported as *poller.Error: %v", err)
	}
}

// wantStarts fails the test unless these calls were made at these times.
func wantStarts(t *testing.T, calls []pollertest.Call, began time.Time, method string, want ...time.Duration) {
	t.Helper()
	var got []time.Duration
	for _, c := range calls {
		if c.Method != method {
			t.Errorf("got a call of %s, want only %s", c.Method, method)
		}
		got = append(got, c.Time.Sub(began))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got calls of %s at %v, want them at %v", method, got, want)
	}
}

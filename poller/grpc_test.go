package poller_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

// A server has one operation, and ends it after a while.
type server struct {
	longrunningpb.UnimplementedOperationsServer

	began  time.Time
	takes  time.Duration
	result *longrunningpb.Operation
	noWait bool
	every  time.Duration // the recommended interval; 0 is none
	away   time.Duration // how long connections are refused at first

	mu       sync.Mutex
	calls    map[string]int
	refused  int
	draining chan struct{} // when closed parked calls are answered
}

func (s *server) state(ctx context.Context, method string) *longrunningpb.Operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
	if time.Since(s.began) >= s.takes {
		return s.result
	}
	if s.every > 0 {
		_ = grpc.SetTrailer(ctx, pollertest.RetryInfo(s.every))
	}
	return running()
}

func (s *server) GetOperation(ctx context.Context, _ *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	return s.state(ctx, "Get"), nil
}

func (s *server) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	if s.noWait {
		return nil, status.Error(codes.Unimplemented, "no WaitOperation here")
	}
	t := time.NewTimer(min(req.GetTimeout().AsDuration(), max(0, s.takes-time.Since(s.began))))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.draining:
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return s.state(ctx, "Wait"), nil
}

// serve runs the server, and answers a client that is connected to it. To be
// called in a bubble, which then cannot end before both have.
func serve(t *testing.T, s *server) longrunningpb.OperationsClient {
	t.Helper()
	s.began = time.Now()
	s.calls = make(map[string]int)
	if s.draining == nil {
		s.draining = make(chan struct{})
	}
	if s.result == nil {
		s.result = succeeded()
	}
	l := bufconn.Listen(1 << 16)
	g := grpc.NewServer()
	longrunningpb.RegisterOperationsServer(g, s)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := g.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped before it served
			t.Errorf("serving: %v", err)
		}
	})
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			if time.Since(s.began) >= s.away {
				return l.DialContext(ctx)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.refused++
			return nil, errors.New("connection refused")
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("closing the connection: %v", err)
		}
		g.Stop()
		wg.Wait()
	})
	return longrunningpb.NewOperationsClient(conn)
}

func TestGRPCHourTakesSixtyCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: time.Hour}
		p := poller.New[*wrapperspb.StringValue](serve(t, s), running(), nil)
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if took := time.Since(s.began); took != time.Hour {
			t.Errorf("Wait took %v, want an hour: it returns when the operation is done", took)
		}
		if s.calls["Get"] != 0 || s.calls["Wait"] > 61 {
			t.Errorf("got calls %v, want about 60 of WaitOperation", s.calls)
		}
	})
}

func TestGRPCHourWithoutWaitOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: time.Hour, noWait: true}
		res, err := poller.New[*wrapperspb.StringValue](serve(t, s), running(), nil).Wait(t.Context())
		wantResponse(t, res, err)
		if over := time.Since(s.began) - time.Hour; over > time.Minute {
			t.Errorf("Wait returned %v after the end, want a minute at most", over)
		}
		if s.calls["Get"] > 85 {
			t.Errorf("got calls %v, want about 75", s.calls)
		}
	})
}

func TestGRPCFailureArrivesWithItsDetails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failed, err := status.New(codes.ResourceExhausted, "no space").WithDetails(&errdetails.ErrorInfo{Reason: "DISK_FULL"})
		if err != nil {
			t.Fatal(err)
		}
		s := &server{takes: time.Second, result: pollertest.Failed(name, failed.Err())}
		_, err = poller.Resume[*wrapperspb.StringValue](serve(t, s), name, nil).Wait(t.Context())
		if _, ok := errors.AsType[*poller.Error](err); !ok {
			t.Fatalf("got error %v, want a *poller.Error", err)
		}
		wantCode(t, err, codes.ResourceExhausted)
		if details := status.Convert(err).Details(); len(details) != 1 || details[0].(*errdetails.ErrorInfo).GetReason() != "DISK_FULL" {
			t.Errorf("got details %v, want DISK_FULL", details)
		}
	})
}

func TestGRPCTrailerRecommendsTheInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: 10 * time.Minute, noWait: true, every: 2 * time.Minute}
		res, err := poller.Resume[*wrapperspb.StringValue](serve(t, s), name, nil).Wait(t.Context())
		wantResponse(t, res, err)
		if took := time.Since(s.began); took != 10*time.Minute || s.calls["Get"] != 6 {
			t.Errorf("Wait took %v and calls %v, want 10m and 6 of them, two minutes apart", took, s.calls)
		}
	})
}

// A draining server answers what is parked, and then every call at once.
func TestGRPCDrainingServerIsNotSpunOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: 2 * time.Minute, draining: make(chan struct{})}
		time.AfterFunc(90*time.Second, func() { close(s.draining) })
		res, err := poller.Resume[*wrapperspb.StringValue](serve(t, s), name, nil).Wait(t.Context())
		wantResponse(t, res, err)
		if s.calls["Wait"] > 15 {
			t.Errorf("got calls %v, want a growing back-off during the drain", s.calls)
		}
	})
}

func TestGRPCContextEndsAParkedCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: time.Hour}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := poller.Resume[*wrapperspb.StringValue](serve(t, s), name, nil).Wait(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want context.DeadlineExceeded", err)
		}
		if took := time.Since(s.began); took != 10*time.Second {
			t.Errorf("Wait took %v, want 10s", took)
		}
	})
}

func TestGRPCSurvivesAServerThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: time.Minute, away: 40 * time.Second}
		res, err := poller.Resume[*wrapperspb.StringValue](serve(t, s), name, nil).Wait(t.Context())
		wantResponse(t, res, err)
		if s.refused == 0 {
			t.Error("no connection was refused: the test tested nothing")
		}
	})
}

package moving

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/longrunning-go/longrunning/examples/guides/reportspb"
	"github.com/longrunning-go/longrunning/examples/guides/reportspb/reportspoller"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/lrotest"
	"github.com/longrunning-go/longrunning/poller"
)

// setup serves Reports before or after, in a bubble.
func setup(t *testing.T, st *lrotest.Store, register func(*grpc.Server, *lro.Manager)) *grpc.ClientConn {
	t.Helper()
	m := lrotest.NewManager(t, st, nil)
	return lrotest.Serve(t, m, func(g *grpc.Server) { register(g, m) })
}

func start(t *testing.T, conn *grpc.ClientConn, month string) *poller.Poller[*pb.WriteReportResponse] {
	t.Helper()
	p, err := reportspoller.WriteReport(t.Context(), pb.NewReportsClient(conn), longrunningpb.NewOperationsClient(conn),
		&pb.WriteReportRequest{Month: month}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A client that polls notices nothing of the move.
func TestClient(t *testing.T) {
	t.Parallel()
	for name, register := range map[string]func(*grpc.Server, *lro.Manager){
		"before": func(g *grpc.Server, _ *lro.Manager) { registerBefore(g) },
		"after":  registerAfter,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn := setup(t, lrotest.NewStore(), register)

				p := start(t, conn, "2026-11")
				time.Sleep(90 * time.Second)
				if err := p.Poll(t.Context()); err != nil || p.Done() {
					t.Errorf("got %v, done %v; want an operation that goes on", err, p.Done())
				}
				meta, err := poller.Metadata[*pb.WriteReportMetadata](p.Operation())
				if err != nil || meta.GetPagesDone() != 1 || meta.GetPages() != 3 {
					t.Errorf("got metadata %v, %v; want page 1 of 3", meta, err)
				}
				res, err := p.Wait(t.Context())
				if err != nil || res.GetText() != "all about 2026-11" {
					t.Errorf("got %v, %v; want the report", res, err)
				}

				_, err = start(t, conn, "soon").Wait(t.Context())
				if status.Code(err) != codes.InvalidArgument {
					t.Errorf("got %v, want INVALID_ARGUMENT for a month that is none", err)
				}

				err = poller.Resume[*pb.WriteReportResponse](longrunningpb.NewOperationsClient(conn), "operations/none", nil).Poll(t.Context())
				if status.Code(err) != codes.NotFound {
					t.Errorf("got %v, want NOT_FOUND for an operation that is none", err)
				}
			})
		})
	}
}

// What is new after the move.
func TestAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		conn := setup(t, st, registerAfter)

		p := start(t, conn, "2026-11")
		if err := p.Cancel(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(t.Context()); status.Code(err) != codes.Canceled {
			t.Errorf("got %v, want CANCELLED", err)
		}

		p = start(t, conn, "2026-12")
		time.Sleep(2 * time.Minute)
		st.KillOwners()
		if res, err := p.Wait(t.Context()); err != nil || res.GetText() != "all about 2026-12" {
			t.Errorf("got %v, %v; want the report, though its server died", res, err)
		}
	})
}

// Work that must not run twice ends with its process.
func TestOneAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		m := lrotest.NewManager(t, st, nil)
		once := lro.Handle(m, run, &lro.MethodOptions{MaxAttempts: 1})
		lrotest.Serve(t, m, nil)

		op, err := once.Start(t.Context(), &pb.WriteReportRequest{Month: "2026-11"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		st.KillOwners()
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		_, err = poller.New[*pb.WriteReportResponse](m.LocalClient(), op, nil).Wait(ctx)
		if status.Code(err) != codes.Aborted {
			t.Errorf("got %v, want ABORTED", err)
		}
	})
}

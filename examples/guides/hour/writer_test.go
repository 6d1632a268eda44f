package hour

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/longrunning-go/longrunning/examples/guides/reportspb"
	"github.com/longrunning-go/longrunning/examples/guides/reportspb/reportslro"
	"github.com/longrunning-go/longrunning/examples/guides/reportspb/reportspoller"
	"github.com/longrunning-go/longrunning/lro/lrotest"
	"github.com/longrunning-go/longrunning/poller"
)

type server struct {
	pb.UnimplementedReportsServer
	writeReport *reportslro.WriteReportMethod
}

func (s *server) WriteReport(ctx context.Context, req *pb.WriteReportRequest) (*longrunningpb.Operation, error) {
	return s.writeReport.Start(ctx, req, nil)
}

// start serves Reports on a store, and starts a report.
func start(t *testing.T, st *lrotest.Store) *poller.Poller[*pb.WriteReportResponse] {
	t.Helper()
	m := lrotest.NewManager(t, st, nil)
	conn := lrotest.Serve(t, m, func(g *grpc.Server) {
		pb.RegisterReportsServer(g, &server{writeReport: reportslro.HandleWriteReport(m, write, nil)})
	})
	p, err := reportspoller.WriteReport(t.Context(), pb.NewReportsClient(conn), longrunningpb.NewOperationsClient(conn),
		&pb.WriteReportRequest{Month: "2026-11"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := start(t, lrotest.NewStore())
		began := time.Now()
		res, err := p.Wait(t.Context())
		if err != nil || res.GetText() != "2026-11, attempt 1" || time.Since(began) != time.Hour {
			t.Errorf("got %v, %v after %v; want the report after an hour", res, err, time.Since(began))
		}
	})
}

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := start(t, lrotest.NewStore())
		time.Sleep(10*time.Minute + time.Second)
		if err := p.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		meta, err := poller.Metadata[*pb.WriteReportMetadata](p.Operation())
		if err != nil || meta.GetPagesDone() != 10 {
			t.Errorf("after ten minutes: got %v, %v; want 10 pages", meta, err)
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := start(t, lrotest.NewStore())
		time.Sleep(10 * time.Minute)
		if err := p.Cancel(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err := p.Wait(t.Context())
		if status.Code(err) != codes.Canceled || time.Since(began) > time.Second {
			t.Errorf("got %v after %v, want CANCELLED at once", err, time.Since(began))
		}
	})
}

func TestCrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		p := start(t, st)
		time.Sleep(30*time.Minute + 10*time.Second)
		st.KillOwners()
		began := time.Now()
		res, err := p.Wait(t.Context())
		if err != nil || res.GetText() != "2026-11, attempt 2" || time.Since(began) > 31*time.Minute {
			t.Errorf("got %v, %v after %v; want the second attempt to go on where the first was", res, err, time.Since(began))
		}
	})
}

func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		p := start(t, st)
		time.Sleep(59 * time.Minute)
		st.Fail(errors.New("the disk is full"))
		time.Sleep(5 * time.Minute) // the report would be written by now
		st.Mend()
		res, err := p.Wait(t.Context())
		if err != nil || res.GetText() != "2026-11, attempt 1" {
			t.Errorf("got %v, %v; want the report, of the first attempt", res, err)
		}
	})
}

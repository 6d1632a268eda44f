package lro_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
)

// TestHour waits for an operation of one hour the way a client does, over gRPC
// and with a Poller, in a moment of real time.
func TestHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newFlaky()
		var heartbeats atomic.Int64
		st.heartbeat = func(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
			heartbeats.Add(1)
			return st.Store.Heartbeat(ctx, owner, ttl)
		}
		var attempt atomic.Int64
		p := setup(t, st, func(_ context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			attempt.Store(task.Attempt())
			for page := range int64(60) {
				time.Sleep(time.Minute)
				task.Report(&testpb.PrintMetadata{PagesDone: page + 1})
			}
			return &testpb.PrintResponse{Pages: 60}, nil
		}, nil, nil)
		client := longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, nil))

		began := time.Now()
		op, err := p.print.Start(t.Context(), &testpb.PrintRequest{Text: "the hour"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[int64]bool)
		for op, err := range poller.New[*testpb.PrintResponse](client, op, nil).Updates(t.Context()) {
			if err != nil {
				t.Fatalf("Updates: %v", err)
			}
			meta, err := poller.Metadata[*testpb.PrintMetadata](op)
			if err == nil {
				seen[meta.GetPagesDone()] = true
			}
		}
		res, err := poller.New[*testpb.PrintResponse](client, op, nil).Wait(t.Context())
		took := time.Since(began)

		if err != nil || res.GetPages() != 60 {
			t.Errorf("Poller.Wait answered %v, %v; want 60 pages", res, err)
		}
		if took < time.Hour-time.Second || took > time.Hour+time.Second {
			t.Errorf("the operation took %v of bubble time; want 1h ± 1s", took)
		}
		if got := attempt.Load(); got != 1 {
			t.Errorf("the handler ran as attempt %d; want 1", got)
		}
		if got := heartbeats.Load(); got < 100 {
			t.Errorf("%d heartbeats in an hour; want at least 100", got)
		}
		if len(seen) < 10 {
			t.Errorf("%d metadata values were seen; want at least 10", len(seen))
		}
		t.Logf("bubble time %v, attempt %d, %d heartbeats, %d metadata values", took, attempt.Load(), heartbeats.Load(), len(seen))
	})
}

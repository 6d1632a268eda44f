package lro_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestUnknownMethodsAreLeftAlone has a replica of an older version, which adopts,
// sweeps and reconciles, and does not know a method: it touches neither pending
// operations of that method nor orphans, nor done ones before they expire.
func TestUnknownMethodsAreLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		l := newLink(shared)
		newer := setup(t, l, func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if req.GetText() == "done" {
				return echo(ctx, task, req)
			}
			return untilCancelled(ctx, task, req)
		}, &lro.Options{Capacity: 2}, &lro.MethodOptions{Retention: time.Hour})
		var bind *lro.Method[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata]
		older := setup(t, shared, nil, nil, nil, func(m *lro.Manager) {
			bind = lro.Handle(m, func(context.Context, *lro.Task[*testpb.BindMetadata], *testpb.BindRequest) (*testpb.BindResponse, error) {
				return &testpb.BindResponse{}, nil
			}, nil)
		})
		done := newer.start("done", nil)
		newer.end(done)
		names := []string{done, newer.start("orphan", nil), newer.start("orphan", nil), newer.start("pending", nil)}
		before := stored(t, shared, names)
		l.kill()
		time.Sleep(30 * time.Minute)
		for i, rec := range stored(t, shared, names) {
			if old := before[i]; rec.State != old.State || rec.Version != old.Version || rec.Epoch != old.Epoch {
				t.Errorf("after half an hour with a replica that does not know its method an operation went from %v, version %d, epoch %d to %v, %d, %d; want it untouched",
					old.State, old.Version, old.Epoch, rec.State, rec.Version, rec.Epoch)
			}
		}
		op, err := bind.Start(t.Context(), &testpb.BindRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		older.end(op.GetName())

		heir := setup(t, shared, echo, nil, nil)
		for _, name := range names {
			responseOf[*testpb.PrintResponse](t, heir.end(name))
		}
	})
}

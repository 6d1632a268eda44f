package lro_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/lrotest"
	"github.com/longrunning-go/longrunning/poller"
)

// TestRecipe is how to test a handler that takes an hour, and what it does when its
// process dies: everything stands in it that such a test needs.
func TestRecipe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore() // all of it inside the bubble
		m := lrotest.NewManager(t, st, nil)
		printing := lro.Handle(m, func(ctx context.Context, task *lro.Task[*testpb.PrintMetadata], _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			done := new(testpb.Checkpoint)
			if _, err := task.Load(done); err != nil {
				return nil, err
			}
			for done.Offset < 60 {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(time.Minute):
				}
				done.Offset++
				task.Report(&testpb.PrintMetadata{PagesDone: done.GetOffset()})
				if err := task.Save(ctx, done); err != nil {
					return nil, err
				}
			}
			return &testpb.PrintResponse{Pages: 60}, nil
		}, nil)
		conn := lrotest.Serve(t, m, nil) // in place of nil, what registers your service

		op, err := printing.Start(t.Context(), &testpb.PrintRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		time.Sleep(30*time.Minute + time.Second)
		st.KillOwners() // the process dies half-way
		res, err := poller.New[*testpb.PrintResponse](longrunningpb.NewOperationsClient(conn), op, nil).Wait(t.Context())
		if took := time.Since(began); err != nil || res.GetPages() != 60 || took < time.Hour || took > time.Hour+time.Minute {
			t.Errorf("got %v, %v after %v; want 60 pages after an hour, and half a minute until the other half went on", res, err, took)
		}
	})
}

package lro_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestRecipe is how to test a handler that takes an hour: everything stands in
// it that such a test needs.
func TestRecipe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, err := lro.New(memstore.New(), nil) // inside the bubble
		if err != nil {
			t.Fatal(err)
		}
		printing := lro.Handle(m, func(ctx context.Context, task *lro.Task[*testpb.PrintMetadata], _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			for page := range int64(60) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(time.Minute):
				}
				task.Report(&testpb.PrintMetadata{PagesDone: page + 1})
			}
			return &testpb.PrintResponse{Pages: 60}, nil
		}, nil)

		ctx, drain := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- m.Run(ctx) }()
		synctest.Wait() // Run is registered with the store

		op, err := printing.Start(t.Context(), &testpb.PrintRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		res, err := poller.New[*testpb.PrintResponse](m.LocalClient(), op, nil).Wait(t.Context())
		if err != nil || res.GetPages() != 60 || time.Since(began) != time.Hour {
			t.Errorf("got %v, %v after %v; want 60 pages after an hour", res, err, time.Since(began))
		}

		drain()
		if err := <-ran; err != nil { // before the bubble ends
			t.Error(err)
		}
	})
}

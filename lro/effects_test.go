package lro_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestContextAfterOwnComplete: a handler that completed its operation itself may tidy up.
func TestContextAfterOwnComplete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cause := make(chan error, 1)
		p := setup(t, memstore.New(), func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			task.Report(&testpb.PrintMetadata{PagesDone: 1})
			if err := task.Complete(ctx, &testpb.PrintResponse{}); err != nil {
				return nil, err
			}
			select { // tidy up
			case <-ctx.Done():
			case <-time.After(5 * time.Second):
			}
			cause <- context.Cause(ctx)
			return nil, nil
		}, nil, nil)
		p.start("", nil)
		if err := <-cause; err != nil {
			t.Errorf("after the handler's own Complete its context ended with %v; want it to go on", err)
		}
	})
}

// TestDeleteKeepsADueRetry: Delete does not postpone the next attempt.
func TestDeleteKeepsADueRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		second := make(chan time.Time, 1)
		p := setup(t, memstore.New(), func(_ context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if task.Attempt() == 1 {
				return nil, lro.Retry(errStore, time.Hour)
			}
			second <- time.Now()
			return &testpb.PrintResponse{}, nil
		}, nil, nil)
		began := time.Now()
		name := p.start("", nil)
		time.Sleep(59 * time.Minute)
		if err := p.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if took := (<-second).Sub(began); took > 61*time.Minute {
			t.Errorf("attempt 2 began after %v; want 1h", took)
		}
	})
}

// TestClaimOfAReservedName: a record that is claimed while its Start is under way runs at once.
func TestClaimOfAReservedName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		f := &flaky{Store: shared}
		p := setup(t, f, echo, nil, nil)
		time.Sleep(time.Second)
		// The owner dies in the store; the Create answer is slow.
		var owner string
		f.set(func(f *flaky) {
			f.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				owner = rec.Owner
				_, _ = shared.Heartbeat(ctx, owner, 0)
				stored, err := shared.Create(ctx, rec)
				time.Sleep(10 * time.Second) // meanwhile a new lease claims it
				return stored, err
			}
		})
		began := time.Now()
		name := p.start("", nil)
		p.end(name)
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("took %v: the claim that found the name reserved was dropped", took)
		}
	})
}

// TestReportsTravelWithSaves: a report that was stored with a checkpoint is not written again.
func TestReportsTravelWithSaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		var writes atomic.Int64
		f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
			writes.Add(1)
			return f.Store.Update(ctx, rec)
		}
		p := setup(t, f, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			task.Report(&testpb.PrintMetadata{PagesDone: 1}) // written at once; the next after ReportInterval
			for range 5 {
				time.Sleep(50 * time.Millisecond)
				task.Report(&testpb.PrintMetadata{PagesDone: 2})
				_ = task.Save(ctx, &testpb.Checkpoint{Note: "x"})
			}
			time.Sleep(10 * time.Second)
			return &testpb.PrintResponse{}, nil
		}, nil, nil)
		p.end(p.start("", nil))
		if got := writes.Load(); got != 7 {
			t.Errorf("a report, 5 saves with one and an end took %d writes; want 7", got)
		}
	})
}

package lro_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestHangingOutageBuriesNobody: a claim that an outage held up adopts nothing when it gets through.
func TestHangingOutageBuriesNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		const fleet, each = 10, 5
		var attempts atomic.Int64
		var links []*link
		var processes []*process
		for range fleet {
			l := newLink(shared)
			links = append(links, l)
			processes = append(processes, setup(t, l, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				attempts.Add(1)
				time.Sleep(10 * time.Minute)
				return &testpb.PrintResponse{}, nil
			}, nil, nil))
		}
		var names []string
		for i := range fleet * each {
			names = append(names, processes[i%fleet].start("", nil))
		}
		time.Sleep(time.Minute)
		for _, l := range links {
			l.pause()
		}
		time.Sleep(2 * time.Minute)
		for _, l := range links {
			l.resume()
		}
		for _, name := range names {
			op := processes[0].end(name)
			if op.GetError() != nil {
				t.Error(op.GetError())
			}
		}
		if got := attempts.Load(); got != fleet*each {
			t.Errorf("%d operations took %d attempts over an outage in which calls hung; want one each", fleet*each, got)
		}
	})
}

// TestHungReport: one black-holed write does not keep the result from being stored.
func TestHungReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		var once sync.Once
		free := make(chan struct{})
		f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
			var err error
			once.Do(func() { // one black-holed connection
				select {
				case <-ctx.Done():
					err = ctx.Err()
				case <-free:
					err = errStore
				}
			})
			if err != nil {
				return nil, err
			}
			return f.Store.Update(ctx, rec)
		}
		p := setup(t, f, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			task.Report(&testpb.PrintMetadata{PagesDone: 1})
			time.Sleep(5 * time.Second)
			return &testpb.PrintResponse{}, nil
		}, nil, nil)
		name := p.start("", nil)
		time.Sleep(time.Hour)
		op, _ := p.Get(t.Context(), name)
		if !op.GetDone() {
			t.Error("one hung report write: an hour after the handler returned, the operation is not done")
		}
		close(free)
	})
}

// TestFailingSaveHoldsUpNoEnd: a Save that cannot succeed does not keep a cancelled operation from ending.
func TestFailingSaveHoldsUpNoEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
			if rec.Checkpoint != nil {
				return nil, errors.New("row too large")
			}
			return f.Store.Update(ctx, rec)
		}
		p := setup(t, f, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			return nil, task.Save(context.WithoutCancel(ctx), &testpb.Checkpoint{Note: "x"})
		}, nil, nil)
		name := p.start("", nil)
		time.Sleep(time.Second)
		if err := p.Cancel(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if op, _ := p.Get(t.Context(), name); !op.GetDone() {
			t.Error("10 minutes after Cancel, grace 1 minute, the operation is not done")
		}
	})
}

// TestWaitOutlivesAMissingRead: a record that was read as missing before it was created is waited for.
func TestWaitOutlivesAMissingRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		p := setup(t, f, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			time.Sleep(time.Minute)
			return &testpb.PrintResponse{}, nil
		}, &lro.Options{LeaseTTL: time.Second}, nil)
		time.Sleep(time.Second)
		f.set(func(f *flaky) {
			f.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				time.Sleep(5 * time.Second) // reconcile re-reads what is held, this name too
				return f.Store.Create(ctx, rec)
			}
			f.get = func(ctx context.Context, names ...string) ([]*store.Record, error) {
				recs, err := f.Store.Get(ctx, names...)
				if len(recs) < len(names) {
					time.Sleep(10 * time.Second)
				}
				return recs, err
			}
		})
		name := p.start("", nil)
		began := time.Now()
		op, err := p.Wait(t.Context(), name)
		if err != nil || !op.GetDone() {
			t.Errorf("Wait answered after %v, done %v, %v; want the end", time.Since(began), op.GetDone(), err)
		}
	})
}

// TestOwnLateWrite: a write whose answer was lost, and which is found only when the
// call has run out of patience, is a success and no conflict.
func TestOwnLateWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		p := setup(t, f, untilCancelled, nil, nil)
		name := p.start("", nil)
		var calls atomic.Int64
		f.set(func(f *flaky) {
			f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if !rec.CancelRequested || rec.State == store.Done || calls.Add(1) > 2 {
					return f.Store.Update(ctx, rec)
				}
				stored, err := f.Store.Update(ctx, rec)
				time.Sleep(4 * time.Second) // of the five that Cancel has
				if calls.Load() == 1 {
					return nil, errStore
				}
				return stored, err
			}
		})
		if err := p.Cancel(t.Context(), name); err != nil {
			t.Errorf("Cancel that was stored by its first write: got error %v, want none", err)
		}
	})
}

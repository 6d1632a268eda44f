package lro_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func TestReportsAreCoalesced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newFlaky()
		var writes atomic.Int64
		st.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
			writes.Add(1)
			return st.Store.Update(ctx, rec)
		}
		const seconds, each = 10, 10_000
		p := setup(t, st, func(_ context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			meta := new(testpb.PrintMetadata)
			for range seconds {
				for range each {
					meta.PagesDone++
					task.Report(meta)
				}
				time.Sleep(time.Second)
			}
			meta.Stage = "done"
			task.Report(meta)
			meta.Stage = "changed after Report"
			return &testpb.PrintResponse{}, nil
		}, nil, nil)
		op := p.end(p.start("", nil))
		meta := new(testpb.PrintMetadata)
		if err := op.GetMetadata().UnmarshalTo(meta); err != nil || meta.GetPagesDone() != seconds*each || meta.GetStage() != "done" {
			t.Errorf("the done operation shows %v, %v; want the last report, as it was when Report was called", meta, err)
		}
		if got := writes.Load(); got < seconds/2 || got > seconds+2 {
			t.Errorf("%d reports cost %d writes; want about one a second", seconds*each, got)
		}
	})
}

func TestReportsGoOnAfterTheStoreFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newFlaky()
		p := setup(t, st, func(_ context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			task.Report(&testpb.PrintMetadata{PagesDone: 1})
			time.Sleep(time.Minute)
			return &testpb.PrintResponse{}, nil
		}, nil, nil)
		st.set(func(f *flaky) {
			f.update = func(context.Context, *store.Record) (*store.Record, error) { return nil, errStore }
		})
		name := p.start("", nil)
		time.Sleep(10 * time.Second)
		st.set(func(f *flaky) { f.update = nil })
		time.Sleep(8 * time.Second) // more than a try waits for the next
		op, err := p.Get(t.Context(), name)
		meta := new(testpb.PrintMetadata)
		if err != nil || op.GetMetadata().UnmarshalTo(meta) != nil || meta.GetPagesDone() != 1 {
			t.Errorf("after the store is back the operation shows %v, %v; want the report", op, err)
		}
		p.end(name)
	})
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			checkpoint := new(testpb.Checkpoint)
			found, err := task.Load(checkpoint)
			if err != nil || found != (task.Attempt() > 1) || checkpoint.GetOffset() != 100*(task.Attempt()-1) {
				t.Errorf("attempt %d loads %v, %v, %v; want what the one before saved", task.Attempt(), checkpoint, found, err)
			}
			if _, err := task.Load(new(testpb.PrintResponse)); found && err == nil {
				t.Error("Load into another type answered nil; want an error")
			}
			if task.Attempt() == 3 {
				return &testpb.PrintResponse{Pages: checkpoint.GetOffset()}, nil
			}
			task.Report(&testpb.PrintMetadata{PagesDone: task.Attempt()})
			if err := task.Save(ctx, &testpb.Checkpoint{Offset: 100 * task.Attempt()}); err != nil {
				return nil, err
			}
			if got := task.Metadata().GetPagesDone(); got != task.Attempt() {
				t.Errorf("Metadata answers page %d; want what was reported, %d", got, task.Attempt())
			}
			return nil, lro.Retry(errors.New("once more"), time.Minute)
		}, nil, nil)
		name := p.start("", nil)
		began := time.Now()
		if got := responseOf[*testpb.PrintResponse](t, p.end(name)); got.GetPages() != 200 {
			t.Errorf("the last attempt found offset %d; want 200", got.GetPages())
		}
		if took := time.Since(began); took < 2*time.Minute || took > 2*time.Minute+4*time.Second {
			t.Errorf("two retries after a minute took %v; want 2m and the wait for two claims", took)
		}
	})
}

func TestSaveIsRepeatedUntilItIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newFlaky()
		saved := make(chan time.Duration, 1)
		p := setup(t, st, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			began := time.Now()
			err := task.Save(ctx, &testpb.Checkpoint{Offset: 1})
			saved <- time.Since(began)
			return &testpb.PrintResponse{}, err
		}, nil, nil)
		st.set(func(f *flaky) { // commits, and then says that it failed
			f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				_, _ = st.Store.Update(ctx, rec)
				return nil, errStore
			}
		})
		name := p.start("", nil)
		time.Sleep(time.Minute)
		st.set(func(f *flaky) { f.update = nil })
		responseOf[*testpb.PrintResponse](t, p.end(name))
		if took := <-saved; took < time.Minute || took > 2*time.Minute {
			t.Errorf("Save took %v over an outage of a minute; want it repeated until stored", took)
		}
	})
}

func TestTaskComplete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if err := task.Complete(ctx, &testpb.BindResponse{}); err == nil {
				t.Error("Complete with another type answered nil; want an error")
			}
			for range 2 {
				if err := task.Complete(ctx, &testpb.PrintResponse{Text: "by Complete"}); err != nil {
					t.Errorf("Complete answered %v; want nil, also for the same again", err)
				}
			}
			if err := task.Complete(ctx, &testpb.PrintResponse{Text: "other"}); !errors.Is(err, lro.ErrDone) {
				t.Errorf("Complete with another result answered %v; want ErrDone", err)
			}
			if err := ctx.Err(); err != nil {
				t.Errorf("after its own Complete the handler's context ended: %v", context.Cause(ctx))
			}
			return nil, errors.New("ignored")
		}, nil, nil)
		if got := responseOf[*testpb.PrintResponse](t, p.end(p.start("", nil))); got.GetText() != "by Complete" {
			t.Errorf("the operation ended with %q; want what Complete was given", got.GetText())
		}
	})
}

func TestExternalHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), func(_ context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			task.Report(&testpb.PrintMetadata{Stage: "handed over"})
			return nil, lro.ErrExternal
		}, &lro.Options{Capacity: 1}, nil)
		first, second := p.start("1", nil), p.start("2", nil)
		time.Sleep(5 * time.Second) // the slot is free again, so both are external
		for _, name := range []string{first, second} {
			if err := p.Report(t.Context(), name, &testpb.PrintMetadata{Stage: "at the binder's"}); err != nil {
				t.Errorf("Report answered %v", err)
			}
			if err := p.print.Complete(t.Context(), name, &testpb.PrintResponse{Text: name}); err != nil {
				t.Errorf("Complete answered %v", err)
			}
			op := p.end(name)
			meta := new(testpb.PrintMetadata)
			if err := op.GetMetadata().UnmarshalTo(meta); err != nil || meta.GetStage() != "at the binder's" {
				t.Errorf("the operation shows %v, %v; want what Report was given", meta, err)
			}
		}
	})
}

func TestCompleteByNameFencesTheHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		causes := make(chan error, 1)
		runner := setup(t, shared, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			if err := task.Save(context.WithoutCancel(ctx), &testpb.Checkpoint{}); !errors.Is(err, lro.ErrDone) {
				t.Errorf("Save after the end answered %v; want ErrDone", err)
			}
			return &testpb.PrintResponse{Text: "handler"}, nil
		}, nil, nil)
		other := setup(t, shared, nil, nil, nil)
		name := runner.start("", nil)
		synctest.Wait()
		if err := other.Report(t.Context(), name, &testpb.PrintMetadata{}); err == nil {
			t.Error("Report by name on a running operation answered nil; want FAILED_PRECONDITION")
		}
		if err := other.Fail(t.Context(), name, errors.New("enough")); err != nil {
			t.Fatal(err)
		}
		if err := other.Fail(t.Context(), name, errors.New("enough")); err != nil {
			t.Errorf("an equal Fail again answered %v; want nil", err)
		}
		if cause := <-causes; !errors.Is(cause, lro.ErrDone) {
			t.Errorf("the handler's context ended with cause %v; want ErrDone", cause)
		}
		if op := runner.end(name); op.GetError() == nil {
			t.Errorf("the operation is %v; want the error of Fail", op)
		}
	})
}

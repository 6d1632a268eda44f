package lro_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// drainBound is how long Run takes at the most, as its comment says.
const drainBound = 20*time.Second + 10*time.Second // DrainTimeout is the first

// drain drains p and answers what Run answered. It fails unless that comes in
// time.
func drain(t *testing.T, p *process) error {
	t.Helper()
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- p.stop() }()
	select {
	case err := <-done:
		if took := time.Since(began); took > drainBound {
			t.Errorf("Run returned %v after the drain began; want at most %v", took, drainBound)
		}
		return err
	case <-time.After(time.Hour):
		t.Errorf("an hour after the drain began Run has not returned; want at most %v", drainBound)
		return nil
	}
}

// TestDrainOfAHungStore: a store that answers nothing holds up neither Run nor the news to the handlers.
func TestDrainOfAHungStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLink(memstore.New())
		told := make(chan struct{})
		p := setup(t, l, func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			<-ctx.Done()
			close(told)
			return nil, ctx.Err()
		}, nil, nil)
		name := p.start("", nil)
		time.Sleep(10 * time.Second)
		l.pause()
		time.Sleep(10 * time.Second)
		if err := drain(t, p); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Run answered %v; want it to name %s, whose end was not stored", err, name)
		}
		select {
		case <-told:
		default:
			t.Error("handler was not told of the shutdown")
		}
		l.resume()
	})
}

// TestDrainOfAHungStart: nor does a Start that waits for the store.
func TestDrainOfAHungStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		p := setup(t, f, echo, nil, nil)
		free := make(chan struct{})
		f.set(func(f *flaky) {
			f.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				select {
				case <-ctx.Done():
				case <-free:
				}
				return nil, errStore
			}
		})
		go func() { _, _ = p.print.Start(context.WithoutCancel(t.Context()), &testpb.PrintRequest{}, nil) }()
		synctest.Wait()
		if err := drain(t, p); err != nil {
			t.Errorf("Run answered %v beside a Start whose Create hangs; want nil", err)
		}
		close(free)
	})
}

// TestDrainBesideAHungReport: handlers hear of the shutdown in time although a write hangs.
func TestDrainBesideAHungReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		var told atomic.Int64
		var drain time.Time
		p := setup(t, f, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			task.Report(&testpb.PrintMetadata{PagesDone: 1})
			<-ctx.Done()
			told.Store(int64(time.Since(drain)))
			return nil, ctx.Err()
		}, nil, nil)
		f.set(func(f *flaky) {
			f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		})
		p.start("", nil)
		time.Sleep(10 * time.Second)
		drain = time.Now()
		err := p.stop()
		if got := time.Duration(told.Load()); got != 20*time.Second || err == nil || strings.Contains(err.Error(), "ignored") {
			t.Errorf("handler was told %v after the drain began, Run: %v; want DrainTimeout 20s, no deaf handler and an end that was not stored", got, err)
		}
	})
}

// TestDrainKnowsWhoReturned: a handler that returned while a write hung is not called deaf, and its result counts.
func TestDrainKnowsWhoReturned(t *testing.T) {
	t.Parallel()
	// a grace conclude that blocks across the drain while the handler has long returned
	bad := 0
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			f := newFlaky()
			p := setup(t, f, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				task.Report(&testpb.PrintMetadata{PagesDone: 1})
				time.Sleep(5 * time.Second)
				return &testpb.PrintResponse{}, nil
			}, nil, nil)
			var off atomic.Bool
			f.set(func(f *flaky) {
				f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
					if off.Load() {
						return f.Store.Update(ctx, rec)
					}
					time.Sleep(27 * time.Second)
					off.Store(true)
					return nil, errStore
				}
			})
			name := p.start("", nil)
			time.Sleep(1500 * time.Millisecond)
			err := p.stop()
			op, _ := p.Get(t.Context(), name)
			if err != nil && strings.Contains(err.Error(), "ignored") || !op.GetDone() {
				bad++
			}
		})
	}
	if bad > 0 {
		t.Errorf("%d of 20: a handler that returned 20 s before is called deaf, or its result thrown away", bad)
	}
}

// TestDrainSettlesUnknownClaims: what a claim of unknown outcome left behind is handed back, and costs no attempt.
func TestDrainSettlesUnknownClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		f := &flaky{Store: shared}
		f.claim = func(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
			recs, err := shared.Claim(ctx, c)
			if len(recs) > 0 {
				return nil, errStore // committed, answer lost
			}
			return recs, err
		}
		var runs atomic.Int64
		count := func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			runs.Add(1)
			return &testpb.PrintResponse{}, nil
		}
		one := &lro.MethodOptions{MaxAttempts: 1}
		first := setup(t, f, count, nil, one)
		name := setupIdle(t, shared, count, nil, one).start("", nil) // pending; the hint makes first claim it
		synctest.Wait()
		if err := first.stop(); err != nil {
			t.Fatal(err)
		}
		op := setup(t, shared, count, nil, one).end(name)
		if op.GetError() != nil || runs.Load() != 1 {
			t.Errorf("a claim of unknown outcome, then a drain: handler ran %d times, the operation ended with %v", runs.Load(), op.GetResult())
		}
	})
}

// TestDrainKeepsWhatIsExternal: work that a handler handed to somebody outside
// while it was being shut down is not handed out again.
func TestDrainKeepsWhatIsExternal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		p := setup(t, shared, func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			<-ctx.Done()
			return nil, lro.ErrExternal
		}, nil, nil)
		name := p.start("", nil)
		if err := p.stop(); err != nil {
			t.Fatal(err)
		}
		if rec := stored(t, shared, []string{name})[0]; rec.State != store.External {
			t.Errorf("after the drain the operation is %v; want EXTERNAL", rec.State)
		}
	})
}

// TestDrainSaysWhatBecameOfTheDeaf: an operation that had ended before its deaf
// handler was left behind was not handed back.
func TestDrainSaysWhatBecameOfTheDeaf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deaf := make(chan struct{})
		p := setup(t, memstore.New(), func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			<-deaf
			return &testpb.PrintResponse{}, nil
		}, nil, nil)
		cancelled, running := p.start("", nil), p.start("", nil)
		if err := p.Cancel(t.Context(), cancelled); err != nil {
			t.Fatal(err)
		}
		p.end(cancelled)
		err := p.stop()
		if err == nil || !strings.Contains(err.Error(), cancelled+" (ended before)") || !strings.Contains(err.Error(), running+" (handed back)") {
			t.Errorf("Run answered %v; want what became of both operations", err)
		}
		close(deaf)
	})
}

package lro_test

import (
	"context"
	"errors"
	"strconv"
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

// TestOutageBuriesNobody takes the store away from a whole fleet for longer
// than a lease: whoever is back first must not adopt what the others still run.
func TestOutageBuriesNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		const fleet, each = 10, 5
		var attempts atomic.Int64
		var down atomic.Bool
		var processes []*process
		for range fleet {
			f := &flaky{Store: shared}
			f.heartbeat = func(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
				if down.Load() {
					return nil, errStore
				}
				return shared.Heartbeat(ctx, owner, ttl)
			}
			f.claim = func(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
				if down.Load() {
					return nil, errStore
				}
				return shared.Claim(ctx, c)
			}
			processes = append(processes, setup(t, f, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
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
		down.Store(true)
		time.Sleep(2 * time.Minute)
		down.Store(false)
		for _, name := range names {
			responseOf[*testpb.PrintResponse](t, processes[0].end(name))
		}
		if got := attempts.Load(); got != fleet*each {
			t.Errorf("%d operations took %d attempts over an outage; want one each", fleet*each, got)
		}
	})
}

// TestLostLease lets a Manager's heartbeats fail until others have adopted its
// operations: its handlers are told, and it goes on under a new id.
func TestLostLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		f := &flaky{Store: shared}
		causes := make(chan error, 1)
		first := setup(t, f, func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if req.GetText() == "later" {
				return &testpb.PrintResponse{Text: "first"}, nil
			}
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return nil, ctx.Err()
		}, nil, nil)
		second := setup(t, shared, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			return &testpb.PrintResponse{Text: "second"}, nil
		}, &lro.Options{Capacity: 1}, nil)
		time.Sleep(time.Minute)
		name := first.start("", nil)
		f.set(func(f *flaky) {
			f.heartbeat = func(context.Context, string, time.Duration) ([]string, error) { return nil, errStore }
		})
		if got := responseOf[*testpb.PrintResponse](t, second.end(name)); got.GetText() != "second" {
			t.Errorf("the operation ended with %q; want the heir's result", got.GetText())
		}
		f.set(func(f *flaky) { f.heartbeat = nil })
		if cause := <-causes; !errors.Is(cause, lro.ErrLeaseLost) {
			t.Errorf("the handler's context ended with cause %v; want ErrLeaseLost", cause)
		}
		time.Sleep(time.Minute)
		_ = second.stop()
		if got := responseOf[*testpb.PrintResponse](t, first.end(first.start("later", nil))); got.GetText() != "first" {
			t.Errorf("after it lost a lease the Manager answers %q; want it to go on under a new one", got.GetText())
		}
	})
}

// TestUnknownOutcomes lets the store commit and then fail: nothing may be lost
// and nothing run twice.
func TestUnknownOutcomes(t *testing.T) {
	t.Run("Create", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			st := newFlaky()
			var calls, attempts atomic.Int64
			st.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				stored, err := st.Store.Create(ctx, rec)
				if calls.Add(1)%2 == 1 {
					return nil, errStore
				}
				return stored, err
			}
			p := setup(t, st, func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				attempts.Add(1)
				return echo(ctx, task, req)
			}, nil, nil)
			for i := range 20 {
				text := strconv.Itoa(i)
				if got := responseOf[*testpb.PrintResponse](t, p.end(p.start(text, nil))); got.GetText() != text {
					t.Errorf("the operation answered %q; want %q", got.GetText(), text)
				}
			}
			if got := attempts.Load(); got != 20 {
				t.Errorf("20 operations took %d attempts; want one each", got)
			}
			for op, err := range p.List(t.Context(), "", &lro.ListOptions{Done: new(bool)}) {
				t.Errorf("a repeated Create left %v, %v behind", op, err)
			}
		})
	})
	t.Run("Create whose answer never comes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			st := newFlaky()
			st.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				_, _ = st.Store.Create(ctx, rec)
				return nil, errStore
			}
			p := setup(t, st, echo, nil, nil)
			began := time.Now()
			_, err := p.print.Start(t.Context(), &testpb.PrintRequest{Text: "lost"}, &lro.StartOptions{RequestID: "one"})
			if err == nil || time.Since(began) > 10*time.Second {
				t.Errorf("Start answered %v after %v; want UNAVAILABLE within seconds", err, time.Since(began))
			}
			time.Sleep(time.Minute)
			st.set(func(f *flaky) { f.create = nil })
			name := p.start("lost", &lro.StartOptions{RequestID: "one"})
			if op, err := p.Get(t.Context(), name); err != nil || op.GetResponse() == nil {
				t.Errorf("a minute later the operation that was stored is %v, %v; want it run", op, err)
			}
		})
	})
	t.Run("Claim", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			st := newFlaky()
			var calls, attempts atomic.Int64
			st.claim = func(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
				recs, err := st.Store.Claim(ctx, c)
				if len(recs) > 0 && calls.Add(1)%2 == 1 {
					return nil, errStore
				}
				return recs, err
			}
			starter := setup(t, st.Store, nil, nil, nil)
			declared := declarePrint(starter)
			var names []string
			for range 10 {
				op, err := declared.Start(t.Context(), &testpb.PrintRequest{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, op.GetName())
			}
			setup(t, st, func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				attempts.Add(1)
				return echo(ctx, task, req)
			}, &lro.Options{Capacity: 3}, &lro.MethodOptions{MaxAttempts: 1})
			for _, name := range names {
				responseOf[*testpb.PrintResponse](t, starter.end(name))
			}
			if got := attempts.Load(); got != 10 {
				t.Errorf("10 operations took %d attempts; want one each", got)
			}
		})
	})
	t.Run("Update", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			st := newFlaky()
			var calls, attempts atomic.Int64
			st.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				n := calls.Add(1)
				if n%3 == 0 {
					return nil, errStore
				}
				stored, err := st.Store.Update(ctx, rec)
				if n%3 == 1 {
					return nil, errStore
				}
				return stored, err
			}
			p := setup(t, st, func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				if attempts.Add(1)%2 == 1 {
					return nil, lro.Retry(errors.New("once more"), time.Second)
				}
				return echo(ctx, task, req)
			}, nil, nil)
			for i := range 20 {
				responseOf[*testpb.PrintResponse](t, p.end(p.start(strconv.Itoa(i), nil)))
			}
			if got := attempts.Load(); got != 40 {
				t.Errorf("20 operations with one retry each took %d attempts; want 40", got)
			}
		})
	})
}

// declarePrint declares Print on a Manager of its own beside p, which starts
// what others run.
func declarePrint(p *process) *printMethod {
	m, err := lro.New(p.store, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return lro.Declare[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](m, nil)
}

// TestSuspectsRunAlone has operations on their last attempt after lost owners:
// one at a time, so that a poison one takes no other suspect along.
func TestSuspectsRunAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		l := newLink(shared)
		options := &lro.MethodOptions{MaxAttempts: 2}
		first := setup(t, l, untilCancelled, nil, options)
		var names []string
		for range 5 {
			names = append(names, first.start("", nil))
		}
		l.kill()
		var mu sync.Mutex
		running, most := 0, 0
		heir := setup(t, shared, func(_ context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if req.GetText() == "" {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				defer func() {
					mu.Lock()
					defer mu.Unlock()
					running--
				}()
				time.Sleep(time.Minute)
			}
			return &testpb.PrintResponse{}, nil
		}, nil, options)
		time.Sleep(time.Minute)
		began := time.Now()
		heir.end(heir.start("an innocent one", nil))
		if took := time.Since(began); took != 0 {
			t.Errorf("while suspects run, another operation took %v; want no delay", took)
		}
		if err := heir.Cancel(t.Context(), names[0]); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			heir.end(name)
		}
		mu.Lock()
		defer mu.Unlock()
		if most != 1 {
			t.Errorf("%d suspects ran at once; want one at a time", most)
		}
	})
}

// TestCapacity starts more than may run at once.
func TestCapacity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		p := setup(t, memstore.New(), func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			running--
			return &testpb.PrintResponse{}, nil
		}, &lro.Options{Capacity: 10}, &lro.MethodOptions{Concurrency: 4})
		var names []string
		began := time.Now()
		for range 40 {
			names = append(names, p.start("", nil))
		}
		for _, name := range names {
			p.end(name)
		}
		synctest.Wait()
		if most != 4 {
			t.Errorf("%d handlers ran at once; want Concurrency, 4", most)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("40 operations of a second, 4 at once, took %v; want 10s without a gap", took)
		}
	})
}

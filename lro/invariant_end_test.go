package lro_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func testDoneNeverChanges(t *testing.T) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newFlaky()
		st.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
			if done := rec.State == store.Done; done != (rec.Response != nil || rec.Error != nil) || rec.Response != nil && rec.Error != nil {
				t.Errorf("a record was written in state %v with response %q and error %q; done needs exactly one", rec.State, rec.Response, rec.Error)
			}
			return st.Store.Update(ctx, rec)
		}
		p := setup(t, st, func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if req.GetText() == "fails" {
				return nil, errors.New("no paper")
			}
			return &testpb.PrintResponse{Text: "first"}, nil
		}, nil, nil)

		for _, text := range []string{"succeeds", "fails"} {
			name := p.start(text, nil)
			want := p.end(name)
			if err := p.Complete(t.Context(), name, &testpb.PrintResponse{Text: "second"}); !errors.Is(err, lro.ErrDone) {
				t.Errorf("Complete of a done operation answered %v; want ErrDone", err)
			}
			if err := p.Fail(t.Context(), name, lro.ErrCancelled); !errors.Is(err, lro.ErrDone) {
				t.Errorf("Fail of a done operation answered %v; want ErrDone", err)
			}
			if err := p.Report(t.Context(), name, &testpb.PrintMetadata{Stage: "late"}); !errors.Is(err, lro.ErrDone) {
				t.Errorf("Report on a done operation answered %v; want ErrDone", err)
			}
			if err := p.Cancel(t.Context(), name); err != nil {
				t.Errorf("Cancel of a done operation answered %v; want nil", err)
			}
			time.Sleep(time.Hour)
			if got := p.end(name); !proto.Equal(got, want) {
				t.Errorf("a done operation changed from %v to %v", want, got)
			}
		}
		name := p.start("succeeds", nil)
		p.end(name)
		if err := p.Complete(t.Context(), name, &testpb.PrintResponse{Text: "first"}); err != nil {
			t.Errorf("Complete with the result it has answered %v; want nil", err)
		}
	})
}

func testNoStartIsLost(t *testing.T) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		const fleet, each = 4, 25
		slow := func(_ context.Context, _ *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			time.Sleep(time.Minute)
			return &testpb.PrintResponse{Text: req.GetText()}, nil
		}
		links := make([]*link, fleet)
		processes := make([]*process, fleet)
		for i := range fleet {
			links[i] = newLink(shared)
			processes[i] = setup(t, links[i], slow, &lro.Options{Capacity: 10}, nil)
		}
		time.Sleep(time.Minute)

		var mu sync.Mutex
		acknowledged := make(map[string]string)
		var wg sync.WaitGroup
		for i, p := range processes {
			for j := range each {
				wg.Go(func() {
					time.Sleep(time.Duration(j) * time.Second)
					text := fmt.Sprintf("%d/%d", i, j)
					op, err := p.print.Start(t.Context(), &testpb.PrintRequest{Text: text}, nil)
					if err == nil {
						mu.Lock()
						defer mu.Unlock()
						acknowledged[op.GetName()] = text
					}
				})
			}
		}
		for _, l := range links[1:] {
			time.Sleep(5 * time.Second)
			l.kill()
		}
		wg.Wait()

		for name, text := range acknowledged {
			if got := responseOf[*testpb.PrintResponse](t, processes[0].end(name)); got.GetText() != text {
				t.Errorf("operation %s answered %q; want %q", name, got.GetText(), text)
			}
		}
		if len(acknowledged) < 2*each {
			t.Errorf("only %d starts were acknowledged; the test shows too little", len(acknowledged))
		}
	})
}

func testEveryOperationEnds(t *testing.T) {
	t.Helper()
	t.Run("attempts are bounded when owners die", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := memstore.New()
			var attempts atomic.Int64
			var killNext func()
			poison := func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				attempts.Add(1)
				killNext()
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
			var mu sync.Mutex
			var running *link
			killNext = func() { mu.Lock(); defer mu.Unlock(); running.kill() }
			var name string
			for range 3 {
				l := newLink(shared)
				mu.Lock()
				running = l
				mu.Unlock()
				p := setup(t, l, poison, nil, nil)
				if name == "" {
					name = p.start("poison", nil)
				}
				time.Sleep(time.Minute)
			}
			survivor := setup(t, shared, echo, nil, nil)
			time.Sleep(time.Minute)
			op := survivor.end(name)
			wantError(t, op, codes.Aborted, "ATTEMPTS_EXHAUSTED")
			if got := attempts.Load(); got != 3 {
				t.Errorf("the handler ran %d times; want MaxAttempts, 3", got)
			}
		})
	})
	t.Run("attempts are bounded when the handler retries", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var attempts atomic.Int64
			p := setup(t, memstore.New(), func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				return nil, lro.Retry(fmt.Errorf("jam %d: %w", attempts.Add(1), lro.ErrLeaseLost), 0)
			}, nil, &lro.MethodOptions{MaxAttempts: 5})
			began := time.Now()
			wantError(t, p.end(p.start("again", nil)), codes.Aborted, "LEASE_LOST")
			if got := attempts.Load(); got != 5 {
				t.Errorf("the handler ran %d times; want MaxAttempts, 5", got)
			}
			if took := time.Since(began); took < 4*time.Second || took > 5*time.Minute {
				t.Errorf("four retries took %v; want between 1 s and 1 min each", took)
			}
		})
	})
	t.Run("timeouts end what waits for anything", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			const timeout = 10 * time.Minute
			options := &lro.MethodOptions{Timeout: timeout}
			var bind *lro.Method[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata]
			p := setup(t, memstore.New(), untilCancelled, nil, options, func(m *lro.Manager) {
				bind = lro.Declare[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata](m, options)
			})
			operations := map[string]func() (*longrunningpb.Operation, error){
				"running": func() (*longrunningpb.Operation, error) {
					return p.print.Start(t.Context(), &testpb.PrintRequest{}, nil)
				},
				"pending, with no handler anywhere": func() (*longrunningpb.Operation, error) {
					return bind.Start(t.Context(), &testpb.BindRequest{}, nil)
				},
				"external": func() (*longrunningpb.Operation, error) {
					return p.Create(t.Context(), &lro.CreateOptions{Timeout: timeout})
				},
			}
			for state, start := range operations {
				began := time.Now()
				op, err := start()
				if err != nil {
					t.Fatalf("%s: %v", state, err)
				}
				wantError(t, p.end(op.GetName()), codes.DeadlineExceeded, "OPERATION_TIMEOUT")
				if took := time.Since(began); took < timeout || took > timeout+10*time.Second {
					t.Errorf("%s: timed out after %v; want %v", state, took, timeout)
				}
			}
		})
	})
	t.Run("a handler deaf to its timeout keeps nothing open", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := setup(t, memstore.New(), func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				time.Sleep(time.Hour)
				return &testpb.PrintResponse{}, nil
			}, nil, &lro.MethodOptions{Timeout: time.Minute})
			name := p.start("deaf", nil)
			wantError(t, p.end(name), codes.DeadlineExceeded, "OPERATION_TIMEOUT")
			time.Sleep(2 * time.Hour)
			wantError(t, p.end(name), codes.DeadlineExceeded, "OPERATION_TIMEOUT")
		})
	})
}

func testDelete(t *testing.T) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		var ran atomic.Int64
		slow := func(_ context.Context, _ *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			time.Sleep(time.Minute)
			ran.Add(1)
			return &testpb.PrintResponse{Text: req.GetText()}, nil
		}
		l := newLink(shared)
		first := setup(t, l, slow, nil, nil)
		second := setup(t, shared, slow, nil, nil)
		time.Sleep(time.Minute)

		name := first.start("deleted", nil)
		waited := make(chan *longrunningpb.Operation, 1)
		go func() {
			op, err := second.Wait(t.Context(), name)
			if err != nil {
				t.Errorf("a waiter admitted before the delete was answered %v; want the end", err)
			}
			waited <- op
		}()
		synctest.Wait()
		if err := second.Delete(t.Context(), name); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		for _, p := range []*process{first, second} {
			if op, err := p.Get(t.Context(), name); !errors.Is(err, lro.ErrNotFound) {
				t.Errorf("Get after Delete answered %v, %v; want ErrNotFound", op, err)
			}
			if op, err := p.Wait(t.Context(), name); !errors.Is(err, lro.ErrNotFound) {
				t.Errorf("Wait after Delete answered %v, %v; want ErrNotFound", op, err)
			}
			if err := p.Cancel(t.Context(), name); !errors.Is(err, lro.ErrNotFound) {
				t.Errorf("Cancel after Delete answered %v; want ErrNotFound", err)
			}
			if err := p.Delete(t.Context(), name); !errors.Is(err, lro.ErrNotFound) {
				t.Errorf("a second Delete answered %v; want ErrNotFound", err)
			}
			for op, err := range p.List(t.Context(), "", nil) {
				t.Errorf("List after Delete yields %v, %v", op, err)
			}
		}

		l.kill() // its work is recovered like any other
		op := <-waited
		if got := responseOf[*testpb.PrintResponse](t, op); got.GetText() != "deleted" {
			t.Errorf("the waiter was answered %v; want the response", op)
		}
		if got := ran.Load(); got < 1 {
			t.Errorf("the handler of the deleted operation ended %d times; want its work to go on", got)
		}
		if recs, err := shared.Get(t.Context(), name); err != nil || len(recs) != 1 {
			t.Errorf("right after its end the record reads %v, %v; want it kept for a minute", recs, err)
		}
		time.Sleep(time.Minute + 10*time.Second)
		if recs, err := shared.Get(t.Context(), name); err != nil || len(recs) != 0 {
			t.Errorf("a minute after its end the record reads %v, %v; want it gone", recs, err)
		}
	})
}

func testRetention(t *testing.T) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newFlaky()
		const work, kept = 2 * time.Hour, time.Hour
		p := setup(t, st, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			time.Sleep(work)
			return &testpb.PrintResponse{}, nil
		}, &lro.Options{Capacity: 2000}, &lro.MethodOptions{Retention: kept, Timeout: -1})
		const many = 1200 // several batches
		names := make([]string, many)
		for i := range names {
			names[i] = p.start("", nil)
		}
		p.end(names[many-1])
		time.Sleep(kept - time.Minute)
		if got := len(stored(t, st.Store, names)); got != many {
			t.Errorf("a minute before their retention ends %d of %d operations are kept; want all", got, many)
		}
		time.Sleep(2 * time.Minute)
		if got := len(stored(t, st.Store, names)); got != 0 {
			t.Errorf("a minute after their retention has ended %d operations are kept; want none", got)
		}
		if _, err := p.Get(t.Context(), names[0]); !errors.Is(err, lro.ErrNotFound) {
			t.Errorf("Get of an expired operation answered %v; want ErrNotFound", err)
		}
	})
}

func stored(t *testing.T, st store.Store, names []string) []*store.Record {
	t.Helper()
	recs, err := st.Get(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

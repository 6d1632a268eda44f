package lrotest_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/lrotest"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/storetest"
)

var errDown = errors.New("the store is down")

// printFrom prints ten pages, one a minute, and goes on where an earlier attempt
// has stopped. It answers how many pages this attempt has printed.
func printFrom(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
	from := new(testpb.Checkpoint)
	if _, err := task.Load(from); err != nil {
		return nil, err
	}
	for page := from.GetOffset(); page < 10; page++ {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Minute):
		}
		if err := task.Save(ctx, &testpb.Checkpoint{Offset: page + 1}); err != nil {
			return nil, err
		}
	}
	return &testpb.PrintResponse{Pages: 10 - from.GetOffset()}, nil
}

// TestKillOwners: the handler runs again, as attempt 2, and finds its checkpoint.
func TestKillOwners(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		m := lrotest.NewManager(t, st, nil)
		var attempts []int64
		var ended error
		conn := lrotest.Serve(t, m, serving(m, func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			attempts = append(attempts, task.Attempt())
			res, err := printFrom(ctx, task, req)
			ended = errors.Join(ended, err)
			return res, err
		}))
		p := startPrint(t, conn, "ten pages")
		time.Sleep(3*time.Minute + 30*time.Second)

		st.KillOwners()
		killed := time.Now()
		synctest.Wait()
		if !errors.Is(ended, lro.ErrLeaseLost) {
			t.Errorf("after KillOwners the first attempt ended with %v, want that its context ends with ErrLeaseLost at once", ended)
		}
		res, err := p.Wait(t.Context())
		if err != nil || res.GetPages() != 7 {
			t.Errorf("got %v, %v; want the seven pages that were left of ten when the first attempt had saved three", res, err)
		}
		if len(attempts) != 2 || attempts[1] != 2 {
			t.Errorf("got attempts %v, want 1 and 2", attempts)
		}
		if adopted := time.Since(killed) - 7*time.Minute; adopted < 15*time.Second || adopted > 30*time.Second {
			t.Errorf("the operation was adopted after %v, want between one LeaseTTL of 15 s and two", adopted)
		}
	})
}

// TestKillOwnersRealTime is TestKillOwners outside a bubble.
func TestKillOwnersRealTime(t *testing.T) {
	t.Parallel()
	st := lrotest.NewStore()
	m := lrotest.NewManager(t, st, &lro.Options{LeaseTTL: time.Second})
	began := make(chan struct{}, 1)
	conn := lrotest.Serve(t, m, serving(m, func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		if task.Attempt() == 1 {
			began <- struct{}{}
			return untilCancelled(ctx, task, req)
		}
		return &testpb.PrintResponse{Pages: task.Attempt()}, nil
	}))
	p := startPrint(t, conn, "twice")
	<-began
	st.KillOwners()
	if res, err := p.Wait(t.Context()); err != nil || res.GetPages() != 2 {
		t.Errorf("got %v, %v; want the response of attempt 2", res, err)
	}
}

// TestKillOwnersFences: a handler that does not mind that it was killed stores
// nothing more, not even before it was adopted; and Cancel is heard.
func TestKillOwnersFences(t *testing.T) {
	t.Parallel()
	for _, cancel := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			st := lrotest.NewStore()
			m := lrotest.NewManager(t, st, nil)
			saved := make(chan error, 1)
			conn := lrotest.Serve(t, m, serving(m, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				if task.Attempt() == 1 {
					<-ctx.Done()
					task.Report(&testpb.PrintMetadata{Stage: "zombie"})
					saved <- task.Save(context.WithoutCancel(ctx), &testpb.Checkpoint{Note: "zombie"})
					return &testpb.PrintResponse{Text: "zombie"}, nil
				}
				checkpoint := new(testpb.Checkpoint)
				if found, err := task.Load(checkpoint); found || err != nil {
					return nil, errors.New("attempt 2 found the checkpoint of a killed attempt")
				}
				return &testpb.PrintResponse{Text: "alive" + task.Metadata().GetStage()}, nil
			}))
			p := startPrint(t, conn, "zombie")
			synctest.Wait()
			st.KillOwners()
			if cancel {
				if err := p.Cancel(t.Context()); err != nil {
					t.Errorf("Cancel of an operation whose owner was killed: got %v, want that it is heard", err)
				}
			}
			res, err := p.Wait(t.Context())
			switch {
			case cancel && status.Code(err) != codes.Canceled:
				t.Errorf("cancelled: got %v, %v; want CANCELLED, by the adopter", res, err)
			case !cancel && (err != nil || res.GetText() != "alive"):
				t.Errorf("got %v, %v; want the response of attempt 2, and nothing of what attempt 1 wrote when it was dead", res, err)
			}
			if err := <-saved; !errors.Is(err, lro.ErrLeaseLost) && !errors.Is(err, lro.ErrDone) {
				t.Errorf("Save by a killed attempt: got %v, want ErrLeaseLost, or ErrDone if its successor was faster", err)
			}
		})
	}
}

// TestKillOwnersOneSlot: the attempts of the dead, which return results that do not
// arrive, leave their slots to those that follow.
func TestKillOwnersOneSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		m := lrotest.NewManager(t, st, &lro.Options{Capacity: 1})
		conn := lrotest.Serve(t, m, serving(m, func(_ context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			time.Sleep(time.Second)
			return &testpb.PrintResponse{Pages: task.Attempt()}, nil
		}))
		p := startPrint(t, conn, "deaf")
		synctest.Wait()
		st.KillOwners()
		killed := time.Now()
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		res, err := p.Wait(ctx)
		if err != nil || res.GetPages() != 2 {
			t.Errorf("got %v, %v; want the response of attempt 2", res, err)
		}
		if took := time.Since(killed); took < 15*time.Second || took > 32*time.Second {
			t.Errorf("the second of attempt 2 was over after %v, want that it was adopted between one LeaseTTL of 15 s and two", took)
		}
	})
}

// TestKillOwnersAtTheEnd: a test may end before what it has killed was adopted.
func TestKillOwnersAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &recorder{TB: t}
		st := lrotest.NewStore()
		m := lrotest.NewManager(fake, st, nil)
		conn := lrotest.Serve(fake, m, serving(m, untilCancelled))
		startPrint(t, conn, "killed")
		synctest.Wait()
		st.KillOwners()
		began := time.Now()
		fake.end()
		if took := time.Since(began); took > time.Second || len(fake.errors) > 0 {
			t.Errorf("the test took %v to end, with the errors %q; want that the dead keep nobody waiting", took, fake.errors)
		}
	})
}

// TestKillOwnersComplete: others may end what is to be adopted.
func TestKillOwnersComplete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		m := lrotest.NewManager(t, st, nil)
		conn := lrotest.Serve(t, m, serving(m, untilCancelled))
		p := startPrint(t, conn, "killed")
		synctest.Wait()
		st.KillOwners()
		if err := m.Complete(t.Context(), p.Name(), &testpb.PrintResponse{Text: "by hand"}); err != nil {
			t.Errorf("Complete of an operation whose owner was killed: got %v, want that it is heard", err)
		}
		if res, err := p.Wait(t.Context()); err != nil || res.GetText() != "by hand" {
			t.Errorf("got %v, %v; want the response of Complete", res, err)
		}
	})
}

// TestKillOwnersAfterTheWork: a process that dies when the work is done and the
// store does not know yet; the second attempt must find what the first has done.
func TestKillOwnersAfterTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		m := lrotest.NewManager(t, st, nil)
		printed := make(map[string]int64) // by the operation's name, which outlives attempts
		conn := lrotest.Serve(t, m, serving(m, func(_ context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if printed[task.Name()] == 0 {
				printed[task.Name()] = task.Attempt()
			}
			return &testpb.PrintResponse{Text: "printed", Pages: task.Attempt()}, nil
		}))
		st.Fail(errDown, "Update")
		p := startPrint(t, conn, "once")
		synctest.Wait()
		st.KillOwners()
		st.Mend()
		res, err := p.Wait(t.Context())
		if err != nil || res.GetPages() != 2 || printed[p.Name()] != 1 {
			t.Errorf("got %v, %v, printed by attempt %d; want the work of attempt 1 and the response of attempt 2", res, err, printed[p.Name()])
		}
	})
}

// TestStoreFails: a response that the store does not take is stored when it is
// back, once, and no attempt is lost; callers are answered UNAVAILABLE meanwhile.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		m := lrotest.NewManager(t, st, nil)
		var ran atomic.Int64
		conn := lrotest.Serve(t, m, serving(m, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			time.Sleep(time.Minute)
			return &testpb.PrintResponse{Pages: ran.Add(1)}, nil
		}))
		p := startPrint(t, conn, "down")
		time.Sleep(time.Second)
		st.Fail(errDown)
		time.Sleep(10 * time.Minute)
		if ran.Load() != 1 {
			t.Errorf("during the outage the handler ended %d times, want once: it needs no store", ran.Load())
		}
		if err := p.Poll(t.Context()); status.Code(err) != codes.Unavailable {
			t.Errorf("Poll during the outage: got %v, want UNAVAILABLE", err)
		}
		_, err := testpb.NewLibraryClient(conn).Print(t.Context(), &testpb.PrintRequest{})
		if status.Code(err) != codes.Unavailable {
			t.Errorf("Print during the outage: got %v, want UNAVAILABLE", err)
		}
		st.Mend()
		res, err := p.Wait(t.Context())
		if err != nil || res.GetPages() != 1 {
			t.Errorf("after the outage: got %v, %v; want the response of the one run", res, err)
		}
		time.Sleep(10 * time.Minute)
		recs, err := st.Get(t.Context(), p.Name())
		if err != nil || len(recs) != 1 || ran.Load() != 1 || recs[0].Version != 2 || recs[0].Epoch != 1 {
			t.Errorf("long after: got %d runs and %v, %v; want one run, and version 2 and epoch 1: stored at its start and at its end", ran.Load(), recs, err)
		}
	})
}

// TestStoreFailsByCall: only what is named fails.
func TestStoreFailsByCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		m := lrotest.NewManager(t, st, nil)
		conn := lrotest.Serve(t, m, serving(m, echo))
		st.Fail(errDown, "Update", "Expire")
		p := startPrint(t, conn, "hello")
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := p.Poll(ctx); err != nil || p.Done() {
			t.Errorf("while writes fail: got done %v, %v; want an operation that can be read and is not done", p.Done(), err)
		}
		st.Mend()
		if res, err := p.Wait(t.Context()); err != nil || res.GetText() != "hello" {
			t.Errorf("got %v, %v; want the response", res, err)
		}
	})
}

// TestStoreLosesAnswers: an operation whose start was answered UNAVAILABLE is
// there, and its request id finds it.
func TestStoreLosesAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		m := lrotest.NewManager(t, st, nil)
		var ran atomic.Int64
		conn := lrotest.Serve(t, m, serving(m, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			return &testpb.PrintResponse{Pages: ran.Add(1)}, nil
		}))
		req := &testpb.PrintRequest{Parent: here, RequestId: "6b2c5b6e-6f0b-4a53-8f0c-2f3f7c1f8a10"}
		st.LoseAnswers(errDown, "Create")
		if _, err := testpb.NewLibraryClient(conn).Print(t.Context(), req); status.Code(err) != codes.Unavailable {
			t.Errorf("Print while answers are lost: got %v, want UNAVAILABLE", err)
		}
		st.Mend()
		stored, err := st.List(t.Context(), &store.Query{Parent: here, Limit: 10})
		if err != nil || len(stored) != 1 {
			t.Fatalf("got %d operations, %v; want the one whose answer was lost", len(stored), err)
		}
		op, err := testpb.NewLibraryClient(conn).Print(t.Context(), req)
		if err != nil || op.GetName() != stored[0].Name {
			t.Errorf("Print again: got %v, %v; want operation %s, which the first call has started", op, err, stored[0].Name)
		}
		if _, err := poller.New[*testpb.PrintResponse](longrunningpb.NewOperationsClient(conn), op, nil).Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if ran.Load() != 1 {
			t.Errorf("the handler ran %d times, want once", ran.Load())
		}
	})
}

// TestStoreMisuse: a fault that would be none panics.
func TestStoreMisuse(t *testing.T) {
	t.Parallel()
	for name, misuse := range map[string]func(*lrotest.Store){
		"Fail without an error":         func(s *lrotest.Store) { s.Fail(nil) },
		"Fail of what is no call":       func(s *lrotest.Store) { s.Fail(errDown, "Update", "update") },
		"LoseAnswers of what is none":   func(s *lrotest.Store) { s.LoseAnswers(errDown, "Complete") },
		"LoseAnswers without an error":  func(s *lrotest.Store) { s.LoseAnswers(nil, "Create") },
		"Fail of what is another store": func(s *lrotest.Store) { s.Fail(errDown, "InTx") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: got no panic, want one", name)
				}
			}()
			misuse(lrotest.NewStore())
		}()
	}
}

// TestStoreIsSound: a Store that nobody has told to fail keeps the contract of
// stores.
func TestStoreIsSound(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{
		New:    func(testing.TB) storetest.Database { return database{lrotest.NewStore()} },
		Bubble: true,
	})
}

type database struct{ *lrotest.Store }

func (d database) Open(testing.TB) store.Store { return d.Store }
func (d database) Advance(by time.Duration)    { time.Sleep(by) }

package lro_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// txStore is a fake: memory has no transactions, so this one keeps what is
// written with a transaction's context until commit. The real thing is a store
// on a database.
type txStore struct{ *memstore.Store }

type txKey struct{}

type tx struct {
	mu     sync.Mutex
	writes []func(context.Context) error
}

func begin(ctx context.Context) (context.Context, *tx) {
	t := new(tx)
	return context.WithValue(ctx, txKey{}, t), t
}

func (t *tx) add(write func(context.Context) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writes = append(t.writes, write)
}

func (t *tx) commit(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, write := range t.writes {
		if err := write(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *txStore) InTx(ctx context.Context) bool { return ctx.Value(txKey{}) != nil }

func (s *txStore) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	t, ok := ctx.Value(txKey{}).(*tx)
	if !ok {
		return s.Store.Create(ctx, rec)
	}
	if rec.State != store.Pending {
		return nil, fmt.Errorf("%w: in a transaction a record is created %v", store.ErrTx, rec.State)
	}
	t.add(func(ctx context.Context) error { _, err := s.Store.Create(ctx, rec); return err })
	stored := *rec
	stored.Version = 1
	return &stored, nil
}

func (s *txStore) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	t, ok := ctx.Value(txKey{}).(*tx)
	if !ok {
		return s.Store.Update(ctx, rec)
	}
	current, err := recordOf(ctx, s, rec.Name)
	if err != nil {
		return nil, err
	}
	if current == nil || current.Version != rec.Version {
		return nil, store.ErrConflict
	}
	t.add(func(ctx context.Context) error { _, err := s.Store.Update(ctx, rec); return err })
	next := *rec
	next.Version++
	return &next, nil
}

func TestStartInTransaction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &txStore{memstore.New()}
		p := setup(t, st, echo, nil, nil)
		ctx, _ := begin(t.Context()) // and rolled back
		op, err := p.print.Start(ctx, &testpb.PrintRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err = p.Get(t.Context(), op.GetName()); !errors.Is(err, lro.ErrNotFound) {
			t.Errorf("before the commit Get answered %v; want ErrNotFound", err)
		}

		ctx, committed := begin(t.Context())
		if op, err = p.print.Start(ctx, &testpb.PrintRequest{Text: "now"}, nil); err != nil {
			t.Fatal(err)
		}
		if err = committed.commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if op, err = p.Get(t.Context(), op.GetName()); err != nil || op.GetResponse() == nil {
			t.Errorf("right after the commit the operation is %v, %v; want it run at once", op, err)
		}
	})
}

func TestCompleteInTransaction(t *testing.T) {
	t.Parallel()
	for _, commit := range []bool{true, false} {
		t.Run(fmt.Sprintf("commit %v", commit), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				st := &txStore{memstore.New()}
				p := setup(t, st, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
					txCtx, tx := begin(ctx)
					if err := task.Complete(txCtx, &testpb.PrintResponse{Text: "with the rows"}); err != nil {
						return nil, err
					}
					time.Sleep(time.Minute)
					if rec, err := recordOf(ctx, st, task.Name()); err != nil || rec.State == store.Done {
						t.Errorf("before the commit the record is %v, %v; want it running", rec, err)
					}
					if !commit {
						return nil, lro.ErrNotFound
					}
					return nil, tx.commit(ctx)
				}, nil, nil)
				op := p.end(p.start("", nil))
				if commit != (op.GetResponse() != nil) {
					t.Errorf("the operation ended with %v; want the response exactly if it was committed, and else what the handler returned", op.GetResult())
				}
			})
		})
	}
}

func recordOf(ctx context.Context, st store.Store, name string) (*store.Record, error) {
	recs, err := st.Get(ctx, name)
	if err != nil || len(recs) == 0 {
		return nil, err
	}
	return recs[0], nil
}

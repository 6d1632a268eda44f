package pgstore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

func draft(state store.State) *store.Record {
	id := uuid.NewString()
	return &store.Record{Name: "operations/" + id, ID: id, Method: "/m", Request: []byte("request"), State: state}
}

func edited(rec *store.Record, change func(*store.Record)) *store.Record {
	next := *rec
	change(&next)
	return &next
}

func ended(rec *store.Record) *store.Record {
	return edited(rec, func(r *store.Record) {
		r.State, r.Owner, r.Response, r.ExpireIn = store.Done, "", []byte("response"), time.Hour
	})
}

func create(t *testing.T, st store.Store, rec *store.Record) *store.Record {
	t.Helper()
	stored, err := st.Create(t.Context(), rec)
	must(t, err)
	return stored
}

// read answers the record of a name, nil if there is none.
func read(ctx context.Context, t *testing.T, st store.Store, name string) *store.Record {
	t.Helper()
	recs, err := st.Get(ctx, name)
	must(t, err)
	if len(recs) == 0 {
		return nil
	}
	return recs[0]
}

// transact begins a transaction that the test ends, or its clean-up.
func transact(t *testing.T, pool *pgxpool.Pool, level pgx.TxIsoLevel) (context.Context, pgx.Tx) {
	t.Helper()
	tx, err := pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: level})
	must(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	return pgstore.WithTx(t.Context(), tx), tx
}

// usable fails the test if tx is aborted.
func usable(t *testing.T, tx pgx.Tx) {
	t.Helper()
	if _, err := tx.Exec(t.Context(), `SELECT`); err != nil {
		t.Errorf("after an error of the store the transaction of the caller answers %v; want it usable", err)
	}
}

func TestTxEnds(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st, pool := d.open(t), d.pool(t)
	for _, level := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable} {
		for _, commit := range []bool{true, false} {
			before := create(t, st, draft(store.External))
			ctx, tx := transact(t, pool, level)
			fresh := draft(store.Pending)
			_, err := st.Create(ctx, fresh)
			must(t, err)
			updated, err := st.Update(ctx, ended(before))
			must(t, err)
			if read(ctx, t, st, fresh.Name) == nil || read(ctx, t, st, before.Name).State != store.Done {
				t.Errorf("%s: Get in the transaction does not see what it wrote", level)
			}
			if got := read(t.Context(), t, st, before.Name); read(t.Context(), t, st, fresh.Name) != nil || got.Version != before.Version {
				t.Errorf("%s: others see what is not committed", level)
			}
			if !commit {
				must(t, tx.Rollback(t.Context()))
			} else {
				must(t, tx.Commit(t.Context()))
			}
			if got := read(t.Context(), t, st, fresh.Name); commit != (got != nil) {
				t.Errorf("%s, commit %v: the record created in it is %v", level, commit, got)
			}
			want := before.Version
			if commit {
				want = updated.Version
			}
			if got := read(t.Context(), t, st, before.Name); got.Version != want {
				t.Errorf("%s, commit %v: the record updated in it is at version %d, want %d", level, commit, got.Version, want)
			}
		}
	}
}

// The errors of the store are those of the contract, and leave the transaction of
// the caller as it was.
func TestTxErrors(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st, pool := d.open(t), d.pool(t)
	kept := create(t, st, ended(draft(store.Done)))
	ctx, tx := transact(t, pool, pgx.ReadCommitted)
	_, err := tx.Exec(t.Context(), `CREATE TABLE rows AS SELECT 1`)
	must(t, err)
	for _, c := range []struct {
		what string
		call func() (*store.Record, error)
		want error
	}{
		{"Update of a stale version", func() (*store.Record, error) {
			return st.Update(ctx, edited(kept, func(r *store.Record) { r.Version++ }))
		}, store.ErrConflict},
		{"Update of a name that is not there", func() (*store.Record, error) { return st.Update(ctx, draft(store.External)) }, store.ErrNotFound},
		{"Update that the schema refuses", func() (*store.Record, error) {
			return st.Update(ctx, edited(kept, func(r *store.Record) { r.Response = []byte("another") }))
		}, store.ErrInvalid},
		{"Create of a name that no index takes", func() (*store.Record, error) {
			return st.Create(ctx, edited(draft(store.External), func(r *store.Record) { r.Name = incompressible(9000) }))
		}, store.ErrInvalid},
	} {
		if _, err = c.call(); !errors.Is(err, c.want) {
			t.Errorf("%s: got error %v, want %v", c.what, err, c.want)
		}
		usable(t, tx)
	}
	if rec, err := st.Create(ctx, edited(draft(store.External), func(r *store.Record) { r.Name = kept.Name })); err != nil || rec.ID != kept.ID {
		t.Errorf("Create of a name that exists: got %v and error %v, want the earlier record", rec, err)
	}
	must(t, tx.Commit(t.Context()))
	if _, err = st.Create(ctx, draft(store.External)); !errors.Is(err, store.ErrTx) {
		t.Errorf("Create after the commit: got error %v, want ErrTx", err)
	}
	if _, err = st.Create(pgstore.WithTx(t.Context(), nil), draft(store.External)); !errors.Is(err, store.ErrTx) {
		t.Errorf("Create with a nil transaction: got error %v, want ErrTx", err)
	}
	ctx, tx = transact(t, pool, pgx.ReadCommitted)
	_, err = tx.Exec(t.Context(), `SET TRANSACTION READ ONLY`)
	must(t, err)
	if _, err := st.Create(ctx, draft(store.External)); !errors.Is(err, store.ErrTx) {
		t.Errorf("Create in a transaction that is read-only: got error %v, want ErrTx", err)
	}
}

// incompressible answers text of n bytes that Postgres cannot make much shorter.
func incompressible(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(uuid.NewString())
	}
	return b.String()[:n]
}

// What only beginning anew can mend answers ErrConflict, which package lro makes
// ABORTED.
func TestTxBeginAnew(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st, pool := d.open(t), d.pool(t)

	t.Run("an update since the snapshot", func(t *testing.T) {
		t.Parallel()
		rec := create(t, st, draft(store.External))
		ctx, _ := transact(t, pool, pgx.RepeatableRead)
		seen := read(ctx, t, st, rec.Name)
		_, err := st.Update(t.Context(), rec)
		must(t, err)
		if _, err := st.Update(ctx, ended(seen)); !errors.Is(err, store.ErrConflict) {
			t.Errorf("got error %v, want ErrConflict", err)
		}
	})
	t.Run("a request id used since the snapshot", func(t *testing.T) {
		t.Parallel()
		ctx, _ := transact(t, pool, pgx.Serializable)
		read(ctx, t, st, "operations/none")
		one, two := draft(store.Pending), draft(store.Pending)
		one.RequestID, two.RequestID = "request", "request"
		create(t, st, one)
		if _, err := st.Create(ctx, two); !errors.Is(err, store.ErrConflict) {
			t.Errorf("got error %v, want ErrConflict", err)
		}
	})
	t.Run("a transaction that has failed", func(t *testing.T) {
		t.Parallel()
		ctx, tx := transact(t, pool, pgx.ReadCommitted)
		if _, err := tx.Exec(t.Context(), `SELECT 1/0`); err == nil {
			t.Fatal("1/0 succeeded")
		}
		if _, err := st.Create(ctx, draft(store.Pending)); !errors.Is(err, store.ErrConflict) {
			t.Errorf("got error %v, want ErrConflict", err)
		}
	})
	t.Run("two transactions that hold what the other wants", func(t *testing.T) {
		t.Parallel()
		a, b := create(t, st, draft(store.External)), create(t, st, draft(store.External))
		ctxA, _ := transact(t, pool, pgx.ReadCommitted)
		ctxB, _ := transact(t, pool, pgx.ReadCommitted)
		_, err := st.Update(ctxA, ended(a))
		must(t, err)
		_, err = st.Update(ctxB, ended(b))
		must(t, err)
		var wg sync.WaitGroup
		for ctx, rec := range map[context.Context]*store.Record{ctxA: b, ctxB: a} {
			wg.Go(func() {
				if _, err := st.Update(ctx, ended(rec)); !errors.Is(err, store.ErrConflict) {
					t.Errorf("got error %v, want ErrConflict", err)
				}
			})
		}
		wg.Wait()
	})
}

// A transaction that sits open on one operation, or on a request id, delays no
// other write, and what waits for it holds no connection.
func TestTxOpen(t *testing.T) {
	t.Parallel()
	d := setup(t)
	pool := d.pool(t)
	st := d.openOn(t, pool)
	held := create(t, st, draft(store.External))
	ctx, tx := transact(t, pool, pgx.ReadCommitted)
	_, err := st.Update(ctx, ended(held))
	must(t, err)
	first := edited(draft(store.Pending), func(r *store.Record) { r.RequestID = "held" })
	_, err = st.Create(ctx, first)
	must(t, err)
	earlier := create(t, st, edited(draft(store.External), func(r *store.Record) { r.RequestID = "earlier" }))
	_, err = st.Update(ctx, ended(earlier))
	must(t, err)
	for _, again := range []func(*store.Record){
		func(r *store.Record) { r.RequestID = earlier.RequestID },
		func(r *store.Record) { r.Name = earlier.Name },
	} {
		if rec := create(t, st, edited(draft(store.External), again)); rec.ID != earlier.ID || rec.State != store.External {
			t.Errorf("Create of what a transaction is about to end answers %v, want it as it was before", rec)
		}
	}

	var waiting sync.WaitGroup
	results := make(chan error, 40)
	hold := func(call func(context.Context, *store.Record) (*store.Record, error), rec *store.Record) {
		waiting.Go(func() {
			_, callErr := call(t.Context(), rec)
			results <- callErr
		})
	}
	for range cap(results) / 2 {
		hold(st.Update, held)
		hold(st.Create, edited(draft(store.Pending), func(r *store.Record) { r.RequestID = "held" }))
	}
	// One that waited would take as long as the held ones do, so a few tell; two
	// hundred took longer than that on a machine that was busy.
	for i := range 20 {
		rec := create(t, st, edited(draft(store.Pending), func(r *store.Record) { r.RequestID = uuid.NewString() }))
		_, err = st.Update(t.Context(), ended(rec))
		must(t, err)
		select {
		case err := <-results:
			t.Fatalf("write %d of another operation took until one that is held gave up with %v", i, err)
		default:
		}
	}
	if n := pool.Stat().AcquiredConns(); n != 1 {
		t.Errorf("while writes wait, %d connections are in use; want the transaction's alone", n)
	}
	waiting.Wait()
	close(results)
	for err := range results {
		if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrInvalid) {
			t.Errorf("a write that an open transaction held up got %v, want an error that says nothing of the outcome", err)
		}
	}

	must(t, tx.Commit(t.Context()))
	if _, err := st.Update(t.Context(), held); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Update of what the transaction has updated: got error %v, want ErrConflict", err)
	}
	if rec := create(t, st, edited(first, func(r *store.Record) { r.Name, r.ID = "operations/x", "x" })); rec.ID != first.ID {
		t.Errorf("Create with the request id of the transaction made %s, want %s", rec.ID, first.ID)
	}
}

func TestTxOfAnotherDatabase(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st := d.open(t)
	other := setup(t)
	other.open(t) // the same tables
	bare, err := pgxpool.New(t.Context(), pgtest.Database(t))
	must(t, err)
	defer bare.Close()
	for name, pool := range map[string]*pgxpool.Pool{"the same tables": other.pool(t), "no tables": bare} {
		ctx, tx := transact(t, pool, pgx.ReadCommitted)
		rec := draft(store.Pending)
		if _, err := st.Create(ctx, rec); !errors.Is(err, store.ErrTx) {
			t.Errorf("%s: got error %v, want ErrTx", name, err)
		}
		usable(t, tx)
		must(t, tx.Commit(t.Context()))
		if got := read(t.Context(), t, st, rec.Name); got != nil {
			t.Errorf("%s: the record was stored", name)
		}
	}
}

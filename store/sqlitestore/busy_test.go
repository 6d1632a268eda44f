package sqlitestore_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// hold opens a transaction that keeps every other from writing, and answers what
// ends it.
func hold(t *testing.T, path string) (release func()) {
	t.Helper()
	tx, err := rawDB(t, path).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
			t.Error(err)
		}
	})
}

// A result is that of a call in another goroutine.
type result struct {
	rec *store.Record
	err error
}

// create calls Create in another goroutine.
func create(ctx context.Context, st store.Store, rec *store.Record) <-chan result {
	done := make(chan result, 1)
	go func() {
		got, err := st.Create(ctx, rec)
		done <- result{got, err}
	}()
	return done
}

func external() *store.Record {
	rec := fresh()
	rec.State, rec.Owner = store.External, ""
	return rec
}

// claimable answers a new record whose Create is hinted.
func claimable() *store.Record {
	rec := external()
	rec.State = store.Pending
	return rec
}

func exists(t *testing.T, st store.Store, name string) bool {
	t.Helper()
	got, err := st.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return len(got) == 1
}

// A writer waits for others, but not for ever, and then goes on.
func TestBusyTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, &sqlitestore.Options{BusyTimeout: time.Minute})
		release := hold(t, path)
		defer release()
		rec := external()
		done := create(t.Context(), st, rec)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		select {
		case got := <-done:
			t.Fatalf("Create, 59 s after another process began to write: got error %v, want it to wait", got.err)
		default:
		}
		time.Sleep(2 * time.Second)
		refused(t, "Create after 61 s", (<-done).err, "another process", "BusyTimeout")
		release()
		if _, err := st.Create(t.Context(), rec); err != nil {
			t.Errorf("Create once nobody else writes: got error %v, want none", err)
		}
	})
}

// Readers wait for no writer.
func TestReadsBesideAWriter(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	rec, err := st.Create(t.Context(), external())
	if err != nil {
		t.Fatal(err)
	}
	defer hold(t, path)()
	if !exists(t, st, rec.Name) {
		t.Error("Get while another process writes found nothing")
	}
	if page, err := st.List(t.Context(), &store.Query{AllParents: true, Limit: 10}); err != nil || len(page) != 1 {
		t.Errorf("List while another process writes: got %d records and error %v, want 1", len(page), err)
	}
}

// A write that was begun is made, though its caller has gone.
func TestAbandonedWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, nil)
		release := hold(t, path)
		defer release()
		ctx, cancel := context.WithCancel(t.Context())
		rec := external()
		done := create(ctx, st, rec)
		synctest.Wait()
		cancel()
		got := <-done
		if !errors.Is(got.err, context.Canceled) {
			t.Errorf("Create whose context ended: got error %v, want context.Canceled", got.err)
		}
		refused(t, "Create whose context ended", got.err, "unknown")
		release()
		time.Sleep(time.Second)
		if !exists(t, st, rec.Name) {
			t.Error("the write that was begun before the context ended is not there")
		}
	})
}

// An adopting Claim that its caller has given up marks nobody dead when it gets
// through: those who lapsed meanwhile had their heartbeats wait behind it.
func TestAbandonedClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, nil)
		for owner, ttl := range map[string]time.Duration{"claims": time.Hour, "waits": time.Second} {
			if _, err := st.Heartbeat(t.Context(), owner, ttl); err != nil {
				t.Fatal(err)
			}
		}
		release := hold(t, path)
		defer release()
		ctx, cancel := context.WithCancel(t.Context())
		claimed := make(chan error, 1)
		go func() {
			_, err := st.Claim(ctx, &store.Claim{Owner: "claims", Limit: 1, Adopt: true})
			claimed <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-claimed; !errors.Is(err, context.Canceled) {
			t.Errorf("Claim whose context ended: got error %v, want context.Canceled", err)
		}
		time.Sleep(2 * time.Second)
		release()
		time.Sleep(time.Second)
		if _, err := st.Heartbeat(t.Context(), "waits", time.Second); err != nil {
			t.Errorf("Heartbeat of an owner that lapsed beside a Claim that was given up: got error %v, want none", err)
		}
	})
}

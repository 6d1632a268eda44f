package sqlitestore_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// A write that SQLite cannot make takes no other along that was made with it.
func TestPoison(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, nil)
		db := rawDB(t, path)
		execute(t, db, `CREATE TRIGGER poison BEFORE INSERT ON operations WHEN NEW.method = '/poison'
			BEGIN SELECT json('{'); END`)
		release := hold(t, path) // so that all meet in one batch
		defer release()
		var recs []*store.Record
		var done []<-chan result
		for i := range 12 {
			rec := external()
			if i%4 == 2 {
				rec.Method = "/poison"
			}
			recs, done = append(recs, rec), append(done, create(t.Context(), st, rec))
		}
		synctest.Wait()
		release()
		for i, rec := range recs {
			got := <-done[i]
			if rec.Method == "/poison" {
				refused(t, "Create that SQLite cannot make", got.err, "malformed JSON")
			} else if got.err != nil {
				t.Errorf("Create beside one that SQLite cannot make: got error %v, want none", got.err)
			}
			if want := rec.Method != "/poison"; exists(t, st, rec.Name) != want {
				t.Errorf("after the batch: record %d exists %v, want %v", i, !want, want)
			}
		}
		if _, err := st.Create(t.Context(), external()); err != nil {
			t.Errorf("Create after the batch: got error %v, want none", err)
		}
	})
}

// What is written at the same time shares a commit, unless it may not, and what one
// write may not do costs the others nothing.
func TestGrouping(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ maxBatch, commits int }{{0, 1}, {256, 1}, {4, 4}, {1, 12}} {
		synctest.Test(t, func(t *testing.T) {
			st, path := setup(t, &sqlitestore.Options{MaxBatch: tt.maxBatch})
			release := hold(t, path)
			defer release()
			var done []<-chan result
			for range 6 {
				done = append(done, create(t.Context(), st, claimable()))
			}
			synctest.Wait()
			missing := make(chan error, 1)
			go func() {
				rec := external()
				rec.Version = 1
				_, err := st.Update(t.Context(), rec)
				missing <- err
			}()
			synctest.Wait()
			for range 6 {
				done = append(done, create(t.Context(), st, claimable()))
			}
			synctest.Wait()
			release()
			for _, d := range done {
				if got := <-d; got.err != nil {
					t.Errorf("Create: got error %v, want none", got.err)
				}
			}
			if err := <-missing; !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Update of what is not there: got error %v, want ErrNotFound", err)
			}
			// A commit leaves one hint.
			if got := number(t, rawDB(t, path), "SELECT count(*) FROM hints"); got != tt.commits {
				t.Errorf("MaxBatch %d: 12 Creates and an Update took %d commits, want %d", tt.maxBatch, got, tt.commits)
			}
		})
	}
}

// inOneBatch makes calls whose writes meet in one transaction, in order.
func inOneBatch(t *testing.T, path string, calls ...func()) {
	t.Helper()
	release := hold(t, path)
	defer release()
	done := make(chan struct{})
	for _, call := range calls {
		go func() {
			call()
			done <- struct{}{}
		}()
		synctest.Wait()
	}
	release()
	for range calls {
		<-done
	}
}

// Who lives is known anew after each write of a batch, and heartbeats go before
// what has waited for longer.
func TestOwnersWithinABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, nil)
		beat := func(owner string, ttl time.Duration) func() {
			return func() {
				if _, err := st.Heartbeat(t.Context(), owner, ttl); err != nil {
					t.Errorf("Heartbeat of %q: got error %v, want none", owner, err)
				}
			}
		}
		creates := func(owner string, want store.State) func() {
			return func() {
				rec := fresh()
				rec.Owner, rec.Method = owner, "/by/"+owner
				if got, err := st.Create(t.Context(), rec); err != nil || got.State != want {
					t.Errorf("Create by %q: got %v and error %v, want %v", owner, got, err, want)
				}
			}
		}
		adopt := func() {
			c := &store.Claim{Owner: "adopter", Methods: []string{"/by/lapsed"}, Limit: 10, Adopt: true}
			if got, err := st.Claim(t.Context(), c); err != nil || len(got) != 1 {
				t.Errorf("Claim: got %d records and error %v, want the 1 of the owner that has lapsed", len(got), err)
			}
		}
		beat("adopter", 24*time.Hour)()
		beat("lapsed", time.Minute)()
		beat("leaver", 24*time.Hour)()
		time.Sleep(time.Hour)
		inOneBatch(t, path,
			creates("lapsed", store.Running), adopt, creates("lapsed", store.Pending),
			creates("newcomer", store.Running), beat("newcomer", time.Hour),
			creates("leaver", store.Pending), beat("leaver", 0),
		)
	})
}

// A transaction that failed is not left open.
func TestNothingStaysOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, nil)
		execute(t, rawDB(t, path), `CREATE TRIGGER poison BEFORE INSERT ON operations WHEN NEW.method = '/poison'
			BEGIN SELECT json('{'); END`)
		rec := external()
		rec.Method = "/poison"
		if _, err := st.Create(t.Context(), rec); err == nil {
			t.Fatal("Create that SQLite cannot make: got no error")
		}
		if _, err := open(t, path, nil).Create(context.WithoutCancel(t.Context()), external()); err != nil {
			t.Errorf("Create by another Store: got error %v, want none", err)
		}
	})
}

// When a commit fails nobody is told that he wrote nothing.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, nil)
		rec, err := st.Create(t.Context(), external())
		if err != nil {
			t.Fatal(err)
		}
		execute(t, rawDB(t, path), `CREATE TRIGGER wreck BEFORE INSERT ON operations WHEN NEW.method = '/wreck'
			BEGIN SELECT RAISE(ROLLBACK, 'no transaction is left to commit'); END`)
		wreck := external()
		wreck.Method = "/wreck"
		inOneBatch(t, path,
			func() {
				_, err := st.Create(t.Context(), wreck)
				refused(t, "Create in a commit that failed", err, "commit")
			},
			func() {
				_, err := st.Update(t.Context(), rec)
				refused(t, "Update in a commit that failed", err, "commit")
			},
		)
		if _, err := st.Create(t.Context(), external()); err != nil {
			t.Errorf("Create after a commit that failed: got error %v, want none", err)
		}
	})
}

package pgstore_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// A listener hears the hints of one Notify.
type listener struct {
	t     *testing.T
	hints chan store.Hint
}

func listen(t *testing.T, st store.Notifier) *listener {
	t.Helper()
	l := &listener{t, make(chan store.Hint, 1000)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	returned := make(chan error, 1)
	go func() { returned <- st.Notify(ctx, func(h store.Hint) { l.hints <- h }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-returned; err != nil {
			t.Errorf("Notify answered %v when its context ended", err)
		}
	})
	l.await("the first hint", everything)
	return l
}

func everything(h store.Hint) bool { return h.All && h.Due }

// await reads hints until one is as it should be.
func (l *listener) await(what string, is func(store.Hint) bool) {
	l.t.Helper()
	for timeout := time.After(20 * time.Second); ; {
		select {
		case h := <-l.hints:
			if is(h) {
				return
			}
		case <-timeout:
			l.t.Fatalf("waited for %s in vain", what)
		}
	}
}

// Two listeners of one process share a connection, and both go on when it dies.
func TestReconnect(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st, pool := d.open(t), d.pool(t)
	one, two := listen(t, st), listen(t, st)

	const listening = ` FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`
	for range 3 {
		var connections int
		must(t, pool.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid))`+listening).Scan(&connections))
		if connections != 1 {
			t.Fatalf("%d connections listen, want one for the process", connections)
		}
		one.await("All and Due after the connection was lost", everything)
		two.await("All and Due after the connection was lost", everything)
		rec := create(t, st, draft(store.Pending))
		named := func(h store.Hint) bool { return h.Due && slices.Contains(h.Names, rec.Name) }
		one.await("the hint of a Create", named)
		two.await("the hint of a Create", named)
	}
}

// The Create of what nobody may claim sends no hint, alone or in a batch: its name
// is news to all.
func TestHintsOfCreate(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st := d.open(t)
	l := listen(t, d.open(t))
	const owner, together = "owner", 8
	_, err := st.Heartbeat(t.Context(), owner, time.Hour)
	must(t, err)
	var creates sync.WaitGroup
	for range together {
		for _, rec := range []*store.Record{draft(store.External), edited(draft(store.Running), func(r *store.Record) { r.Owner = owner })} {
			creates.Go(func() {
				_, err := st.Create(t.Context(), rec)
				if err != nil {
					t.Errorf("Create: %v", err)
				}
			})
		}
	}
	creates.Wait()
	last := create(t, st, draft(store.Pending))
	l.await("the hint of the Create of a PENDING record", func(h store.Hint) bool {
		if !slices.Equal(h.Names, []string{last.Name}) {
			t.Errorf("got hint %+v, want none but that of %q", h, last.Name)
		}
		return h.Due
	})
}

// A hint has to fit into the 8,000 bytes of a notification, whatever the names.
func TestHintSizes(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st := d.open(t)
	l := listen(t, d.open(t))
	for _, name := range []string{strings.Repeat("long/", 250), "two\nlines"} {
		create(t, st, edited(draft(store.Pending), func(r *store.Record) { r.Name, r.DueIn = name, time.Hour }))
		l.await("All for a name that fits no payload", func(h store.Hint) bool { return h.All })
	}
	const many = 300
	owner := "owner"
	_, err := st.Heartbeat(t.Context(), owner, time.Hour)
	must(t, err)
	left := make(map[string]bool, many)
	for range many {
		rec := edited(draft(store.Pending), func(r *store.Record) {
			r.DueIn = 0
			r.Name = strings.Repeat("x", 400) + r.Name
		})
		left[create(t, st, rec).Name] = true
	}
	recs, err := st.Claim(t.Context(), &store.Claim{Owner: owner, Methods: []string{"/m"}, Limit: many})
	if err != nil || len(recs) != many {
		t.Fatalf("Claim took %d records and answered %v", len(recs), err)
	}
	l.await("the names of all that one Claim took", func(h store.Hint) bool {
		if !h.Due {
			for _, name := range h.Names {
				delete(left, name)
			}
		}
		return len(left) == 0
	})
}

package sqlitestore_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// What one Store writes another knows within a second.
func TestHintsWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, nil)
		h := listen(t, open(t, path, nil))
		for i := range 3 {
			time.Sleep(time.Minute)
			rec, err := st.Create(t.Context(), claimable())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if !h.knows(rec.Name) {
				t.Errorf("write %d: another Store does not know of it after a second", i)
			}
		}
	})
}

// The Create of what nobody may claim leaves no hint: its name is news to all.
func TestHintsOfCreate(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	if _, err := st.Heartbeat(t.Context(), "owner", time.Hour); err != nil {
		t.Fatal(err)
	}
	owned := external()
	owned.State, owned.Owner = store.Running, "owner"
	db := rawDB(t, path)
	before := number(t, db, "SELECT count(*) FROM hints")
	for _, rec := range []*store.Record{external(), owned, claimable()} {
		if _, err := st.Create(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	if got := number(t, db, "SELECT count(*) FROM hints") - before; got != 1 {
		t.Errorf("the Creates of an EXTERNAL, a RUNNING and a PENDING record left %d hints, want 1, of the last", got)
	}
}

// A Store that could not keep up looks at everything.
func TestHintsThatWereTrimmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, &sqlitestore.Options{MaxBatch: 1, Synchronous: sqlitestore.Normal})
		late := listen(t, open(t, path, nil)) // no time passes for it
		for range 1200 {
			if _, err := st.Create(t.Context(), claimable()); err != nil {
				t.Fatal(err)
			}
		}
		if before := late.alls(); before != 1 {
			t.Fatalf("got %d hints to look at everything before any was missed, want 1, the first", before)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := late.alls(); got != 2 {
			t.Errorf("got %d hints to look at everything after some were removed unread, want 2", got)
		}
		if got := number(t, rawDB(t, path), "SELECT count(*) FROM hints"); got < 1024 || got > 1024+64 {
			t.Errorf("the file keeps %d hints, want 1024 and at most 64 more", got)
		}
	})
}

// A Store that cannot look says so, and looks at everything once it can again.
func TestHintsAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logged := new(logs)
		_, path := setup(t, nil)
		st := open(t, path, &sqlitestore.Options{Logger: slog.New(slog.NewTextHandler(logged, nil))})
		h := listen(t, st)
		db := rawDB(t, path)
		execute(t, db, "ALTER TABLE hints RENAME TO hidden")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := logged.String(); !strings.Contains(got, "not noticed") {
			t.Errorf("the log of a Store that cannot look is %q, want a word of that", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		late := &heard{names: map[string]bool{}, news: make(chan struct{}, 1)}
		told := make(chan error, 1)
		go func() { told <- st.Notify(ctx, late.hint) }()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := late.alls(); got != 0 {
			t.Errorf("a call of Notify that begins while the Store cannot look: got %d hints, want it to wait", got)
		}
		execute(t, db, "ALTER TABLE hidden RENAME TO hints")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := late.alls(); got != 1 {
			t.Errorf("the call of Notify that waited: got %d hints, want 1", got)
		}
		cancel()
		if err := <-told; err != nil {
			t.Errorf("Notify: got error %v, want none", err)
		}
		if got := h.alls(); got != 2 {
			t.Errorf("got %d hints to look at everything once the Store can look again, want 2", got)
		}
	})
}

// logs collects what is logged.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

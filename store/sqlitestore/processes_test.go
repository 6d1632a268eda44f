package sqlitestore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// heard collects the names that a Store is told of.
type heard struct {
	mu    sync.Mutex
	names map[string]bool
	all   int // hints that say to look at everything
	news  chan struct{}
}

// listen calls Notify until the test ends, and returns after the first hint.
func listen(t *testing.T, st store.Notifier) *heard {
	t.Helper()
	h := &heard{names: map[string]bool{}, news: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	listening.Go(func() {
		if err := st.Notify(ctx, h.hint); err != nil {
			t.Errorf("Notify: got error %v, want none", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		listening.Wait()
	})
	<-h.news
	return h
}

func (h *heard) hint(hint store.Hint) {
	h.mu.Lock()
	for _, name := range hint.Names {
		h.names[name] = true
	}
	if hint.All {
		h.all++
	}
	h.mu.Unlock()
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// knows reports whether the name was hinted, or all names were.
func (h *heard) knows(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.names[name] || h.all > 1 // the first says nothing of what comes later
}

func (h *heard) alls() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all
}

// await waits until the name is known.
func (h *heard) await(t *testing.T, name string) {
	t.Helper()
	patience := time.After(20 * time.Second)
	for !h.knows(name) {
		select {
		case <-h.news:
		case <-patience:
			t.Fatalf("no hint came of %q, which another process has written", name)
		}
	}
}

// Processes that write one file at the same time all get on, and each learns what
// the others have written.
func TestProcesses(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	h := listen(t, st)
	children := []*child{spawn(t, "some", path), spawn(t, "some", path)}
	for _, c := range children {
		c.begin()
	}
	own := make([]string, 0, 200)
	for range cap(own) {
		rec, err := st.Create(t.Context(), fresh())
		if err != nil {
			t.Fatalf("Create while others write: got error %v, want none", err)
		}
		own = append(own, rec.Name)
	}
	names := own
	for i, c := range children {
		printed := 0
		for name := range c.lines {
			h.await(t, name)
			names = append(names, name)
			printed++
		}
		if err := c.wait(); err != nil || printed != 4*200 {
			t.Errorf("process %d: %d records acknowledged, want %d; %v: %s", i, printed, 4*200, err, c.stderr.String())
		}
	}
	got, err := st.Get(t.Context(), names...)
	if err != nil || len(got) != len(names) {
		t.Errorf("Get: got %d records and error %v, want the %d that were acknowledged", len(got), err, len(names))
	}
	sound(t, rawDB(t, path))
}

// Nothing that was acknowledged is lost with the process that wrote it.
func TestKilledWriter(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	for round := range 3 {
		c := spawn(t, "many", path)
		c.begin()
		var names []string
		for range 100 + 50*round {
			name, ok := <-c.lines
			if !ok {
				t.Fatalf("the process ended: %s", c.stderr.String())
			}
			names = append(names, name)
		}
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for name := range c.lines { // what it printed before it died
			names = append(names, name)
		}
		_ = c.wait() // it was killed
		got, err := st.Get(t.Context(), names...)
		if err != nil || len(got) != len(names) {
			t.Fatalf("Get: got %d records and error %v, want the %d that were acknowledged", len(got), err, len(names))
		}
		for _, rec := range got {
			if rec.State != store.Done || rec.Version != 2 {
				t.Errorf("record %q: got %v at version %d, want DONE at 2: its end was acknowledged", rec.Name, rec.State, rec.Version)
			}
		}
		if _, err := st.Create(t.Context(), fresh()); err != nil {
			t.Errorf("Create after a process was killed: got error %v, want none", err)
		}
	}
	sound(t, rawDB(t, path))
}

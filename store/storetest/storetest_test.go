package storetest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
	"github.com/longrunning-go/longrunning/store/storetest"
)

type database struct{ store.Store }

func (d database) Open(testing.TB) store.Store { return d.Store }
func (d database) Advance(by time.Duration)    { time.Sleep(by) }

// setup answers a harness whose databases hold what open makes.
func setup[S store.Store](open func() S) storetest.Harness {
	return storetest.Harness{
		New:    func(testing.TB) storetest.Database { return database{open()} },
		Bubble: true,
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	storetest.Run(t, setup(memstore.New))
}

// A store that is no Notifier is not asked for hints.
func TestRunWithoutHints(t *testing.T) {
	t.Parallel()
	storetest.Run(t, setup(func() store.Store { return struct{ store.Store }{memstore.New()} }))
}

// A stopped database stands for one on a network: it does not follow the clock
// of a bubble, nor does it advance here.
type stopped struct{ database }

func (stopped) Advance(time.Duration) {}

// Without a bubble each case has databases of its own as well, and releases
// them before the next.
func TestWithoutBubble(t *testing.T) {
	t.Parallel()
	opened, open := 0, 0
	found := storetest.Check(t, storetest.Harness{New: func(tb testing.TB) storetest.Database {
		tb.Helper()
		if opened++; open > 20 {
			tb.Errorf("got %d open databases, want those of one case", open)
		}
		open++
		tb.Cleanup(func() { open-- })
		return stopped{database{memstore.New()}}
	}})
	if want := len(storetest.Rules()); opened < want || open != 0 {
		t.Errorf("Check opened %d databases for %d cases and left %d open, want at least one a case and none left", opened, want, open)
	}
	for _, v := range found {
		if slices.Contains([]string{"create", "get", "notify", "invalid", "secret", "outcomes"}, v.Topic) {
			t.Errorf("got %v, though nothing of that topic waits for time to pass", v)
		}
	}
	if !slices.ContainsFunc(found, func(v storetest.Violation) bool { return v.Topic == "times" }) {
		t.Errorf("got %v of a clock that stands still, want violations of times", found)
	}
}

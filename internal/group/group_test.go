package group_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/group"
)

// commits is a database that takes a second for each commit, and notes the values
// of each batch.
type commits struct {
	*group.Writer[string]

	take func(batch []*group.Write[string]) // what else a commit does

	mu      sync.Mutex
	batches [][]string
	running int
	most    int // commits that ran at once
}

func setup(w *group.Writer[string]) *commits {
	c := &commits{Writer: w}
	c.Commit = func(batch []*group.Write[string]) {
		c.note(batch)
		time.Sleep(time.Second)
		if c.take != nil {
			c.take(batch)
		}
		c.mu.Lock()
		c.running--
		c.mu.Unlock()
	}
	return c
}

func (c *commits) note(batch []*group.Write[string]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var values []string
	for _, w := range batch {
		values = append(values, w.Value)
	}
	c.batches = append(c.batches, values)
	c.running++
	c.most = max(c.most, c.running)
}

// do makes calls of Do one after the other, each in a goroutine of its own.
func (c *commits) do(ctx context.Context, values ...string) *sync.WaitGroup {
	var calls sync.WaitGroup
	for _, v := range values {
		calls.Go(func() { _ = c.Do(ctx, v) })
		synctest.Wait()
	}
	return &calls
}

func (c *commits) want(t *testing.T, rule string, batches ...[]string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.EqualFunc(c.batches, batches, slices.Equal) {
		t.Errorf("%s: got batches %q, want %q", rule, c.batches, batches)
	}
}

func (c *commits) wantAtOnce(t *testing.T, most int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most != most {
		t.Errorf("%d commits ran at once, want %d", c.most, most)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule   string
		opts   *group.Writer[string]
		values []string
		want   [][]string
	}{
		{
			"a lone write waits for none",
			&group.Writer[string]{Max: 10},
			[]string{"a"},
			[][]string{{"a"}},
		},
		{
			"what comes during a commit is the next, in order",
			&group.Writer[string]{Max: 10},
			[]string{"a", "b", "c", "d"},
			[][]string{{"a"}, {"b", "c", "d"}},
		},
		{
			"a batch has Max writes at most",
			&group.Writer[string]{Max: 2},
			[]string{"a", "b", "c", "d", "e", "f"},
			[][]string{{"a"}, {"b", "c"}, {"d", "e"}, {"f"}},
		},
		{
			"Max 1 commits each alone",
			&group.Writer[string]{Max: 1},
			[]string{"a", "b", "c"},
			[][]string{{"a"}, {"b"}, {"c"}},
		},
		{
			"a batch has one write of a key, and the others keep their order",
			&group.Writer[string]{Max: 3, Key: func(v string) string { return v[:1] }},
			[]string{"a1", "b1", "b2", "b3", "c1", "c2", "d1"},
			[][]string{{"a1"}, {"b1", "c1", "d1"}, {"b2", "c2"}, {"b3"}},
		},
		{
			"writes of no key are all different",
			&group.Writer[string]{Max: 3, Key: func(string) string { return "" }},
			[]string{"a", "b", "b", "b", "b"},
			[][]string{{"a"}, {"b", "b", "b"}, {"b"}},
		},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := setup(tt.opts)
				c.do(t.Context(), tt.values...).Wait()
				c.want(t, tt.rule, tt.want...)
				c.wantAtOnce(t, 1)
			})
		})
	}
}

func TestLeaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := setup(&group.Writer[string]{Max: 10, Leaders: 2})
		c.do(t.Context(), "a", "b", "c", "d").Wait()
		c.want(t, "two commits run at once, and what comes meanwhile is the next", []string{"a"}, []string{"b"}, []string{"c", "d"})
		c.wantAtOnce(t, 2)
	})
}

func TestMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := setup(&group.Writer[string]{Max: 3})
		c.take = func(batch []*group.Write[string]) {
			more := c.More(3 - len(batch))
			if len(more) == 0 {
				return
			}
			c.mu.Lock()
			c.batches = append(c.batches, []string{"more:"})
			c.mu.Unlock()
			c.note(more)
			c.mu.Lock()
			c.running--
			c.mu.Unlock()
			for _, w := range more {
				w.Answer(nil)
			}
		}
		calls := c.do(t.Context(), "a", "b", "c", "d", "e")
		calls.Wait()
		c.want(t, "a commit takes as many more as it asks for, in order, and each write is in one commit",
			[]string{"a"}, []string{"more:"}, []string{"b", "c"}, []string{"d", "e"})
	})
	synctest.Test(t, func(t *testing.T) {
		c := setup(&group.Writer[string]{Max: 3, Key: func(v string) string { return v }})
		c.take = func([]*group.Write[string]) {
			if more := c.More(3); len(more) != 0 {
				t.Errorf("More where Key is set: got %d writes, want none", len(more))
			}
		}
		c.do(t.Context(), "a", "b").Wait()
	})
}

func TestSize(t *testing.T) {
	t.Parallel()
	for _, key := range []func(string) string{nil, func(v string) string { return v }} {
		synctest.Test(t, func(t *testing.T) {
			c := setup(&group.Writer[string]{Max: 10, Key: key, Size: func(v string) int { return len(v) }, MaxSize: 4})
			c.do(t.Context(), "a", "bb", "cc", "d", "eeeeeee", "f", "g").Wait()
			want := [][]string{{"a"}, {"bb", "cc"}, {"d"}, {"eeeeeee"}, {"f", "g"}}
			if key != nil { // the one that makes a batch too large is its last
				want = [][]string{{"a"}, {"bb", "cc", "d"}, {"eeeeeee"}, {"f", "g"}}
			}
			c.want(t, "a batch of several is about as large as MaxSize", want...)
		})
	}
}

func TestDoFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := setup(&group.Writer[string]{Max: 2})
		calls := c.do(t.Context(), "a", "b", "c", "d")
		for _, v := range []string{"first", "second"} {
			calls.Go(func() { _ = c.DoFirst(t.Context(), v) })
			synctest.Wait()
		}
		calls.Wait()
		c.want(t, "what came by DoFirst goes before what waits, in its order",
			[]string{"a"}, []string{"first", "second"}, []string{"b", "c"}, []string{"d"})
	})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("bad")
		c := setup(&group.Writer[string]{Max: 10})
		c.take = func(batch []*group.Write[string]) {
			for _, w := range batch {
				if w.Value == "bad" {
					w.Answer(bad)
					w.Answer(errors.New("second answer"))
				}
			}
		}
		answers := map[string]error{"first": nil, "good": nil, "bad": bad}
		var calls sync.WaitGroup
		for value, want := range answers {
			calls.Go(func() {
				if got := c.Do(t.Context(), value); !errors.Is(got, want) {
					t.Errorf("Do of %q: got error %v, want %v, its first answer, nil without one", value, got, want)
				}
			})
		}
		calls.Wait()
	})
}

func TestEndedContexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := setup(&group.Writer[string]{Max: 10})
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		answer := make(chan error, 1)
		calls := c.do(t.Context(), "a")
		go func() { answer <- c.Do(ctx, "b") }()
		synctest.Wait()
		cancel(gone)
		synctest.Wait()
		select {
		case err := <-answer:
			if !errors.Is(err, gone) {
				t.Errorf("Do whose context ended: got error %v, want its cause", err)
			}
		default:
			t.Error("Do whose context ended goes on waiting for its commit")
		}
		if err := c.Do(ctx, "c"); !errors.Is(err, gone) {
			t.Errorf("Do with an ended context: got error %v, want its cause", err)
		}
		calls.Wait()
		time.Sleep(time.Minute)
		c.want(t, "a write that waited is made though its caller has gone, one that never did is not", []string{"a"}, []string{"b"})
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closed := errors.New("closed")
		c := setup(&group.Writer[string]{Max: 1})
		calls := c.do(t.Context(), "a", "b")
		began := time.Now()
		c.Close(closed)
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("Close returned after %v, want 2s: after the commits of what came before it", waited)
		}
		if err := c.Do(t.Context(), "c"); !errors.Is(err, closed) {
			t.Errorf("Do after Close: got error %v, want the one given to Close", err)
		}
		calls.Wait()
		c.want(t, "what came before Close is committed, what comes after is not", []string{"a"}, []string{"b"})
	})
}

// Many callers at once: each is answered for its own write, which was in one
// commit.
func TestManyCallers(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	committed := map[string]int{}
	g := &group.Writer[string]{Max: 16}
	g.Commit = func(batch []*group.Write[string]) {
		mu.Lock()
		defer mu.Unlock()
		all := append(slices.Clone(batch), g.More(16-len(batch))...)
		if len(all) > 16 {
			t.Errorf("a commit has %d writes, want 16 at most", len(all))
		}
		for _, w := range all {
			committed[w.Value]++
			w.Answer(errors.New(w.Value))
		}
	}
	var callers sync.WaitGroup
	for i := range 32 {
		callers.Go(func() {
			for j := range 200 {
				value := fmt.Sprint(i, "/", j)
				if err := g.Do(t.Context(), value); err == nil || err.Error() != value {
					t.Errorf("Do of %q: got the answer %v of another", value, err)
				}
			}
		})
	}
	callers.Wait()
	g.Close(errors.New("closed"))
	for value, times := range committed {
		if times != 1 {
			t.Errorf("%q was committed %d times, want 1", value, times)
		}
	}
	if len(committed) != 32*200 {
		t.Errorf("%d writes were committed, want %d", len(committed), 32*200)
	}
}

package storetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const (
	ruleHintFirst  rule = "notify: The first hint of a Notify has All and Due set."
	ruleHintNames  rule = "notify: A change of State, Owner, CancelRequested or Deleted is hinted with the name, in every process."
	ruleHintDue    rule = "notify: What may make a record claimable is hinted with Due."
	ruleHintSilent rule = "notify: A write of metadata or of a checkpoint sends no hint."
	ruleHintEnd    rule = "notify: Notify answers nil when its context ends, and calls no more once it has returned."
)

func notifyCases() []testCase {
	return []testCase{
		{ruleHintFirst, notifyFirst},
		{ruleHintNames, notifyNames},
		{ruleHintDue, notifyDue},
		{ruleHintSilent, notifySilent},
		{ruleHintEnd, notifyEnd},
	}
}

// patience bounds a wait for what should come at once.
const patience = 20 * time.Second

// A listener collects the hints of one Notify.
type listener struct {
	t      *trial
	cancel context.CancelFunc
	result chan error    // of Notify, once
	news   chan struct{} // filled after each hint

	mu    sync.Mutex
	hints []store.Hint
}

// listen calls Notify on s and returns after the first hint.
func (t *trial) listen(s store.Store) *listener {
	n, ok := s.(store.Notifier)
	if !ok {
		t.skip("the store is no store.Notifier")
	}
	ctx, cancel := context.WithCancel(t.ctx())
	l := &listener{t: t, cancel: cancel, result: make(chan error, 1), news: make(chan struct{}, 1)}
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		defer t.catch()
		l.result <- n.Notify(ctx, l.hint)
	}()
	t.tb.Cleanup(func() {
		cancel()
		select {
		case <-returned:
		case <-time.After(patience):
		}
	})
	l.await(ruleHintFirst, "any hint", 0, func(store.Hint) bool { return true })
	return l
}

func (l *listener) hint(h store.Hint) {
	l.mu.Lock()
	l.hints = append(l.hints, store.Hint{Names: slices.Clone(h.Names), Due: h.Due, All: h.All})
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// heard answers the hints after the first n.
func (l *listener) heard(n int) []store.Hint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.hints[n:])
}

// await waits for a hint after the first n that is what r asks for.
func (l *listener) await(r rule, what string, n int, is func(store.Hint) bool) {
	timeout := time.After(patience)
	for !slices.ContainsFunc(l.heard(n), is) {
		select {
		case <-l.news:
		case err := <-l.result:
			l.t.broken(ruleHintEnd, "Notify answered %v before its context ended", err)
		case <-timeout:
			l.t.broken(r, "waited for %s: got %+v", what, l.heard(n))
		}
	}
}

// stop ends the context of Notify and waits until it returns.
func (l *listener) stop() {
	l.cancel()
	select {
	case err := <-l.result:
		if err != nil {
			l.t.broken(ruleHintEnd, "Notify answered %v when its context ended, want nil", err)
		}
	case <-time.After(patience):
		l.t.broken(ruleHintEnd, "Notify does not return when its context ends")
	}
}

func tells(name string) func(store.Hint) bool {
	return func(h store.Hint) bool { return h.All || slices.Contains(h.Names, name) }
}

func tellsDue(h store.Hint) bool { return h.Due }

func notifyFirst(t *trial) {
	for i := range 2 {
		l := t.listen(t.either(i))
		if first := l.heard(0)[0]; !first.All || !first.Due {
			t.fail("got %+v", first)
		}
		l.stop()
	}
}

func notifyNames(t *trial) {
	t.adoptsAtAll()
	t.beat(t.a, "gone", day)
	rec := t.create(t.a, t.draft(store.Pending))
	listeners := []*listener{t.listen(t.a), t.listen(t.b)}
	current := func() *store.Record { return t.get(t.a, rec.Name) }
	for _, c := range []struct {
		what  string
		write func()
	}{
		{"its Claim", func() { t.claim(t.a, "gone", 1) }},
		{"CancelRequested", func() { t.update(t.b, cancelled(current())) }},
		{"its adoption", func() { t.resign(t.a, "gone"); t.adopt(t.b, "owner", 1) }},
		{"its release", func() { t.update(t.a, pending(current(), 0)) }},
		{"its turning EXTERNAL", func() { t.update(t.b, external(current())) }},
		{"its deletion", func() { t.update(t.a, deleted(current())) }},
		{"its end", func() { t.update(t.b, done(current(), day)) }},
	} {
		before := []int{len(listeners[0].heard(0)), len(listeners[1].heard(0))}
		c.write()
		for i, l := range listeners {
			l.await(t.rule, "a hint of "+c.what, before[i], tells(rec.Name))
		}
	}
}

func notifyDue(t *trial) {
	t.beat(t.a, "gone", day)
	held := t.create(t.a, running(t.draft(store.Running), "gone"))
	t.create(t.a, running(t.draft(store.Running), "gone"))
	l := t.listen(t.b)
	for _, c := range []struct {
		what  string
		write func()
	}{
		{"the Create of a PENDING record", func() { t.create(t.a, t.draft(store.Pending)) }},
		{"a Create for an owner that is unknown", func() { t.create(t.a, running(t.draft(store.Running), "unknown")) }},
		{"a release", func() { t.update(t.a, pending(held, 0)) }},
		{"the resignation of an owner", func() { t.resign(t.a, "gone") }},
	} {
		before := len(l.heard(0))
		c.write()
		l.await(t.rule, "Due after "+c.what, before, tellsDue)
	}
}

func notifySilent(t *trial) {
	t.beat(t.a, "owner", day)
	quiet := t.create(t.a, running(t.draft(store.Running), "owner"))
	loud := t.create(t.a, t.draft(store.External))
	l := t.listen(t.b)
	t.update(t.a, cancelled(loud)) // every hint of before has come too
	l.await(ruleHintNames, "a hint of CancelRequested", 1, tells(loud.Name))
	before := len(l.heard(0))
	for range 3 {
		quiet = t.update(t.a, marked(quiet, "report"))
		quiet = t.update(t.a, edited(quiet, func(r *store.Record) { r.Checkpoint = []byte("saved") }))
	}
	t.update(t.a, done(t.get(t.a, loud.Name), day))
	l.await(ruleHintNames, "a hint of the end", before, tells(loud.Name))
	for _, h := range l.heard(before) {
		if !slices.Contains(h.Names, loud.Name) || slices.Contains(h.Names, quiet.Name) {
			t.fail("got hint %+v, want hints of %q only", h, loud.Name)
		}
	}
}

func notifyEnd(t *trial) {
	rec := t.create(t.a, t.draft(store.External))
	ended, other := t.listen(t.b), t.listen(t.b)
	ended.stop()
	count, before := len(ended.heard(0)), len(other.heard(0))
	t.update(t.a, cancelled(rec))
	other.await(ruleHintNames, "a hint of CancelRequested", before, tells(rec.Name))
	if late := ended.heard(count); len(late) != 0 {
		t.fail("got %+v after Notify had returned", late)
	}
	other.stop()
}

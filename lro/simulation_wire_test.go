package lro_test

import (
	"context"
	"sync"
	"time"
)

// A wire is one replica's connection to the ledger, by the seed a bad one. When
// the replica is killed nothing passes any more; what had been sent may still be
// done. While it is paused nothing reaches it, the end of its own contexts
// neither; while it is cut nothing reaches the ledger.
type wire struct {
	world *world
	label string
	dead  chan struct{} // closed by kill

	mu      sync.Mutex
	gate    door             // shut while it is paused
	line    door             // shut while it is cut off, alone or in an outage
	sent    map[string]int64 // calls by what they are about
	owners  []string         // the names that the Manager has given itself
	hints   int64
	paused  bool    // it is, or has been
	own     trouble // struck calls, pauses and cuts
	outages trouble // which all have
}

// A door lets calls pass unless somebody holds it shut.
type door struct {
	holders, refusers int           // those who refuse let calls fail instead of wait
	opens             chan struct{} // closed when the last one lets go; nil while it is open
}

func (d *door) shut(refuses bool) {
	if d.holders++; d.holders == 1 {
		d.opens = make(chan struct{})
	}
	if refuses {
		d.refusers++
	}
}

func (d *door) letGo(refuses bool) {
	if d.holders--; d.holders == 0 {
		close(d.opens)
		d.opens = nil
	}
	if refuses {
		d.refusers--
	}
}

// trouble is what keeps a replica from its store.
type trouble struct {
	now  int       // what lasts
	last time.Time // when something last ended
}

func newWire(w *world, label string) *wire {
	return &wire{
		world: w, label: label, dead: make(chan struct{}),
		sent: make(map[string]int64), own: trouble{last: time.Now()},
	}
}

func (w *wire) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.killed() {
		close(w.dead)
	}
}

func (w *wire) killed() bool {
	select {
	case <-w.dead:
		return true
	default:
		return false
	}
}

// pause stops the replica until resume is called.
func (w *wire) pause() (resume func()) { return w.shut(&w.gate, false, &w.own) }

// cut parts the replica from the ledger until mend is called: it alone, or all in
// an outage.
func (w *wire) cut(refuses, outage bool) (mend func()) {
	if outage {
		return w.shut(&w.line, refuses, &w.outages)
	}
	return w.shut(&w.line, refuses, &w.own)
}

func (w *wire) shut(d *door, refuses bool, t *trouble) (open func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d.shut(refuses)
	t.now++
	w.paused = w.paused || d == &w.gate
	return func() {
		w.mu.Lock()
		d.letGo(refuses)
		w.mu.Unlock()
		w.relieve(t)
	}
}

func (w *wire) wasPaused() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.paused
}

func (w *wire) relieve(t *trouble) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.now--
	t.last = time.Now()
}

// sound answers since when the replica has had no trouble; false if it has some.
func (w *wire) sound() (since time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	since = w.own.last
	if w.outages.last.After(since) {
		since = w.outages.last
	}
	return since, w.own.now == 0 && w.outages.now == 0 && !w.killed()
}

// blameless reports whether for a while outages were all that kept the replica from
// its store.
func (w *wire) blameless(while time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.own.now == 0 && time.Since(w.own.last) > while && !w.killed()
}

// awake waits until the replica is not paused, and answers false if it is killed.
func (w *wire) awake() bool { return w.pass(&w.gate, nil) == nil }

// reach waits until a call has come to the ledger.
func (w *wire) reach(ctx context.Context, d dice) error {
	for w.awake() {
		if w.isOpen(&w.line) {
			return nil
		}
		if w.isRefused() {
			return errStore
		}
		if err := w.pass(&w.line, ctx.Done()); err != nil {
			break
		}
		time.Sleep(d.between(0, 3*time.Millisecond))
	}
	if w.awake() {
		return context.Cause(ctx)
	}
	return w.unheard(ctx)
}

// pass waits until a door is open; an error means that the replica is killed or
// over is closed.
func (w *wire) pass(d *door, over <-chan struct{}) error {
	for {
		w.mu.Lock()
		opens := d.opens
		w.mu.Unlock()
		switch {
		case w.killed():
			return errStore
		case opens == nil:
			return nil
		}
		select {
		case <-opens:
		case <-w.dead:
		case <-over:
			return errStore
		}
	}
}

func (w *wire) isOpen(d *door) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return d.opens == nil
}

func (w *wire) isRefused() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.line.refusers > 0
}

// unheard is what becomes of a dead replica's calls: no answer.
func (w *wire) unheard(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

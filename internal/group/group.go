// Package group is how stores commit many writes as one.
package group

import (
	"context"
	"slices"
	"sync"
)

// A Writer groups writes: whoever finds no commit under way begins one with what
// waits by then, so a lone write waits for nothing, and under load each commit
// takes all that came during the one before. It is safe for concurrent use.
//
// Commits run on a goroutine that lives while there is something to write, but see
// Inline: a caller whose context ends is answered at once, and its write goes on.
type Writer[W any] struct {
	// Commit writes a batch and answers each write by its Answer. What it leaves
	// unanswered is answered with nil.
	Commit func(batch []*Write[W])
	// Key, if set, names what a write changes: a batch holds one write of each
	// key, and the others wait for the next. Writes of key "" are all different.
	Key func(W) string
	// Max is how many writes a batch has at most.
	Max int
	// Size, if set, is how large a write is, and MaxSize about how large a batch of
	// several gets.
	Size    func(W) int
	MaxSize int
	// Leaders is how many commits may run at once. Default 1. With more of them,
	// writes of one key may meet in the database.
	Leaders int
	// Inline, if set, is asked whether the caller that begins may commit one batch
	// itself, and its true is followed by Commit on the same goroutine. Handing that
	// to another and back takes some 40 µs; but such a caller returns when the commit
	// has ended, whatever its context says.
	Inline func() bool

	mu      sync.Mutex
	waiting []*Write[W]
	first   int // of those, how many came by DoFirst
	leading int
	closed  error
	leaders sync.WaitGroup
}

// A Write is one call of Do.
type Write[W any] struct {
	Value W

	err  error
	done chan struct{}
}

// Answer is what Do returns. Of several answers the first counts.
func (w *Write[W]) Answer(err error) {
	select {
	case <-w.done:
	default:
		w.err = err
		close(w.done)
	}
}

// Do writes value with a batch and returns its answer; or the cause of ctx, when
// that ends first: then the write may still be done.
func (g *Writer[W]) Do(ctx context.Context, value W) error { return g.do(ctx, value, false) }

// DoFirst is Do, but that the write goes before all that came by Do. It is for
// writers without a Key.
func (g *Writer[W]) DoFirst(ctx context.Context, value W) error { return g.do(ctx, value, true) }

func (g *Writer[W]) do(ctx context.Context, value W, first bool) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	w := &Write[W]{Value: value, done: make(chan struct{})}
	leads, err := g.enqueue(w, first)
	if err != nil {
		return err
	}
	switch {
	case leads && g.Inline != nil && g.Inline():
		g.begin()
	case leads:
		go g.lead(g.take())
	}
	select {
	case <-w.done:
		return w.err
	default:
	}
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// enqueue reports whether the caller leads.
func (g *Writer[W]) enqueue(w *Write[W], first bool) (leads bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil {
		return false, g.closed
	}
	if first {
		g.waiting = slices.Insert(g.waiting, g.first, w)
		g.first++
	} else {
		g.waiting = append(g.waiting, w)
	}
	if leads = g.leading < max(1, g.Leaders); leads {
		g.leading++
		g.leaders.Add(1)
	}
	return leads, nil
}

// begin commits one batch, and hands the lead on if more waits by then.
func (g *Writer[W]) begin() {
	batch := g.take()
	if len(batch) > 0 {
		g.commit(batch)
		batch = g.take()
	}
	if len(batch) > 0 {
		go g.lead(batch)
	} else {
		g.leaders.Done()
	}
}

// lead commits until nothing waits.
func (g *Writer[W]) lead(batch []*Write[W]) {
	defer g.leaders.Done()
	for ; len(batch) > 0; batch = g.take() {
		g.commit(batch)
	}
}

func (g *Writer[W]) commit(batch []*Write[W]) {
	g.Commit(batch)
	for _, w := range batch {
		w.Answer(nil)
	}
}

// More answers writes that have come since the batch was taken, to be committed
// with it: those who wait for the last commit come one by one after it, and most
// would otherwise miss the next. Only Commit may call it, must answer each of them,
// and sees to it that the whole is no more than Max. Where Key is set they are none.
func (g *Writer[W]) More(n int) []*Write[W] {
	if g.Key != nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cut(n)
}

// take removes the next batch from what waits. If there is none, its caller leads
// no more.
func (g *Writer[W]) take() []*Write[W] {
	g.mu.Lock()
	defer g.mu.Unlock()
	var batch []*Write[W]
	if g.Key == nil {
		batch = g.cut(g.Max)
	} else {
		batch = g.pick()
	}
	if len(batch) == 0 {
		g.leading--
	}
	return batch
}

// cut removes up to n of what waits, as many as fit. The caller holds mu.
func (g *Writer[W]) cut(n int) []*Write[W] {
	n = min(n, len(g.waiting))
	for i, size := 0, 0; i < n && g.Size != nil; i++ {
		if size += g.Size(g.waiting[i].Value); size > g.MaxSize {
			n = max(i, 1)
		}
	}
	g.first = max(0, g.first-n)
	if n >= len(g.waiting) {
		batch := g.waiting
		g.waiting = nil
		return batch
	}
	batch := slices.Clone(g.waiting[:n])
	g.waiting = g.waiting[n:]
	return batch
}

// pick removes writes of different keys, as many as fit. The caller holds mu.
func (g *Writer[W]) pick() []*Write[W] {
	var batch, left []*Write[W]
	seen := make(map[string]struct{}, len(g.waiting))
	size := 0
	for i, w := range g.waiting {
		if len(batch) == g.Max || size > g.MaxSize {
			left = append(left, g.waiting[i:]...)
			break
		}
		if key := g.Key(w.Value); key != "" {
			if _, twice := seen[key]; twice {
				left = append(left, w)
				continue
			}
			seen[key] = struct{}{}
		}
		if g.Size != nil {
			size += g.Size(w.Value)
		}
		batch = append(batch, w)
	}
	g.waiting = left
	return batch
}

// Close turns later writes away with err and waits for those that came before.
func (g *Writer[W]) Close(err error) {
	g.mu.Lock()
	g.closed = err
	g.mu.Unlock()
	g.leaders.Wait()
}

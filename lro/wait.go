package lro

import (
	"context"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/store"
)

// Wait answers the operation once it is done, or its latest state when ctx ends
// or Run begins to drain: look at Done. Without a Run it answers at once. Its
// errors are those of Get, and concern only operations that could not be read
// in the first place.
func (m *Manager) Wait(ctx context.Context, name string) (*longrunningpb.Operation, error) {
	rec, err := m.wait(ctx, name, time.Time{})
	if err != nil {
		return nil, err
	}
	return m.operation(ctx, rec)
}

// freshness is how long a wait that has run out may take to read once more.
const freshness = 100 * time.Millisecond

// wait waits until the operation is done, but at most until limit, unless that is
// zero.
func (m *Manager) wait(ctx context.Context, name string, limit time.Time) (*store.Record, error) {
	var drain <-chan struct{}
	m.update(func(s *state) {
		if s.phase == running {
			drain = s.run.work.Done()
		}
	})
	if drain == nil {
		return m.visible(ctx, name)
	}

	for {
		rec, again, err := m.waitOnce(ctx, name, limit, drain)
		if !again {
			return rec, err
		}
	}
}

// waitOnce also reports whether to wait again: a record that was read as missing
// closes its topic, though it may have been created since.
func (m *Manager) waitOnce(ctx context.Context, name string, limit time.Time, drain <-chan struct{}) (*store.Record, bool, error) {
	t := m.hub.subscribe(name)
	defer m.hub.unsubscribe(t)
	rec, err := m.visible(ctx, name)
	if err != nil || rec.State == store.Done {
		return rec, false, err
	}
	m.hub.publish(rec)

	var late <-chan time.Time
	if !limit.IsZero() {
		timer := time.NewTimer(time.Until(limit))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-t.over:
		rec = m.hub.latest(t, rec)
		return rec, rec.State != store.Done, nil
	case <-ctx.Done():
		return m.hub.latest(t, rec), false, nil
	case <-late:
	case <-drain:
	}
	// Reports wake nobody, so what the hub has seen may be older than the store.
	ctx, stop := context.WithTimeout(ctx, freshness)
	defer stop()
	if recs, err := m.store.Get(ctx, name); err == nil && len(recs) == 1 {
		rec = recs[0]
	}
	return m.hub.latest(t, rec), false, nil
}

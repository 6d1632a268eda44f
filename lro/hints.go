package lro

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// safetyInterval is how often everything that is waited for is read again, for
// the hint that got lost and the store that has none.
const safetyInterval = 2 * time.Second

// listen takes hints until the drain, and comes back when their source fails.
func (r *run) listen(n store.Notifier) {
	for retry := (backoff{least: 100 * time.Millisecond}); r.work.Err() == nil; {
		began := time.Now()
		err := n.Notify(r.work, r.hint)
		if r.work.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			retry.reset()
		}
		r.m.outage.failed(r.work, call{method: "Notify"}, err)
		pause(r.work, retry.wait())
	}
}

// hint notes what to look at; it is called by the store and does not block.
func (r *run) hint(h store.Hint) {
	if h.Due {
		poke(r.claims)
	}
	names := h.Names
	if h.All {
		names = append(r.m.hub.names(), names...)
		poke(r.reconciles)
	}
	for _, name := range names {
		if r.m.hub.watched(name) || r.m.attemptOf(name) != nil {
			r.mu.Lock()
			r.stale[name] = struct{}{}
			r.mu.Unlock()
			poke(r.rereads)
		}
	}
}

// rereadLoop reads what hints named: once per operation, however many wait.
func (r *run) rereadLoop() {
	for {
		select {
		case <-r.work.Done():
			return
		case <-r.rereads:
		}
		r.mu.Lock()
		names := slices.Collect(maps.Keys(r.stale))
		clear(r.stale)
		r.mu.Unlock()
		if r.reread(r.io, names) != nil {
			poke(r.reconciles) // that reads again what runs here; the next safety round, what is waited for
		}
	}
}

func (r *run) safetyLoop() {
	r.every(safetyInterval, nil, func() (time.Duration, error) {
		return safetyInterval, r.reread(r.io, r.m.hub.names())
	})
}

// reread reads operations in batches and tells their waiters and attempts.
func (r *run) reread(ctx context.Context, names []string) error {
	for chunk := range slices.Chunk(names, batch) {
		recs, err := timed(ctx, r.m, call{method: "Get"}, callTimeout, func(ctx context.Context) ([]*store.Record, error) {
			return r.m.store.Get(ctx, chunk...)
		})
		if err != nil {
			return err
		}
		missing := make(map[string]struct{}, len(chunk))
		for _, name := range chunk {
			missing[name] = struct{}{}
		}
		for _, rec := range recs {
			delete(missing, rec.Name)
			r.m.observe(rec)
		}
		for name := range missing {
			r.m.hub.gone(name)
		}
	}
	return nil
}

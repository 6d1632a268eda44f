package lro_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// What a Manager calls goes over its wire. The ledger knows it by names without
// chance in them, since the order of owners is one in which orphans are adopted.
var (
	_ store.Store    = (*wire)(nil)
	_ store.Notifier = (*wire)(nil)
)

// out answers what the ledger calls an owner: this Manager, or nobody, or one that
// it knows from the ledger.
func (w *wire) out(owner string) string {
	if owner == "" || strings.Contains(owner, "/") {
		return owner
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.owners, owner)
	if i < 0 {
		i = len(w.owners)
		w.owners = append(w.owners, owner)
	}
	return numbered(w.label+"/", i)
}

func (w *wire) outRecord(rec *store.Record) *store.Record {
	sent := *rec
	sent.Owner = w.out(rec.Owner)
	return &sent
}

// in answers records with the names that the Manager knows itself by.
func (w *wire) in(recs ...*store.Record) []*store.Record {
	answer := make([]*store.Record, len(recs))
	for i, rec := range recs {
		answer[i] = rec
		if number, ok := strings.CutPrefix(rec.Owner, w.label+"/"); ok {
			received := *rec
			n, _ := strconv.Atoi(number)
			w.mu.Lock()
			received.Owner = w.owners[n]
			w.mu.Unlock()
			answer[i] = &received
		}
	}
	return answer
}

// one is in for calls that answer one record, or none.
func (w *wire) one(rec *store.Record, err error) (*store.Record, error) {
	if err != nil {
		return nil, err
	}
	return w.in(rec)[0], nil
}

func (w *wire) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	return ask(ctx, w, "Create", labelOf(rec), func(ctx context.Context) (*store.Record, error) {
		return w.one(w.world.ledger.Create(ctx, w.outRecord(rec)))
	})
}

func (w *wire) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	label := "several"
	if len(names) == 1 {
		label = w.world.ledger.label(names[0])
	}
	return ask(ctx, w, "Get", label, func(ctx context.Context) ([]*store.Record, error) {
		recs, err := w.world.ledger.Get(ctx, names...)
		return w.in(recs...), err
	})
}

func (w *wire) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	return ask(ctx, w, "Update", w.world.ledger.label(rec.Name), func(ctx context.Context) (*store.Record, error) {
		return w.one(w.world.ledger.Update(ctx, w.outRecord(rec)))
	})
}

func (w *wire) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	label := "of " + q.Parent
	switch {
	case q.Owner != "":
		label = "own"
	case q.Overdue:
		label = "overdue"
	}
	sent := *q
	sent.Owner = w.out(q.Owner)
	return ask(ctx, w, "List", label, func(ctx context.Context) ([]*store.Record, error) {
		recs, err := w.world.ledger.List(ctx, &sent)
		return w.in(recs...), err
	})
}

func (w *wire) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	sent := *c
	sent.Owner = w.out(c.Owner)
	return ask(ctx, w, "Claim", strings.Join(c.Methods[:min(1, len(c.Methods))], ""), func(ctx context.Context) ([]*store.Record, error) {
		recs, err := w.world.ledger.Claim(ctx, &sent)
		return w.in(recs...), err
	})
}

func (w *wire) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	sent := w.out(owner)
	return ask(ctx, w, "Heartbeat", "", func(ctx context.Context) ([]string, error) {
		return w.world.ledger.Heartbeat(ctx, sent, ttl)
	})
}

func (w *wire) Expire(ctx context.Context, limit int) (int, error) {
	return ask(ctx, w, "Expire", "", func(ctx context.Context) (int, error) {
		return w.world.ledger.Expire(ctx, limit)
	})
}

func (w *wire) Secret(ctx context.Context) ([]byte, error) { return w.world.ledger.Secret(ctx) }

func (w *wire) Notify(ctx context.Context, fn func(store.Hint)) error {
	return w.world.ledger.Notify(ctx, func(h store.Hint) {
		if w.hears() {
			fn(h)
		}
	})
}

// hears decides whether a hint arrives.
func (w *wire) hears() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gate.opens != nil || w.line.opens != nil || w.killed() {
		return false
	}
	w.hints++
	return w.world.isCalm() || !w.world.seed.dice(w.hints, w.label, "hint").chance(w.world.plan.lost)
}

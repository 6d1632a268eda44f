package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// An owner lives until its registration lapses and a Claim notices, or until
// it resigns. Death is for good.
type owner struct {
	until time.Time // when the registration lapses; of the dead, when they died
	dead  bool
}

// forgetAfter is how long the dead are remembered, so that one that was paused
// for hours still learns of its death.
const forgetAfter = 24 * time.Hour

// alive reports whether the owner may be given records: it is registered, and
// nobody has marked it dead. The caller holds mu.
func (s *Store) alive(id string) bool {
	o, ok := s.owners[id]
	return ok && !o.dead
}

// Heartbeat implements [store.Store].
func (s *Store) Heartbeat(ctx context.Context, id string, ttl time.Duration) ([]string, error) {
	if err := begin(ctx, "Heartbeat"); err != nil {
		return nil, err
	}
	if err := store.ValidateHeartbeat(id, ttl); err != nil {
		return nil, err
	}
	cancelled, err := s.heartbeat(id, ttl)
	if err == nil && ttl == 0 {
		s.hub.Publish(store.Hint{Due: true})
	}
	return cancelled, err
}

func (s *Store) heartbeat(id string, ttl time.Duration) (cancelled []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.owners[id]
	if !ok {
		o = &owner{}
		s.owners[id] = o
	}
	if o.dead {
		return nil, fmt.Errorf("%w: %q is dead", store.ErrOwnerLost, id)
	}
	o.until = now().Add(ttl)
	o.dead = ttl == 0
	for rec := range s.cancelled.of(id) {
		cancelled = append(cancelled, rec.Name)
	}
	return cancelled, nil
}

// Claim implements [store.Store].
func (s *Store) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	if err := begin(ctx, "Claim"); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	claimed, err := s.claim(c)
	if len(claimed) > 0 {
		names := make([]string, len(claimed))
		for i, rec := range claimed {
			names[i] = rec.Name
		}
		s.hub.Publish(store.Hint{Names: names})
	}
	return claimed, err
}

func (s *Store) claim(c *store.Claim) ([]*store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := now()
	if claimer := s.owners[c.Owner]; c.Adopt && claimer != nil && !claimer.dead && t.Before(claimer.until) {
		s.bury(t)
	}
	if !s.alive(c.Owner) {
		return nil, fmt.Errorf("%w: %q is dead or was never registered", store.ErrOwnerLost, c.Owner)
	}
	var free []*store.Record
	if c.Adopt {
		free = s.orphans(c)
	}
	free = append(free, s.due(c, t, c.Limit-len(free))...)
	claimed := make([]*store.Record, len(free))
	for i, rec := range free {
		claimed[i] = s.withRequest(s.put(rec, rec.Claimed(c.Owner, t)))
	}
	return claimed, nil
}

// bury marks the owners dead whose registration has lapsed. The caller holds mu.
func (s *Store) bury(t time.Time) {
	for _, o := range s.owners {
		if !o.dead && !t.Before(o.until) {
			o.dead, o.until = true, t
		}
	}
}

// forgetOwners drops those who have long been dead and own nothing. The caller
// holds mu.
func (s *Store) forgetOwners(t time.Time) {
	for id, o := range s.owners {
		if !o.dead || t.Before(o.until.Add(forgetAfter)) {
			continue
		}
		owns := false
		for range s.byOwner.of(id) {
			owns = true
			break
		}
		if !owns {
			delete(s.owners, id)
		}
	}
}

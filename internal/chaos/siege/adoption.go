//go:build linux

package siege

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/longrunning-go/longrunning/internal/chaos/worker"
	"github.com/longrunning-go/longrunning/store"
)

// A Figure is what was measured of one promise about adoption.
type Figure struct {
	What, Store  string
	Found, Bound string
	Met          bool
}

const (
	// backlog is how many operations wait while others are adopted.
	backlog = 100_000
	// sweep is how often package lro looks for what nobody else would end.
	sweep = 2 * time.Second
	// slack is what one process may lose on top of the lease and the sweep.
	slack = time.Second
)

// Adoption measures how soon another worker goes on with the operations of one
// that is killed, on the store of c and behind a backlog that is put there first.
// The Scenario of c does not matter.
func Adoption(ctx context.Context, c Config) ([]Figure, error) {
	var figures []Figure
	for _, m := range []struct {
		scenario Scenario
		method   string // of the backlog
		measure  func(context.Context, *pair) ([]Figure, error)
	}{
		{roomy(), worker.Nobody, measureDelay},
		{crowded(), worker.Count, measureOrder},
	} {
		c.Scenario = m.scenario
		found, err := withPair(ctx, c, func(p *pair) ([]Figure, error) {
			if err := fill(ctx, p.filled, m.method); err != nil {
				return nil, err
			}
			p.progress("%d operations of %s are pending", backlog+spare, m.method)
			return m.measure(ctx, p)
		})
		if err != nil {
			return nil, err
		}
		for i := range found {
			found[i].Store = c.Store
		}
		figures = append(figures, found...)
	}
	return figures, nil
}

// A pair is two places for workers on one ground: that of the victims, and that of
// the survivor. Nobody replaces who is killed.
type pair struct {
	*siege
	victims, survivors place
	filled             store.Store // the workers' store, past them
	number             int
}

// withPair makes the ground of a pair, measures, and leaves nothing behind but,
// after an error, the workers' logs.
func withPair(ctx context.Context, c Config, measure func(*pair) ([]Figure, error)) (figures []Figure, err error) {
	s, err := newSiege(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, m := range s.members {
			kill(m)
			<-m.gone
		}
		err = errors.Join(err, s.ground.close())
		if err != nil {
			err = fmt.Errorf("chaos: %s: %w (the workers' logs: %s)", c.Store, err, s.logs)
			return
		}
		err = os.RemoveAll(s.logs)
	}()
	p := &pair{siege: s}
	for _, at := range []struct {
		place *place
		name  string
	}{{&p.victims, "victim"}, {&p.survivors, "survivor"}} {
		*at.place = place{name: at.name, methods: []string{worker.Count}}
		if at.place.store, at.place.px, err = s.ground.way(ctx, at.name); err != nil {
			return nil, err
		}
	}
	if err := s.migrate(ctx, p.victims); err != nil {
		return nil, err
	}
	st, closeStore, err := s.ground.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeStore()) }()
	p.filled = st
	if figures, err = measure(p); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.violations {
		err = errors.Join(err, fmt.Errorf("%s: %s", v.Invariant, v.Text))
	}
	return figures, err
}

// enlist starts a worker and answers it once the store knows its owner.
func (p *pair) enlist(ctx context.Context, at place) (*member, error) {
	p.number++
	m, err := p.spawn(ctx, at, p.number)
	if err != nil {
		return nil, err
	}
	p.members[m.name] = m
	ready := p.eventually(ctx, 20*time.Second, func() bool {
		owner, err := p.journal.ownerOf(m)
		if m.client() == nil || err != nil {
			return false
		}
		_, _, err = p.ground.lease(ctx, owner)
		return err == nil
	})
	if !ready {
		return nil, fmt.Errorf("worker %s does not serve, or its owner is not registered", m.name)
	}
	return m, nil
}

// steady waits until all workers have been alive for long enough to adopt.
func (p *pair) steady(ctx context.Context) { p.pause(ctx, p.scenario.TTL*3/2) }

// strikeDown kills a worker, and answers when.
func (p *pair) strikeDown(m *member) time.Time {
	at := time.Now()
	kill(m)
	<-m.gone
	return at
}

// ownerOf answers the id of the one owner that a worker has registered.
func (j *journal) ownerOf(m *member) (found string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for owner, is := range j.owners {
		if is != m {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("worker %s has lost its lease: want one owner, found two; this machine is too busy to measure on", m.name)
		}
		found = owner
	}
	if found == "" {
		return "", fmt.Errorf("worker %s has registered no owner", m.name)
	}
	return found, nil
}

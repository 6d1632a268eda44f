//go:build linux

package siege

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/longrunning-go/longrunning/internal/chaos/worker"
)

// muster makes the tables and starts the workers. Each is replaced when it dies,
// until the siege closes; whoever waits on what it answers waits for that.
func (s *siege) muster(ctx context.Context) (*sync.WaitGroup, error) {
	places := make([]place, 0, s.scenario.Workers)
	for i := range s.scenario.Workers {
		p := place{name: placeName(i), methods: []string{worker.Count, worker.Order, worker.Poison}}
		if i%2 == 0 {
			p.methods = append(p.methods, worker.Rare)
		}
		var err error
		if p.store, p.px, err = s.ground.way(ctx, p.name); err != nil {
			return nil, err
		}
		if i == 0 {
			if err := s.migrate(ctx, p); err != nil {
				return nil, err
			}
		}
		places = append(places, p)
	}
	fleet := new(sync.WaitGroup)
	for _, p := range places {
		fleet.Go(func() { s.hold(ctx, p) })
	}
	return fleet, nil
}

func placeName(i int) string { return fmt.Sprintf("w%d", i) }

func (s *siege) migrate(ctx context.Context, p place) error {
	config, err := json.Marshal(worker.Config{Name: "migrate", Store: p.store})
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, s.binary, "migrate", string(config)).CombinedOutput(); err != nil {
		return fmt.Errorf("migrate: %w: %s", err, out)
	}
	return s.ground.audit(ctx)
}

// hold keeps a worker in a place.
func (s *siege) hold(ctx context.Context, p place) {
	for number := 1; ctx.Err() == nil; number++ {
		m, err := s.spawn(ctx, p, number)
		if !s.must(err) {
			return
		}
		s.mu.Lock()
		s.members[p.name] = m
		s.mu.Unlock()
		select {
		case <-m.gone:
		case <-ctx.Done():
			kill(m)
			<-m.gone
		}
		if s.isClosing() {
			return
		}
	}
}

// isClosing reports whether workers are drained, and replaced no more.
func (s *siege) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// alive answers the workers that serve.
func (s *siege) alive() []*member {
	s.mu.Lock()
	alive := slices.Collect(maps.Values(s.members))
	s.mu.Unlock()
	return slices.DeleteFunc(alive, func(m *member) bool { return m.client() == nil })
}

// any answers a worker that serves, one that is stopped too; nil if there is none.
func (s *siege) any() *member {
	alive := s.alive()
	if len(alive) == 0 {
		return nil
	}
	return alive[s.rand(time.Duration(len(alive)))]
}

// victim answers a worker with work under way that nobody has stopped.
func (s *siege) victim(ctx context.Context) (found *member) {
	s.eventually(ctx, time.Second, func() bool {
		m := s.any()
		if m == nil {
			return false
		}
		m.mu.Lock()
		fit := !m.stopped && len(m.running) > 0
		m.mu.Unlock()
		if fit {
			found = m
		}
		return fit
	})
	return found
}

// target answers a victim in whose place no other strike of the kind is under way,
// so that none is counted twice, and what ends the strike.
func (s *siege) target(ctx context.Context, k Kind) (m *member, release func()) {
	if m = s.victim(ctx); m == nil {
		return nil, nil
	}
	strike := string(k) + " of " + m.place.name
	s.mu.Lock()
	_, twice := s.targets[strike]
	s.targets[strike] = struct{}{}
	s.mu.Unlock()
	if twice {
		return nil, nil
	}
	release = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.targets, strike)
	}
	if m.isGone() {
		release()
		return nil, nil
	}
	return m, release
}

// drain ends all workers as a deployment would, and hears what they leave. It
// waits for all to serve first: one that had just begun could not drain.
func (s *siege) drain(ctx context.Context, fleet *sync.WaitGroup) {
	s.eventually(ctx, 10*time.Second, func() bool { return len(s.alive()) == s.scenario.Workers })
	close(s.closing)
	s.mu.Lock()
	for _, m := range s.members {
		m.signal(syscall.SIGTERM)
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fleet.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		s.mu.Lock()
		for _, m := range s.members {
			m.signal(syscall.SIGQUIT) // its goroutines are in its log then
		}
		s.mu.Unlock()
		<-ended
	}
	for _, m := range s.members {
		switch {
		case m.leaks != "":
			s.blame(Leaked, m.name, m.leaks)
		case m.counts[worker.Drained] == 0:
			s.blame(Crashed, m.name, "it did not drain")
		case m.drained != "":
			s.blame(Refused, m.name, "the drain answered "+m.drained)
		}
	}
}

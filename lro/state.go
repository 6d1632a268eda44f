package lro

import (
	"fmt"
	"maps"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// phase is how far the life of a Manager has come; it only moves forward.
type phase int

const (
	idle     phase = iota // before Run: methods may be registered
	running               // Run runs
	draining              // Run's context has ended; no new work
	finished              // Run has returned
)

// state is all that changes while a Manager lives. It is read and changed only
// inside Manager.update.
type state struct {
	phase   phase
	run     *run   // from Run on
	lease   *lease // nil while this Manager is registered under no owner
	held    map[string]*attempt
	used    int // slots taken, of Options.Capacity
	usedBy  map[*method]int
	starved bool // a claim left work behind, for want of slots
	warned  bool // that Run is not called yet
}

func (m *Manager) update(f func(*state)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.st)
}

func (m *Manager) drains() (yes bool) {
	m.update(func(s *state) { yes = s.phase == draining })
	return yes
}

// A lease is one registration of this Manager as an owner. When it is lost, a
// new one under another id takes its place.
type lease struct {
	owner   string
	renewed time.Time // when the last heartbeat that succeeded was sent
	steady  time.Time // since when no heartbeat has been late
}

// mayAdopt keeps the first Manager that is back after an outage of the store
// from burying all its siblings: it adopts only while it is sure to be alive
// itself, and after the others have had one TTL to come back too.
func (l *lease) mayAdopt(now time.Time, ttl time.Duration) bool {
	return now.Sub(l.renewed) < ttl/2 && l.renewed.Sub(l.steady) >= ttl
}

func (m *Manager) register(h *method) {
	m.update(func(s *state) {
		if s.phase != idle {
			panic(fmt.Sprintf("lro: method %s is registered after Run; register all methods first", h.name))
		}
		if m.methodOf(h.name) != nil {
			panic(fmt.Sprintf("lro: method %s is registered twice; keep one Handle or Declare for it", h.name))
		}
		next := map[string]*method{h.name: h}
		maps.Copy(next, m.known())
		m.methods.Store(&next)
	})
}

// known answers the methods that are registered, by full name; nobody changes it.
func (m *Manager) known() map[string]*method {
	if methods := m.methods.Load(); methods != nil {
		return *methods
	}
	return nil
}

// methodOf answers what is known here of a method; nil if nothing.
func (m *Manager) methodOf(name string) *method { return m.known()[name] }

// retention is how long a record of this method is kept once it is done.
func (m *Manager) retention(rec *store.Record) time.Duration {
	if h := m.methodOf(rec.Method); h != nil {
		return h.opts.Retention
	}
	return defaultRetention
}

func (m *Manager) attemptOf(name string) (a *attempt) {
	m.update(func(s *state) { a = s.held[name] })
	return a
}

// free answers how many more attempts of h may start here. The caller is
// inside update.
func (s *state) free(m *Manager, h *method) int {
	return max(0, min(m.opts.Capacity-s.used, h.opts.Concurrency-s.usedBy[h]))
}

// reserve takes a slot for an operation of h that is about to be stored as
// claimed, and registers the attempt, so that nothing else here takes the
// record for one that nobody runs. It answers nil where h cannot run now. The
// attempt must be begun or dropped.
func (m *Manager) reserve(h *method, name string) (a *attempt) {
	m.update(func(s *state) {
		if s.phase == running && s.lease != nil && s.free(m, h) > 0 {
			a = s.hold(m, s.lease, h, name, 1)
		}
	})
	return a
}

// reserveFor takes n slots for a claim of the methods while it is under way.
func (s *state) reserveFor(methods []*method, n int) {
	s.used += n
	for _, h := range methods {
		s.usedBy[h] += n
	}
}

// hold registers an attempt; one without a method can only end its operation or
// hand it back, and takes no slot. The caller is inside update, and is either
// one of Run's loops or has seen that the phase is running.
func (s *state) hold(m *Manager, l *lease, h *method, name string, epoch int64) *attempt {
	a := newAttempt(m, s.run, l, h, name, epoch)
	s.held[name] = a
	if h != nil {
		s.used++
		s.usedBy[h]++
	}
	s.run.keepers.Add(1)
	return a
}

// drop gives back what hold took.
func (a *attempt) drop() {
	a.m.update(func(s *state) {
		if s.held[a.name] == a {
			delete(s.held, a.name)
		}
		if a.method != nil {
			s.used--
			s.usedBy[a.method]--
		}
		if s.starved {
			poke(a.run.claims)
		}
	})
	a.run.keepers.Done()
}

// poke wakes the one receiver of a channel with room for one wake-up.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (m *Manager) reconcileSoon() {
	m.update(func(s *state) {
		if s.run != nil {
			poke(s.run.reconciles)
		}
	})
}

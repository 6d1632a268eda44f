//go:build linux

// Package siege does violence to worker processes and to their store, and says
// which promises were broken.
//
// A siege is a real store, worker processes on it, clients of theirs, and faults.
// What clients were told stands in an oracle outside the processes; what was
// stored stands in a log that triggers in the database write. In the end the two
// are compared.
package siege

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/longrunning-go/longrunning/internal/oracle"
)

// Config says what to do.
type Config struct {
	Store    string // "postgres" or "sqlite"
	Scenario Scenario
	Seed     uint64
	Binary   string // the program that "worker CONFIG" and "migrate CONFIG" are run with
	Progress func(format string, args ...any)
}

// A Report is what a siege came to.
type Report struct {
	Faults     map[Kind]int
	Points     map[string]int // of the kills at failpoints, by failpoint
	Short      []string       // what was struck less often than the scenario wants
	Impossible []string       // what this machine does not let us do
	Checked    []oracle.Invariant
	Violations []oracle.Violation
	Operations int // stored
	Versions   int // written
	Told       oracle.Tally
	Elapsed    time.Duration
	Logs       string // the folder with the workers' logs, kept where there are violations
}

type siege struct {
	scenario Scenario
	seed     uint64
	binary   string
	logs     string
	ground   ground
	oracle   *oracle.Oracle
	journal  *journal
	progress func(format string, args ...any)

	impossible []string // kinds of faults; set before the strikes

	closing chan struct{} // closed when no worker is replaced any more

	mu         sync.Mutex
	random     *rand.Rand
	members    map[string]*member // by place
	faults     map[Kind]int
	underWay   map[Kind]int
	targets    map[string]struct{} // kinds of strikes under way, each with a place
	points     map[string]int
	violations []oracle.Violation
}

// Crashed and Leaked are promises about processes.
const (
	Crashed oracle.Invariant = "no process ends by itself"
	Leaked  oracle.Invariant = "no goroutine is left after a drain"
	Refused oracle.Invariant = "calls fail as documented"
)

// Run lays a siege.
func Run(ctx context.Context, c Config) (*Report, error) {
	began := time.Now()
	s, err := newSiege(ctx, c)
	if err != nil {
		return nil, err
	}
	history, err := s.lay(ctx)
	if closeErr := s.ground.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("chaos: %w (the workers' logs: %s)", err, s.logs)
	}
	r := &Report{Faults: s.faults, Points: s.points, Short: s.short(), Impossible: s.impossible, Checked: s.scenario.checked(), Violations: s.violations, Versions: len(history), Told: s.oracle.Tally(), Elapsed: time.Since(began), Logs: s.logs}
	names := make(map[string]struct{})
	for _, change := range history {
		names[change.Record.Name] = struct{}{}
	}
	r.Operations = len(names)
	if len(r.Violations) == 0 {
		r.Logs = ""
		err = os.RemoveAll(s.logs)
	}
	return r, err
}

// newSiege makes the ground of a siege, without workers.
func newSiege(ctx context.Context, c Config) (*siege, error) {
	logs, err := os.MkdirTemp("", "chaos-logs")
	if err != nil {
		return nil, err
	}
	s := &siege{
		scenario: c.Scenario, seed: c.Seed, binary: c.Binary, logs: logs, oracle: oracle.New(), journal: newJournal(), progress: c.Progress,
		closing: make(chan struct{}), random: rand.New(rand.NewPCG(c.Seed, 0)),
		members: make(map[string]*member), faults: make(map[Kind]int), underWay: make(map[Kind]int), targets: make(map[string]struct{}), points: make(map[string]int),
	}
	if s.ground, err = newGround(ctx, c.Store); err != nil {
		return nil, errors.Join(err, os.RemoveAll(logs))
	}
	return s, nil
}

func newGround(ctx context.Context, store string) (g ground, err error) {
	switch store {
	case "postgres":
		g, err = newPostgres(ctx)
		return g, err
	case "sqlite":
		g, err = newSQLite()
		return g, err
	}
	return nil, fmt.Errorf("chaos: the store is %q; want postgres or sqlite", store)
}

// lay runs the siege on the ground: violence, calm, the drain, the comparison.
func (s *siege) lay(ctx context.Context) ([]oracle.Change, error) {
	fleet, err := s.muster(ctx)
	if err != nil {
		return nil, err
	}
	load := s.load(ctx)
	s.strike(ctx)
	calm := time.Now()
	s.progress("calm")
	s.pause(ctx, s.scenario.Pressure)
	load.stop(s.scenario.Bounds.Within)
	s.settle(ctx)
	drain := time.Now()
	s.drain(ctx, fleet)
	history, err := s.ground.history(ctx)
	if err != nil {
		return nil, err
	}
	bounds := s.scenario.Bounds
	bounds.Calm = calm
	s.accuse(s.oracle.Check(history, bounds))
	s.accuse(s.journal.check(s.scenario.Told))
	if s.scenario.NoBurials {
		s.accuse(s.journal.checkBurials(history, drain))
	}
	books, err := s.ground.books(ctx)
	s.accuse(books)
	return history, errors.Join(err, ctx.Err())
}

// settle waits for the ends of operations that clients follow no longer, since
// they have deleted them: a drain may hand those back, which is no end.
func (s *siege) settle(ctx context.Context) {
	s.eventually(ctx, s.scenario.Bounds.Within, func() bool {
		open, err := s.ground.undone(ctx)
		return err == nil && open == 0
	})
}

func (s *siege) accuse(found []oracle.Violation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, found...)
}

func (s *siege) blame(inv oracle.Invariant, name, text string) {
	s.accuse([]oracle.Violation{{Invariant: inv, Name: name, Text: text}})
}

// must notes an error of the siege's own doing.
func (s *siege) must(err error) bool {
	if err != nil {
		s.blame("the siege itself works", "", err.Error())
	}
	return err == nil
}

func (s *siege) add(k Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[k]++
}

func (s *siege) count(k Kind) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults[k]
}

// mined notes a kill at a failpoint.
func (s *siege) mined(point string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if point == poison {
		s.faults[Poisoned]++
		return
	}
	s.faults[Mined]++
	s.points[point]++
}

// rand answers a duration below d, as the seed has it.
func (s *siege) rand(d time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.random.Int64N(int64(d)))
}

// disturb notes that a worker, or every one if it is nil, may be late for so long.
func (s *siege) disturb(m *member, length time.Duration) {
	until := time.Now().Add(length)
	if m != nil {
		m.disturb(until)
		return
	}
	for _, m := range s.alive() {
		m.disturb(until)
	}
}

// pause waits, but not beyond the end of ctx.
func (s *siege) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// eventually reports whether something came true in time.
func (s *siege) eventually(ctx context.Context, within time.Duration, came func() bool) bool {
	for until := time.Now().Add(within); ; {
		if came() {
			return true
		}
		if ctx.Err() != nil || time.Now().After(until) {
			return false
		}
		s.pause(ctx, 10*time.Millisecond)
	}
}

// kill ends a worker with SIGKILL.
func kill(m *member) { m.signal(syscall.SIGKILL) }

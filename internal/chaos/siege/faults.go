//go:build linux

package siege

import (
	"context"
	"math"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/longrunning-go/longrunning/internal/chaos/worker"
)

// A Kind of fault.
type Kind string

// The kinds. What each counts stands at the function that strikes.
const (
	Killed      Kind = "SIGKILL at random"
	Mined       Kind = "SIGKILL at a failpoint"
	Poisoned    Kind = "SIGKILL by an operation"
	Stopped     Kind = "SIGSTOP, 1 to 3 lease times"
	StoppedMute Kind = "SIGSTOP, of handlers that do not write"
	Restart     Kind = "Postgres crashes and restarts"
	Terminate   Kind = "a session is terminated"
	Cut         Kind = "connections are cut"
	CutAck      Kind = "cut between commit and acknowledgement"
	Delay       Kind = "connections are slow"
	HalfOpen    Kind = "connections are half open"
	LoseHints   Kind = "notifications are lost"
	Jump        Kind = "the database's clock jumps"
	Outage      Kind = "the store is out of reach, 3 lease times"
	Full        Kind = "the disk is full"
	Busy        Kind = "another process holds the file's lock"

	refusedForRoom Kind = "refused for want of room" // an event, no fault
)

const poison = worker.EndsPoison

// Kinds answers those that a siege may strike with, in the order of a table.
func Kinds() []Kind {
	return []Kind{Killed, Mined, Poisoned, Stopped, StoppedMute, Restart, Terminate, Cut, CutAck, Delay, HalfOpen, LoseHints, Jump, Outage, Full, Busy}
}

// strike strikes until every quota is met, or the scenario's time is over.
func (s *siege) strike(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, s.scenario.Limit)
	defer stop()
	s.eventually(ctx, 10*time.Second, func() bool { return len(s.alive()) == s.scenario.Workers })
	s.pause(ctx, s.scenario.TTL*3/2)
	faults := s.ground.faults()
	faults[Killed] = killOne
	faults[Outage] = outage
	for k := range s.scenario.Quota {
		if faults[k] == nil && k != Stopped && k != StoppedMute && k != Poisoned {
			s.impossible = append(s.impossible, string(k))
		}
	}
	var hands sync.WaitGroup
	for range s.scenario.Hands {
		hands.Go(func() { s.repeat(ctx, faults) })
	}
	for range s.scenario.Stoppers {
		hands.Go(func() { s.repeat(ctx, map[Kind]fault{Stopped: stopOne, StoppedMute: stopMute}) })
	}
	for i := range s.scenario.Sappers {
		hands.Go(func() { s.sap(ctx, placeName(i)) })
	}
	hands.Go(func() {
		for ctx.Err() == nil {
			alive, running := s.alive(), 0
			for _, m := range alive {
				running += len(m.held())
			}
			s.mu.Lock()
			s.progress("%d faults; %d workers serve, %d handlers run", s.total(), len(alive), running)
			s.mu.Unlock()
			s.pause(ctx, 5*time.Second)
		}
	})
	hands.Go(func() {
		defer stop()
		s.eventually(ctx, s.scenario.Limit, func() bool { return len(s.short()) == 0 })
	})
	hands.Wait()
	s.disarm()
}

// total counts the faults. The caller holds mu.
func (s *siege) total() (n int) {
	for _, k := range Kinds() {
		n += s.faults[k]
	}
	return n
}

// short answers what was struck less often than the scenario wants.
func (s *siege) short() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var short []string
	if s.scenario.Sappers > 0 {
		short = s.wanting()
	}
	for k, quota := range s.scenario.Quota {
		if s.faults[k] < quota && !slices.Contains(s.impossible, string(k)) {
			short = append(short, string(k))
		}
	}
	return short
}

// repeat strikes with the kind that is furthest behind, again and again.
func (s *siege) repeat(ctx context.Context, faults map[Kind]fault) {
	tries := make(map[Kind]int)
	for ctx.Err() == nil {
		if k := s.choose(faults, tries); k != "" {
			tries[k]++
			struck := faults[k](ctx, s)
			s.unchoose(k, struck)
		}
		s.pause(ctx, s.scenario.Pace/2+s.rand(s.scenario.Pace))
	}
}

// choose answers the kind that is furthest behind, none if all are far enough, or
// are under way and cannot be twice. Tries count too, a little, so that what does
// not succeed for now keeps nothing else from its turn.
func (s *siege) choose(faults map[Kind]fault, tries map[Kind]int) (found Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	least := math.Inf(1)
	for k := range faults {
		n, quota := s.faults[k], s.scenario.Quota[k]
		if n >= quota || s.underWay[k] > 0 && single(k) {
			continue
		}
		if share := (float64(n) + 0.5*float64(tries[k]) + s.random.Float64()) / float64(quota); share < least {
			found, least = k, share
		}
	}
	s.underWay[found]++
	return found
}

func (s *siege) unchoose(k Kind, struck bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay[k]--; struck {
		s.faults[k]++
	}
}

// single reports whether a fault strikes all workers, so that two at once are one.
func single(k Kind) bool {
	switch k {
	case Restart, Jump, Outage, Full, Busy:
		return true
	default:
		return false
	}
}

// killOne kills a worker that has work under way. It counts if that was its death,
// and not a failpoint.
func killOne(ctx context.Context, s *siege) bool {
	m, release := s.target(ctx, Killed)
	if m == nil {
		return false
	}
	defer release()
	kill(m)
	<-m.gone
	return m.count(worker.Struck) == 0 && len(m.held()) > 0
}

// stopOne freezes a worker for one to three lease times. It counts if what it ran
// was adopted meanwhile, and it tried to write that when it woke.
func stopOne(ctx context.Context, s *siege) bool {
	return freeze(ctx, s, func(held map[attempt]struct{}, woken time.Time) bool { return s.journal.overtaken(held, woken) })
}

// stopMute is for handlers that do not write: it counts if what the worker ran was
// adopted meanwhile.
func stopMute(ctx context.Context, s *siege) bool {
	return freeze(ctx, s, func(held map[attempt]struct{}, _ time.Time) bool { return s.journal.adopted(held) })
}

func freeze(ctx context.Context, s *siege, struck func(held map[attempt]struct{}, woken time.Time) bool) bool {
	m := s.victim(ctx)
	if m == nil {
		return false
	}
	m.mu.Lock()
	taken := m.stopped
	m.stopped = true
	m.mu.Unlock()
	if taken {
		return false
	}
	held := m.held()
	m.signal(syscall.SIGSTOP)
	s.pause(ctx, s.scenario.TTL+s.rand(2*s.scenario.TTL))
	woken := time.Now()
	m.mu.Lock()
	m.stopped = false
	m.mu.Unlock()
	m.disturb(woken.Add(4 * time.Second))
	s.journal.woke(m)
	m.signal(syscall.SIGCONT)
	return s.eventually(ctx, time.Second, func() bool { return struck(held, woken) })
}

// outage puts the store out of everybody's reach.
func outage(ctx context.Context, s *siege) bool {
	length := 3 * s.scenario.TTL
	s.disturb(nil, length+3*s.scenario.TTL)
	cut := 0
	for _, m := range s.alive() {
		m.px.Refuse(length)
		cut += m.px.Cut()
	}
	s.pause(ctx, length+3*s.scenario.TTL)
	return cut > 0
}

// sap has the workers of one place kill themselves, each at the first failpoint it
// comes to that was not struck often enough. That counts when the worker says so,
// which it does only with work under way.
func (s *siege) sap(ctx context.Context, place string) {
	for ctx.Err() == nil {
		s.pause(ctx, 3*s.scenario.Pace+s.rand(6*s.scenario.Pace))
		s.mu.Lock()
		m, points := s.members[place], s.wanting()
		s.mu.Unlock()
		if len(points) == 0 {
			return
		}
		if m != nil {
			m.command(worker.Command{Strike: points})
		}
	}
}

// disarm takes back the failpoints that workers were armed with and have not come
// to.
func (s *siege) disarm() {
	for _, m := range s.alive() {
		m.command(worker.Command{Strike: []string{}})
	}
}

// wanting answers the failpoints that were not struck often enough. The caller
// holds mu.
func (s *siege) wanting() []string {
	return slices.DeleteFunc(worker.Failpoints(), func(point string) bool { return s.points[point] >= s.scenario.EachPoint })
}

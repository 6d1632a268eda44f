//go:build linux

package siege

import (
	"maps"
	"math/rand/v2"
	"time"

	"github.com/longrunning-go/longrunning/internal/chaos/worker"
	"github.com/longrunning-go/longrunning/internal/oracle"
)

// A Scenario says how a siege is laid.
type Scenario struct {
	Workers, Capacity int
	TTL               time.Duration // the lease
	Load              Load

	Hands, Stoppers, Sappers int           // who strike at the same time: with anything, with SIGSTOP, at failpoints
	Pace                     time.Duration // between two strikes of one of them
	Quota                    map[Kind]int  // how often to strike with each kind
	EachPoint                int           // how often to kill at each failpoint
	Limit                    time.Duration // when to stop striking, at the latest

	Pressure  time.Duration // how long clients start more when all is calm
	Bounds    oracle.Bounds // but for Calm
	Told      time.Duration // how long a handler may go on beside its heir
	NoBurials bool          // no worker is struck itself, so none may lose what it runs
}

// checked answers the promises that the scenario puts to the test.
func (s Scenario) checked() []oracle.Invariant {
	checked := append(oracle.Invariants(), Told, Leaked, Crashed, Refused)
	if s.Load.Order > 0 {
		checked = append(checked, Transactions)
	}
	if s.NoBurials {
		checked = append(checked, Buried)
	}
	return checked
}

// A Load is what clients do. What is no number of clients is a share, of 1.
type Load struct {
	Clients  int // each has one operation under way
	Script   func(*rand.Rand) worker.Script
	External float64       // operations without a handler
	Order    float64       // operations in transactions of the application
	Rare     float64       // operations of a method that half the workers run
	Nobody   float64       // operations that nobody runs; half of them are cancelled
	Long     float64       // operations of a minute, which only a cancel ends in time
	Poison   float64       // operations that kill
	Cancel   float64       // of operations
	Delete   float64       // of operations
	Twice    float64       // starts that are made on two workers at once
	Wait     time.Duration // the longest wait; one that is to show who is not woken is longer than Bounds.Wake
}

// mixed are operations of about half a second that do everything.
func mixed(r *rand.Rand) worker.Script {
	ends := []string{
		worker.EndsResponse, worker.EndsResponse, worker.EndsResponse, worker.EndsError, worker.EndsRetry,
		worker.EndsExternal, worker.EndsComplete, worker.EndsPanic,
	}
	return worker.Script{
		Steps: 3 + r.IntN(8), Pause: time.Duration(30+r.IntN(60)) * time.Millisecond,
		Deaf: r.IntN(20) == 0, End: ends[r.IntN(len(ends))],
	}
}

// Quick is a tenth of a Scenario's faults.
func (s Scenario) Quick() Scenario {
	quota := make(map[Kind]int, len(s.Quota))
	for k, n := range s.Quota {
		quota[k] = max(1, n/10)
	}
	s.Quota, s.EachPoint = quota, max(1, s.EachPoint/10)
	return s
}

// General is everything at once, on a store.
func General(store string) Scenario {
	s := Scenario{
		Workers: 8, Capacity: 8, TTL: time.Second,
		Load: Load{
			Clients: 100, Script: mixed, External: 0.15, Rare: 0.1, Nobody: 0.03, Poison: 0.01, Long: 0.04,
			Cancel: 0.25, Delete: 0.25, Twice: 0.15, Wait: 8 * time.Second,
		},
		Hands: 5, Stoppers: 2, Sappers: 5, Pace: 60 * time.Millisecond, EachPoint: 20,
		Quota: map[Kind]int{Killed: 20, Poisoned: 20, Stopped: 20}, Limit: 4 * time.Minute,
		Pressure: 2 * time.Second, Bounds: oracle.Bounds{
			Within: 20 * time.Second, Wake: 4 * time.Second, AttemptsOf: map[string]int{worker.Poison: worker.PoisonAttempts},
		},
		Told: 10 * time.Second,
	}
	switch store {
	case "postgres":
		s.Load.Order = 0.1
		maps.Copy(s.Quota, map[Kind]int{Restart: 20, Terminate: 120, Cut: 120, CutAck: 120, Delay: 40, HalfOpen: 40, LoseHints: 60, Jump: 20})
	case "sqlite":
		maps.Copy(s.Quota, map[Kind]int{Full: 20, Busy: 40, LoseHints: 60})
	}
	return s
}

// steady are operations that report and save, and answer.
func steady(steps int, pause time.Duration) func(*rand.Rand) worker.Script {
	return func(*rand.Rand) worker.Script {
		return worker.Script{Steps: steps, Pause: pause, End: worker.EndsResponse}
	}
}

// Frozen freezes workers whose operations others then go on with.
func Frozen() Scenario {
	s := small(steady(20, 100*time.Millisecond))
	s.Stoppers, s.Quota, s.Limit = 2, map[Kind]int{Stopped: 8}, 40*time.Second
	return s
}

// Overtaken freezes workers whose handlers write nothing.
func Overtaken() Scenario {
	s := small(func(*rand.Rand) worker.Script {
		return worker.Script{Steps: 100, Pause: 100 * time.Millisecond, Mute: true, End: worker.EndsResponse}
	})
	s.Load.Clients = 15
	s.Stoppers, s.Quota, s.Limit = 2, map[Kind]int{StoppedMute: 6}, 30*time.Second
	s.Pressure, s.Told = 5*time.Second, 4*time.Second
	return s
}

// Backlog kills workers while more is due than can be run.
func Backlog() Scenario {
	s := small(steady(4, 50*time.Millisecond))
	s.Capacity, s.Load.Clients = 3, 150
	s.Hands, s.Quota, s.Limit = 1, map[Kind]int{Killed: 8}, 10*time.Second
	s.Pressure, s.Bounds.Within = 14*time.Second, 10*time.Second
	return s
}

// Races end operations by name on two workers at once.
func Races() Scenario {
	s := small(steady(4, 50*time.Millisecond))
	s.Load.External = 1
	return s
}

// Waits are long, for operations that are short.
func Waits() Scenario {
	s := small(steady(1, 15*time.Millisecond))
	s.Workers, s.Capacity, s.Load.Wait, s.Load.Clients = 2, 20, 8*time.Second, 30
	return s
}

// Twice starts everything twice at once.
func Twice() Scenario {
	s := small(steady(2, 40*time.Millisecond))
	s.Load.Twice = 1
	return s
}

// LostAnswers cuts connections between a commit and its acknowledgement.
func LostAnswers() Scenario {
	s := small(steady(4, 50*time.Millisecond))
	s.Capacity, s.Load.Clients = 4, 60
	s.Hands, s.Quota, s.Limit = 4, map[Kind]int{CutAck: 250}, 40*time.Second
	s.Pressure, s.Bounds.Within = 9*time.Second, 8*time.Second
	return s
}

// Outages take the store away from all workers.
func Outages() Scenario {
	s := small(steady(80, 100*time.Millisecond))
	s.TTL, s.Load.Clients = 2*time.Second, 20
	s.Hands, s.Quota, s.Limit = 1, map[Kind]int{Outage: 2}, time.Minute
	s.NoBurials = true
	return s
}

// small is a quiet siege with one kind of operation.
func small(script func(*rand.Rand) worker.Script) Scenario {
	return Scenario{
		Workers: 4, Capacity: 8, TTL: time.Second,
		Load: Load{Clients: 40, Script: script, Wait: 4 * time.Second},
		Pace: 100 * time.Millisecond, Limit: time.Second, Pressure: 6 * time.Second,
		Bounds: oracle.Bounds{Within: 15 * time.Second, Wake: 4 * time.Second}, Told: 10 * time.Second,
	}
}

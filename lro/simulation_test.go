package lro_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

var simulation struct {
	seeds, first, seed int
}

func init() {
	flag.IntVar(&simulation.seeds, "simulation.seeds", 250, "how many seeds TestSimulation plays")
	flag.IntVar(&simulation.first, "simulation.first", 1, "the first of them")
	flag.IntVar(&simulation.seed, "simulation.seed", -1, "the only one, with a log of all that happens")
}

// TestSimulation plays seeds: several Managers on one store, whose calls fail,
// hang, come late and are done without an answer, while the processes are killed,
// paused, cut off and drained. What was started must end, and nothing that DESIGN.md
// promises in section 5 may be broken on the way.
//
// A seed that fails once nearly always fails again. Whatever happens follows from
// the seed: each decision has dice of its own, thrown by what it is about; each
// store call, handler and client takes a time of its own, so that hardly ever two
// goroutines move at the same instant of the fake time, in an order that nobody
// decides; and what is random in package lro follows from that time. What is left
// is the order in which several goroutines go on that one event wakes.
func TestSimulation(t *testing.T) {
	t.Parallel()
	first, n := simulation.first, simulation.seeds
	if simulation.seed >= 0 {
		first, n = simulation.seed, 1
	}
	for i := range n {
		s := seed(first + i)
		t.Run(fmt.Sprint("seed=", s), func(t *testing.T) {
			t.Parallel()
			replay := fmt.Sprintf("replay: go test ./lro -run '^TestSimulation$' -count=1 -v -simulation.seed=%d", s)
			defer func() {
				if v := recover(); v != nil { // what is left of a bubble is a panic
					t.Log(replay)
					panic(v)
				}
			}()
			if wrong := simulate(t, s, false); wrong != nil {
				t.Errorf("seed %d: %d violations:\n%s\n%s", s, len(wrong), strings.Join(wrong, "\n"), replay)
			}
		})
	}
}

// TestSimulationSees plants a store whose Update ignores the version.
func TestSimulationSees(t *testing.T) {
	t.Parallel()
	const seeds = 10
	seen := 0
	for s := range seed(seeds) {
		if simulate(t, s, true) != nil {
			seen++
		}
	}
	if seen < seeds/2 {
		t.Errorf("%d of %d simulations on a store that ignores versions saw violations; want at least half of them", seen, seeds)
	}
}

// simulate plays one seed in a bubble of its own. A blind store ignores versions.
func simulate(t *testing.T, s seed, blind bool) (wrong []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s, simulation.seed >= 0)
		w.ledger.blind = blind
		wrong = w.play()
	})
	return wrong
}

package lro_test

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// A seed decides all that happens in one simulation. Each decision has dice of its
// own, thrown by what it is about and not by when it is made, so that goroutines
// that change places do not change it.
type seed uint64

func (s seed) dice(n int64, words ...string) dice {
	h := uint64(14695981039346656037)
	for _, word := range words {
		for i := range len(word) {
			h = (h ^ uint64(word[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	return dice{rand.New(rand.NewPCG(uint64(s), h^uint64(n)<<32))}
}

type dice struct{ *rand.Rand }

func (d dice) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.Int64N(int64(most-least)+1))
}

func (d dice) chance(p float64) bool { return d.Float64() < p }

func pick[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

// A choice is one of several, taken weight times as often as one of weight 1.
type choice[T any] struct {
	weight int
	value  T
}

func choose[T any](d dice, of []choice[T]) T {
	sum := 0
	for _, c := range of {
		sum += c.weight
	}
	n := d.IntN(sum)
	for _, c := range of {
		if n -= c.weight; n < 0 {
			return c.value
		}
	}
	panic("no choice has a weight")
}

// A plan is what one seed simulates. Each seed has a few kinds of faults, often or
// seldom: faults of all kinds at once hide what a few could show.
type plan struct {
	replicas, clients int
	chaos             time.Duration // at least
	lease             time.Duration
	drain             time.Duration
	reports           time.Duration
	timeout           time.Duration
	grace             time.Duration
	retention         time.Duration
	attempts          int
	capacity          int
	rare              int // replicas 0 to rare-1 know the method Rare

	faults  []fault
	rate    float64 // of store calls that are struck
	lost    float64 // of hints
	strikes int     // kills, pauses, cuts, drains and outages
	expiry  bool    // wait until what was deleted is gone
}

func (s seed) plan() plan {
	d := s.dice(0, "plan")
	p := plan{
		replicas:  3 + d.IntN(3),
		clients:   3 + d.IntN(3),
		chaos:     d.between(40*time.Second, 90*time.Second),
		lease:     pick(d, 1500*time.Millisecond, 3*time.Second, 5*time.Second),
		drain:     pick(d, time.Second, 4*time.Second),
		reports:   pick(d, 100*time.Millisecond, time.Second),
		timeout:   pick(d, 15*time.Second, 10*time.Minute, 10*time.Minute),
		grace:     pick(d, time.Second, 5*time.Second),
		retention: pick(d, time.Minute, time.Hour, time.Hour),
		attempts:  2 + d.IntN(3),
		capacity:  pick(d, 3, 10, 100),
		rate:      pick(d, 0, 0.003, 0.01, 0.03, 0.08),
		lost:      pick(d, 0.0, 0.2, 1.0),
		strikes:   2 + d.IntN(7),
		expiry:    d.chance(0.2),
	}
	p.rare = 1 + d.IntN(p.replicas-1)
	for f := failBefore; f <= slow; f++ {
		if d.chance(0.5) {
			p.faults = append(p.faults, f)
		}
	}
	if p.faults == nil {
		p.faults = []fault{failAfter}
	}
	return p
}

func numbered(what string, n int) string { return what + strconv.Itoa(n) }

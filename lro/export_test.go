package lro

import (
	"math/rand/v2"
	"time"
)

// simulated is the year in which the simulation plays: neither the one that the
// other bubbles begin in nor a real one.
const simulated = 2001

// In a simulation what is random follows from the fake time, which begins for
// every seed at an instant of its own: so a seed replays, beside others too.
func init() {
	random = func(n time.Duration) time.Duration {
		now := time.Now()
		if now.UTC().Year() != simulated {
			return rand.N(n)
		}
		return time.Duration(rand.New(rand.NewPCG(uint64(now.UnixNano()), uint64(n))).Int64N(int64(n)))
	}
}

// Waiting answers for how many callers the Server counts parked calls, and how
// many calls in all.
func (s *Server) Waiting() (callers, calls int) {
	s.waits.mu.Lock()
	defer s.waits.mu.Unlock()
	return len(s.waits.of), s.waits.all
}

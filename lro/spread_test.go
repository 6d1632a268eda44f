package lro_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A survivor is what a test sees of one process that adopts.
type survivor struct {
	mu      sync.Mutex
	running int
	taken   int         // in this round
	crowds  []time.Time // claims of this round that took ten or more
}

func (s *survivor) claimed(t *testing.T, n, capacity int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if free := capacity - s.running; n > (free+1)/2 {
		t.Errorf("a survivor took %d orphans at once, with %d free slots; want at most half of them", n, free)
	}
	s.running += n
	s.taken += n
	if n >= 10 {
		s.crowds = append(s.crowds, time.Now())
	}
}

// round answers how many orphans the survivor took since the last round.
func (s *survivor) round(t *testing.T) int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.crowds; len(c) > 1 && c[1].Sub(c[0]) < 200*time.Millisecond {
		t.Errorf("a survivor took a crowd of orphans and the next one after %v; want time for the others in between", c[1].Sub(c[0]))
	}
	taken := s.taken
	s.taken, s.crowds = 0, nil
	return taken
}

// TestAdoptionIsSpread kills processes with 100 operations each. Any of the four
// survivors could run them all. It takes at most half of its free slots at a time
// and then leaves the others time to come, so that they share the work.
func TestAdoptionIsSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const orphans, rounds = 100, 20
		shared := memstore.New()
		survivors := make([]*survivor, 4)
		var fleet []*process
		for i := range survivors {
			s := new(survivor)
			f := &flaky{Store: shared}
			f.claim = func(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
				recs, err := shared.Claim(ctx, c)
				s.claimed(t, len(recs), orphans)
				return recs, err
			}
			survivors[i] = s
			fleet = append(fleet, setup(t, f, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				time.Sleep(time.Minute)
				s.mu.Lock()
				defer s.mu.Unlock()
				s.running--
				return &testpb.PrintResponse{}, nil
			}, &lro.Options{Capacity: orphans}, nil))
		}
		time.Sleep(time.Minute)
		largest := 0
		for range rounds {
			l := newLink(shared)
			dying := setup(t, l, untilCancelled, &lro.Options{Capacity: orphans}, nil)
			var names []string
			for range orphans {
				names = append(names, dying.start("", nil))
			}
			l.kill()
			began := time.Now()
			for _, name := range names {
				responseOf[*testpb.PrintResponse](t, fleet[0].end(name))
			}
			if took, limit := time.Since(began), 15*time.Second+3*time.Second+time.Minute; took > limit {
				t.Errorf("the orphans had ended %v after the kill; want them adopted within LeaseTTL and 3 s, and a minute of work: %v", took, limit)
			}
			var shares []int
			for _, s := range survivors {
				shares = append(shares, s.round(t))
			}
			largest += slices.Max(shares)
			t.Logf("%d orphans: the survivors ran %v", orphans, shares)
		}
		if largest > rounds*orphans*85/100 {
			t.Errorf("in each of %d rounds one survivor took %d of %d orphans on average; want the work shared", rounds, largest/rounds, orphans)
		}
		t.Logf("the largest share was %d of %d on average", largest/rounds, orphans)
	})
}

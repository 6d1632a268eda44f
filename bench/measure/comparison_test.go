package measure_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/bench/measure"
)

const rounds = 12

// takes is a contender that takes so long for each of 10, again and again in this
// order. Its time is fake, see setup.
func takes(each ...time.Duration) measure.Contender {
	calls := 0
	return func(context.Context) (measure.Sample, error) {
		took := 10 * each[calls%len(each)]
		calls++
		time.Sleep(took)
		return measure.Sample{Count: 10, Took: took}, nil
	}
}

// setup runs a comparison that has no error, in fake time.
func setup(t *testing.T, c *measure.Comparison) (line measure.Line) {
	t.Helper()
	c.What, c.Unit = "this, that", "things"
	synctest.Test(t, func(t *testing.T) {
		var err error
		if line, err = c.Run(t.Context(), rounds); err != nil {
			t.Fatal(err)
		}
	})
	return line
}

func TestFigure(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, tt := range []struct {
		name                string
		subject, base, twin time.Duration
		bound               measure.Bound
		want                float64
		verdict             measure.Verdict
	}{
		{"faster", 2 * ms, 8 * ms, 8 * ms, measure.AtLeast(4), 4, measure.Met},
		{"not fast enough", 2 * ms, 8 * ms, 8 * ms, measure.AtLeast(4.1), 4, measure.Missed},
		{"slower", 5 * ms, 4 * ms, 4 * ms, measure.AtMost(1.25), 1.25, measure.Met},
		{"too slow", 5 * ms, 4 * ms, 4 * ms, measure.AtMost(1.2), 1.25, measure.Missed},
		{"a fast twin takes from the speed", 2 * ms, 8 * ms, 4 * ms, measure.AtLeast(4), 2, measure.Missed},
		{"a fast twin adds to the time", 4 * ms, 4 * ms, 2 * ms, measure.AtMost(1.5), 2, measure.Missed},
		{"no bound", 4 * ms, 2 * ms, 2 * ms, measure.Bound{}, 2, measure.Shown},
		{"no bound of the speed", 4 * ms, 2 * ms, 2 * ms, measure.AtLeast(0), 0.5, measure.Shown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			line := setup(t, &measure.Comparison{Bound: tt.bound, Subject: takes(tt.subject), Base: takes(tt.base), Twin: takes(tt.twin)})
			if line.Figure != tt.want || line.Verdict != tt.verdict {
				t.Errorf("bound %v: got figure %v, %s; want %v, %s", tt.bound, line.Figure, line.Verdict, tt.want, tt.verdict)
			}
		})
	}
}

// A few rounds in which something else held up the subject do not count, whatever
// they took.
func TestMedian(t *testing.T) {
	t.Parallel()
	line := setup(t, &measure.Comparison{
		Bound: measure.AtMost(1), Base: takes(time.Second),
		Subject: takes(time.Second, time.Hour, time.Second, time.Second),
	})
	if line.Figure != 1 || line.Verdict != measure.Met {
		t.Errorf("a quarter of the rounds is disturbed: got figure %v, %s; want 1, %s", line.Figure, line.Verdict, measure.Met)
	}
}

// However fast the contenders, a comparison takes the time it is given.
func TestTime(t *testing.T) {
	t.Parallel()
	const long = 13 * time.Minute
	for _, tt := range []struct {
		first, turn time.Duration
		laps        int // in a round
	}{
		{10 * time.Millisecond, 10 * time.Millisecond, 2_000},
		{time.Second, time.Second, 20},
		{9 * time.Second, 9 * time.Second, 2},
		{time.Minute, time.Minute, 1},
		{2 * time.Minute, time.Second, 20},
	} {
		turns := 0
		contender := func(context.Context) (measure.Sample, error) {
			took := tt.turn
			if turns == 0 {
				took = tt.first
			}
			turns++
			time.Sleep(took)
			return measure.Sample{Count: 1, Took: took}, nil
		}
		setup(t, &measure.Comparison{Bound: measure.AtMost(1), Subject: contender, Base: contender, Time: long})
		first := tt.laps
		if tt.first != tt.turn {
			first = 1
		}
		if want := 3 * (first + rounds*tt.laps); turns != want {
			t.Errorf("turns of %v, after one of %v, in %v: got %d, want %d", tt.turn, tt.first, long, turns, want)
		}
	}
}

// A machine that is slow for every other turn is slow for each contender as often,
// whoever comes first.
func TestFitful(t *testing.T) {
	t.Parallel()
	const lap = 4500 * time.Millisecond // of three contenders
	for laps, want := range map[int]measure.Verdict{1: measure.Noisy, 12: measure.Met} {
		for first := range 2 {
			turns := first
			fitful := func(context.Context) (measure.Sample, error) {
				turns++
				took := time.Duration(1+turns%2) * time.Second
				time.Sleep(took)
				return measure.Sample{Count: 10, Took: took}, nil
			}
			line := setup(t, &measure.Comparison{Bound: measure.AtMost(1), Subject: fitful, Base: fitful, Time: time.Duration(laps*(rounds+1)) * lap})
			if line.Verdict != want || want == measure.Met && line.Figure != 1 {
				t.Errorf("%d laps on a machine that is slow in every other turn, from turn %d: got %v; want %s", laps, first, line, want)
			}
		}
	}
}

func TestNoise(t *testing.T) {
	t.Parallel()
	const quiet = time.Second
	// each answers the times of one turn that does not count, and of one in each round.
	each := func(slow time.Duration) []time.Duration {
		return slices.Concat(slices.Repeat([]time.Duration{slow}, rounds/2), slices.Repeat([]time.Duration{quiet}, rounds/2+1))
	}
	for _, tt := range []struct {
		name    string
		twin    []time.Duration // of each turn
		bound   measure.Bound
		verdict measure.Verdict
		laps    int // in a round, after all tries
	}{
		{"quiet", each(quiet), measure.AtMost(1), measure.Met, 1},
		{"noisy", slices.Concat(slices.Repeat([]time.Duration{2 * quiet}, 6), slices.Repeat([]time.Duration{quiet}, 6)), measure.AtMost(1), measure.Noisy, 1 + 1 + 2},
		{"noisy, no bound", each(2 * quiet), measure.AtMost(0), measure.Noisy, 1},
		{"noisy at first", append(each(1200*time.Millisecond), slices.Repeat([]time.Duration{quiet}, rounds)...), measure.AtMost(1), measure.Met, 1 + 1},
		{"noisy twice", append(each(1400*time.Millisecond), slices.Repeat([]time.Duration{quiet}, 3*rounds)...), measure.AtMost(1), measure.Met, 1 + 1 + 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			subject := takes(quiet)
			line := setup(t, &measure.Comparison{
				Bound: tt.bound, Base: takes(quiet), Twin: takes(tt.twin...),
				Time: 33 * (rounds + 1) * time.Second, // where the three take 30 s, or 40
				Subject: func(ctx context.Context) (measure.Sample, error) {
					calls++
					return subject(ctx)
				},
			})
			if line.Verdict != tt.verdict || calls != 1+tt.laps*rounds {
				t.Errorf("got %s after %d turns, want %s after 1, and %d in each of %d rounds; control %s",
					line.Verdict, calls, tt.verdict, tt.laps, rounds, line.Control)
			}
		})
	}
}

// Whatever the machine does meanwhile, or one contender leaves to the next, meets
// all alike, also when a noisy comparison goes on.
func TestOrder(t *testing.T) {
	t.Parallel()
	var order []string
	named := func(name string, noise time.Duration) measure.Contender {
		return func(context.Context) (measure.Sample, error) {
			order = append(order, name)
			return measure.Sample{Count: 1, Took: 1 + noise*time.Duration(len(order)/18%2)}, nil
		}
	}
	line := setup(t, &measure.Comparison{Bound: measure.AtMost(1), Subject: named("subject", 0), Base: named("base", 0), Twin: named("twin", 1)})
	const laps = 3 * rounds // of as many tries
	if counted := len(order)/3 - 1; line.Verdict != measure.Noisy || counted != laps {
		t.Fatalf("got %d laps and %v, want %d and noise", counted, line, laps)
	}
	got := make(map[string]int)
	for lap := range slices.Chunk(order[3:], 3) { // after the one that does not count
		got[strings.Join(lap, " ")]++
	}
	if len(got) != 6 {
		t.Errorf("got %d orders, want all 6 of three contenders: %v", len(got), got)
	}
	for order, times := range got {
		if times != laps/6 {
			t.Errorf("order %q: got %d of %d laps, want %d", order, times, laps, laps/6)
		}
	}
	follows := make(map[[2]string]int)
	for i := range order[4:] {
		follows[[2]string(order[3+i:])]++
	}
	if len(follows) != 6 {
		t.Errorf("got %v, want that each follows both others", follows)
	}
	for pair, times := range follows {
		if least := 3*laps/6 - 1; pair[0] == pair[1] || times < least { // nobody follows the last
			t.Errorf("%s follows %s %d times, want at least %d, and nobody itself", pair[1], pair[0], times, least)
		}
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	fails := func(context.Context) (measure.Sample, error) { return measure.Sample{Count: 1, Took: 1}, broken }
	c := measure.Comparison{What: "this, that", Bound: measure.AtMost(1), Subject: takes(1), Base: fails}
	if _, err := c.Run(t.Context(), rounds); !errors.Is(err, broken) {
		t.Errorf("a contender fails: got %v, want %v", err, broken)
	}
	c.Base = takes(0)
	if _, err := c.Run(t.Context(), rounds); err == nil || !strings.Contains(err.Error(), "some work in some time") {
		t.Errorf("a contender takes no time: got %v, want an error that says so", err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	stop(broken)
	c.Base = takes(1)
	if _, err := c.Run(ctx, rounds); !errors.Is(err, broken) {
		t.Errorf("the context has ended: got %v, want its cause", err)
	}
}

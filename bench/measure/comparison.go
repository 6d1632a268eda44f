package measure

import (
	"context"
	"fmt"
	"math"
	"time"
)

// A Sample is some work, and how long it took.
type Sample struct {
	Count int
	Took  time.Duration
	Times []time.Duration // of each one, where the comparison is of a Quantile
}

// add pools two samples.
func (s *Sample) add(more Sample) {
	s.Count += more.Count
	s.Took += more.Took
	s.Times = append(s.Times, more.Times...)
}

// A Contender does an amount of work, the same at every call. It holds the clock
// itself, so what it prepares does not count.
type Contender func(context.Context) (Sample, error)

// A Comparison is one bound, and how to find out whether it is met.
type Comparison struct {
	What  string // both contenders in a few words
	Unit  string // what they do, in the plural, such as "operations"
	Bound Bound

	Subject Contender
	Base    Contender
	Twin    Contender // does what Base does. Default Base

	// Time is how long all rounds may take, more or less, whatever the machine: each
	// contender has as many turns in a round, one at least and in changing order, as in
	// the round that does not count there was time for. Of many short turns each meets
	// the machine in much the same mood, which matters to a single caller: it is fast or
	// slow for a second or two with the processors that the kernel gives it and the
	// database.
	Time time.Duration

	// Quantile, between 0 and 1, says that what counts is how long most single ones
	// took: at 0.99, the time that one of a hundred exceeds. Default: how long they
	// took together.
	Quantile float64
}

// each is how many nanoseconds one took, by what counts here.
func (c *Comparison) each(s Sample) float64 {
	if c.Quantile == 0 {
		return float64(s.Took) / float64(s.Count)
	}
	return float64(Quantile(s.Times, c.Quantile))
}

const (
	// noise is the widest interquartile range of a control.
	noise = 0.15
	// tries is how often a noisy comparison is made.
	tries = 3
)

// orders are all there are of three contenders, twice, one after the other so that
// each follows both others equally often, and never itself: whoever comes back to
// what is still warm is faster. Each has as many odd turns as even ones.
func orders() [][3]int {
	return [][3]int{
		{0, 1, 2},
		{0, 2, 1},
		{2, 1, 0},
		{1, 0, 2},
		{1, 2, 0},
		{2, 0, 1},
		{0, 2, 1},
		{2, 1, 0},
		{1, 0, 2},
		{1, 2, 0},
		{2, 0, 1},
		{0, 1, 2},
	}
}

// Run compares in so many rounds, after one that does not count. Where the control
// is noisy, and there is a bound, it tries again: each round goes on with as many turns
// as it has had, twice at most. The error is that of a contender.
func (c *Comparison) Run(ctx context.Context, rounds int) (Line, error) {
	laps, err := c.warm(ctx, c.Time/time.Duration(rounds+1))
	if err != nil {
		return Line{}, err
	}
	pooled := make([]round, rounds)
	for try := 1; ; try++ {
		for i := range pooled {
			if err := c.turns(ctx, &pooled[i], i*laps, laps); err != nil {
				return Line{}, err
			}
		}
		o := c.outcome(pooled)
		if try == tries || !o.noisy() || c.Bound.limit == 0 {
			return c.line(o), nil
		}
		laps = pooled[0].laps
	}
}

// A round is what subject, base and twin have done in so many laps.
type round struct {
	laps    int
	samples [3]Sample
}

// An outcome is what the rounds have found.
type outcome struct {
	rounds         int
	ratio, control spread
	subject, base  totals
}

// noisy also holds of a control that is no number.
func (o *outcome) noisy() bool { return !(o.control.width() <= noise) }

func (o *outcome) figure() float64 { return o.ratio.median / o.control.median }

type totals struct {
	count int
	each  []float64
}

func (t *totals) add(count int, each float64) {
	t.count += count
	t.each = append(t.each, each)
}

// pace is how many the median sample has done a second.
func (t *totals) pace() float64 { return float64(time.Second) / spreadOf(t.each).median }

func (c *Comparison) outcome(pooled []round) *outcome {
	o := &outcome{rounds: len(pooled)}
	var ratios, controls []float64
	for _, r := range pooled {
		subject, base, twin := c.each(r.samples[0]), c.each(r.samples[1]), c.each(r.samples[2])
		ratios = append(ratios, c.Bound.ratio(subject, base))
		controls = append(controls, c.Bound.ratio(twin, base))
		o.subject.add(r.samples[0].Count, subject)
		o.base.add(r.samples[1].Count, base)
	}
	o.ratio, o.control = spreadOf(ratios), spreadOf(controls)
	return o
}

// warm makes the round that does not count, and answers how often each contender has
// its turn in so long.
func (c *Comparison) warm(ctx context.Context, long time.Duration) (laps int, err error) {
	var r round
	for began := time.Now(); ; {
		if err := c.turns(ctx, &r, r.laps, 1); err != nil {
			return 0, err
		}
		took := time.Since(began)
		if another := took / time.Duration(r.laps); took+another/2 >= long {
			return r.laps, nil
		}
	}
}

// turns lets a round go on for so many laps, when there have been others before.
func (c *Comparison) turns(ctx context.Context, r *round, before, laps int) error {
	contenders := [3]Contender{c.Subject, c.Base, c.Twin}
	if c.Twin == nil {
		contenders[2] = c.Base
	}
	for lap := range laps {
		for _, at := range orders()[(before+lap)%len(orders())] {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			s, err := contenders[at](ctx)
			if err == nil {
				err = c.check(s)
			}
			if err != nil {
				return err
			}
			r.samples[at].add(s)
		}
		r.laps++
	}
	return nil
}

func (c *Comparison) check(s Sample) error {
	switch {
	case s.Count <= 0 || s.Took <= 0:
		return fmt.Errorf("measure: a contender must do some work in some time, found %d %s in %v", s.Count, c.Unit, s.Took)
	case c.Quantile != 0 && len(s.Times) != s.Count:
		return fmt.Errorf("measure: a quantile needs the time of each of %d %s, found %d times", s.Count, c.Unit, len(s.Times))
	}
	return nil
}

func (c *Comparison) line(o *outcome) Line {
	l := Line{
		What: c.What, Figure: o.figure(), Bound: c.Bound, Verdict: c.Bound.judge(o.figure()),
		Control: fmt.Sprintf("%.2f (%.0f %%)", o.control.median, 100*o.control.width()),
		Note: fmt.Sprintf("%d rounds, %d %s against %d; %s against %s",
			o.rounds, o.subject.count, c.Unit, o.base.count, c.pace(&o.subject), c.pace(&o.base)),
	}
	if o.noisy() {
		l.Verdict = Noisy
	}
	if c.Quantile == 0 {
		l.Subject, l.Base = o.subject.pace(), o.base.pace()
	}
	return l
}

// pace says how many a second there were, or the quantile.
func (c *Comparison) pace(t *totals) string {
	if c.Quantile != 0 {
		return fmt.Sprintf("%.3g ms", spreadOf(t.each).median/float64(time.Millisecond))
	}
	perSecond := t.pace()
	digits := math.Pow(10, math.Max(0, math.Floor(math.Log10(perSecond))-2))
	return fmt.Sprintf("%.0f/s", math.Round(perSecond/digits)*digits)
}

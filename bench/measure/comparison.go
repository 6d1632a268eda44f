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

	// Time is how long all rounds may take together, more or less, unless they are noisy:
	// while there is time in a round each contender has another turn, in changing order,
	// and one at least. Of many short turns each meets the machine in much the same mood,
	// which matters to a single caller: it is fast or slow for a second or two with the
	// processors that the kernel gives it and the database.
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
	// tries is how often a comparison may be noisy.
	tries = 3
)

// orders are all there are of three contenders, twice, one after the other so that
// in twelve laps each follows both others equally often, and never itself: whoever
// comes back to what is still warm is faster. Each has as many odd turns as even ones.
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
// is noisy, and there is a bound, each round goes on for as long as it has had, and if
// that does not help once more. The error is that of a contender.
func (c *Comparison) Run(ctx context.Context, rounds int) (Line, error) {
	t := &turns{of: c}
	long := c.Time / time.Duration(rounds+1)
	if err := t.round(ctx, new(round), long); err != nil {
		return Line{}, err
	}
	t.laps = 0
	pooled := make([]round, rounds)
	for try := 1; ; try++ {
		for i := range pooled {
			if err := t.round(ctx, &pooled[i], long); err != nil {
				return Line{}, err
			}
		}
		o := c.outcome(pooled)
		if try == tries || !o.noisy() || c.Bound.limit == 0 {
			return c.line(o), nil
		}
		if try > 1 {
			long *= 2
		}
	}
}

// A round is what subject, base and twin have done in it.
type round [3]Sample

// An outcome is what the rounds have found.
type outcome struct {
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

// turns are those that the contenders of a comparison have.
type turns struct {
	of   *Comparison
	laps int // there have been
}

// round lets one go on for so long.
func (t *turns) round(ctx context.Context, r *round, long time.Duration) error {
	began := time.Now()
	for laps := 1; ; laps++ {
		if err := t.lap(ctx, r); err != nil {
			return err
		}
		took := time.Since(began)
		if another := took / time.Duration(laps); took+another/2 >= long {
			return nil
		}
	}
}

// lap lets each contender have a turn.
func (t *turns) lap(ctx context.Context, r *round) error {
	for _, at := range orders()[t.laps%len(orders())] {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		s, err := t.of.contender(at)(ctx)
		if err == nil {
			err = t.of.check(s)
		}
		if err != nil {
			return err
		}
		r[at].add(s)
	}
	t.laps++
	return nil
}

// contender answers the subject, the base or the twin.
func (c *Comparison) contender(at int) Contender {
	if at == 2 && c.Twin == nil {
		at = 1
	}
	return [3]Contender{c.Subject, c.Base, c.Twin}[at]
}

func (c *Comparison) outcome(pooled []round) *outcome {
	o := new(outcome)
	var ratios, controls []float64
	for _, r := range pooled {
		subject, base, twin := c.each(r[0]), c.each(r[1]), c.each(r[2])
		ratios = append(ratios, c.Bound.ratio(subject, base))
		controls = append(controls, c.Bound.ratio(twin, base))
		o.subject.add(r[0].Count, subject)
		o.base.add(r[1].Count, base)
	}
	o.ratio, o.control = spreadOf(ratios), spreadOf(controls)
	return o
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
			len(o.subject.each), o.subject.count, c.Unit, o.base.count, c.pace(&o.subject), c.pace(&o.base)),
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

package measure

import "fmt"

// A Bound is what a figure must meet. A limit of 0 bounds nothing: the figure is
// only shown. The zero Bound is AtMost(0).
type Bound struct {
	limit float64
	speed bool
}

// AtLeast bounds how often the subject does what the base does once: the speed of
// the subject divided by that of the base.
func AtLeast(limit float64) Bound { return Bound{limit, true} }

// AtMost bounds how much more the subject takes: its time, or whatever else was
// measured of it, divided by that of the base.
func AtMost(limit float64) Bound { return Bound{limit, false} }

func (b Bound) String() string {
	switch {
	case b.limit == 0 && b.speed:
		return "more is better"
	case b.limit == 0:
		return "less is better"
	case b.speed:
		return fmt.Sprintf("at least %g", b.limit)
	default:
		return fmt.Sprintf("at most %g", b.limit)
	}
}

// ratio answers what b bounds, of what two contenders took.
func (b Bound) ratio(subject, base float64) float64 {
	if b.speed {
		return base / subject
	}
	return subject / base
}

// judge answers what becomes of b with a figure.
func (b Bound) judge(figure float64) Verdict {
	switch {
	case b.limit == 0:
		return Shown
	case b.speed && figure >= b.limit, !b.speed && figure <= b.limit:
		return Met
	default:
		return Missed // a figure that is no number, too
	}
}

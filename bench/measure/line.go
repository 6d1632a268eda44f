package measure

import (
	"fmt"
	"strings"
)

// A Verdict is what became of a bound.
type Verdict string

// The verdicts.
const (
	Met     Verdict = "met"
	Shown   Verdict = "shown" // there is no bound
	Missed  Verdict = "MISSED"
	Noisy   Verdict = "NOISY"   // the control scatters: the figure means nothing
	Failed  Verdict = "FAILED"  // an error came instead of a figure
	Skipped Verdict = "SKIPPED" // cannot be measured on this machine
)

// A Line is the outcome of one comparison.
type Line struct {
	What    string
	Figure  float64
	Control string // empty where there is none
	Bound   Bound
	Verdict Verdict
	Note    string // how many of what were measured, or why nothing was

	Subject, Base float64 // how many either does a second; 0 where it was not timed so
}

// Fails reports whether a run with this line has failed. What is only shown may be
// noisy.
func (l Line) Fails() bool {
	switch l.Verdict {
	case Met, Shown, Skipped:
		return false
	case Noisy:
		return l.Bound.limit != 0
	default:
		return true
	}
}

// Header is the line above the lines.
func Header() string {
	return strings.TrimRight(fmt.Sprintf(layout, "what", "figure", "control", "bound", "", "measured"), " ")
}

const layout = "%-80s %7s  %-13s %-14s %-8s %s"

func (l Line) String() string {
	cells := l.Cells()
	return fmt.Sprintf(layout, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5])
}

// Cells are what a table shows of the line, below the words of Header.
func (l Line) Cells() [6]string {
	figure := fmt.Sprintf("%.2f", l.Figure)
	if l.Verdict == Failed || l.Verdict == Skipped {
		figure = "-"
	}
	control := l.Control
	if control == "" {
		control = "-"
	}
	return [6]string{l.What, figure, control, l.Bound.String(), string(l.Verdict), l.Note}
}

// Failure is the line of an error that came instead of a figure.
func Failure(what string, bound Bound, err error) Line {
	return Line{What: what, Bound: bound, Verdict: Failed, Note: err.Error()}
}

// Counted is the line of two numbers that are counted, not timed, so that they
// need no control.
func Counted(what string, subject, base float64, bound Bound, note string) Line {
	figure := bound.ratio(subject, base)
	return Line{What: what, Figure: figure, Bound: bound, Verdict: bound.judge(figure), Note: note}
}

package measure_test

import (
	"strings"
	"testing"

	"github.com/longrunning-go/longrunning/bench/measure"
)

func TestLine(t *testing.T) {
	t.Parallel()
	line := setup(t, &measure.Comparison{Bound: measure.AtLeast(4), Subject: takes(2_000), Base: takes(8_000)})
	for _, want := range []string{"this, that", "4.00", "1.00 (0 %)", "at least 4", "met", "12 rounds", "120 things against 120", "500000/s against 125000/s"} {
		if !strings.Contains(line.String(), want) {
			t.Errorf("got the line %q, want %q in it", line, want)
		}
	}
	line = measure.Line{What: "this", Bound: measure.AtMost(2), Verdict: measure.Skipped, Note: "why"}
	if got := line.String(); strings.Contains(got, "0.00") || !strings.Contains(got, "SKIPPED") || !strings.Contains(got, "why") {
		t.Errorf("got the line %q, want no figure, the verdict and the reason", got)
	}
}

func TestCounted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		subject, base float64
		want          measure.Verdict
	}{
		{12, 10, measure.Met},
		{13, 10, measure.Missed},
		{5, 10, measure.Met},
	} {
		if got := measure.Counted("this, that", tt.subject, tt.base, measure.AtMost(1.2), "").Verdict; got != tt.want {
			t.Errorf("%v against %v, at most 1.2: got %s, want %s", tt.subject, tt.base, got, tt.want)
		}
	}
}

func TestFails(t *testing.T) {
	t.Parallel()
	bound := measure.AtMost(1)
	for _, tt := range []struct {
		line measure.Line
		want bool
	}{
		{measure.Line{Verdict: measure.Met, Bound: bound}, false},
		{measure.Line{Verdict: measure.Shown}, false},
		{measure.Line{Verdict: measure.Skipped, Bound: bound}, false},
		{measure.Line{Verdict: measure.Missed, Bound: bound}, true},
		{measure.Line{Verdict: measure.Noisy, Bound: bound}, true},
		{measure.Line{Verdict: measure.Noisy}, false},
		{measure.Line{Verdict: measure.Failed}, true},
		{measure.Line{}, true},
	} {
		if got := tt.line.Fails(); got != tt.want {
			t.Errorf("a line with verdict %q and bound %q fails a run: got %v, want %v", tt.line.Verdict, tt.line.Bound, got, tt.want)
		}
	}
}

package measure_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/bench/measure"
)

// straggles is a contender of which two of a hundred take longer, whatever all take
// together.
func straggles(slow time.Duration) measure.Contender {
	return func(context.Context) (measure.Sample, error) {
		time.Sleep(time.Second)
		times := append(slices.Repeat([]time.Duration{time.Millisecond}, 98), slow, slow)
		return measure.Sample{Count: len(times), Took: time.Second, Times: times}, nil
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		quantile, want float64
	}{{0, 1}, {0.5, 1}, {0.99, 4}} {
		line := setup(t, &measure.Comparison{
			Bound: measure.AtMost(3), Quantile: tt.quantile, Time: 9 * (rounds + 1) * time.Second,
			Subject: straggles(8 * time.Millisecond), Base: straggles(2 * time.Millisecond),
		})
		if line.Figure != tt.want {
			t.Errorf("quantile %v: got figure %v, want %v", tt.quantile, line.Figure, tt.want)
		}
		if tt.quantile == 0.99 && !strings.Contains(line.Note, "3600 things against 3600; 8 ms against 2 ms") {
			t.Errorf("quantile %v: got the note %q, want how long either took", tt.quantile, line.Note)
		}
	}
	c := measure.Comparison{Bound: measure.AtMost(1), Quantile: 0.99, Subject: takes(1), Base: takes(1)}
	if _, err := c.Run(t.Context(), rounds); err == nil || !strings.Contains(err.Error(), "time of each") {
		t.Errorf("a quantile without times: got %v, want an error that says so", err)
	}
}

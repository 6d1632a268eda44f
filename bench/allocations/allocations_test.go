package allocations_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longrunning-go/longrunning/bench/allocations"
	"github.com/longrunning-go/longrunning/bench/measure"
)

// All that is counted in memory is recorded, and to record anew keeps what was not
// counted. Whether bounds are met is not for a test, which may run under the race
// detector.
func TestRecorded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recorded.json")
	lines := 0
	run := &measure.Run{Quick: true, Report: func(l measure.Line) {
		lines++
		if l.Verdict != measure.Met && l.Verdict != measure.Missed {
			t.Errorf("%v: got verdict %s, want a comparison with what is recorded", l, l.Verdict)
		}
	}}
	allocations.Measure(t.Context(), run, nil, path)
	if lines == 0 || lines%2 != 0 {
		t.Errorf("got %d lines, want two of each subject", lines)
	}
	before, now := counts(t, "recorded.json"), counts(t, path)
	for what, u := range before {
		if strings.HasPrefix(what, "memory, ") {
			if now[what].Allocations <= 0 || now[what].Bytes <= 0 {
				t.Errorf("%s: recorded %+v anew, want more than nothing", what, now[what])
			}
		} else if now[what] != u {
			t.Errorf("%s was not counted: recorded %+v anew, want %+v kept", what, now[what], u)
		}
	}
}

type usage struct{ Allocations, Bytes float64 }

func counts(t *testing.T, path string) map[string]usage {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r struct{ Counts map[string]usage }
	if err := json.Unmarshal(b, &r); err != nil || len(r.Counts) == 0 {
		t.Fatalf("%s: got %d counts, %v, want some", path, len(r.Counts), err)
	}
	return r.Counts
}

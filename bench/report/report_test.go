package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longrunning-go/longrunning/bench/measure"
	"github.com/longrunning-go/longrunning/bench/report"
)

func results(figure float64) *report.Results {
	return &report.Results{
		Where: "a machine",
		Subjects: []report.Subject{{Name: "these", Lines: []measure.Line{
			{What: "this | that", Figure: figure, Bound: measure.AtMost(2), Verdict: measure.Met, Note: "12 rounds"},
		}}},
		Curves: []measure.Curve{{
			Name: "curve", Title: "This, that", X: "things", Y: "time", Log: true,
			Series: []measure.Series{{Name: "this", Points: []measure.Point{{X: 1, Y: 1}, {X: 77, Y: 0}, {X: 1_000, Y: figure}}}},
		}},
	}
}

// The results take the place of those before; nothing else of the page changes.
func TestSave(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "README.md")
	write(t, path, "above\n<!-- results -->\nold\n<!-- end of results -->\nbelow\n")
	for _, figure := range []float64{1.25, 1.5} {
		if err := results(figure).Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	page := read(t, path)
	for _, want := range []string{"above\n<!-- results -->\n", "a machine", "\n**these**\n", `| this \| that | 1.50 | - | at most 2 | met | 12 rounds |`, "![This, that](plots/curve.svg)", "\n<!-- end of results -->\nbelow\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("got the page\n%s\nwant %q in it", page, want)
		}
	}
	for _, gone := range []string{"old", "1.25"} {
		if strings.Contains(page, gone) {
			t.Errorf("got the page\n%s\nwant no %q in it", page, gone)
		}
	}
	plot := read(t, filepath.Join(dir, "plots", "curve.svg"))
	for _, want := range []string{"<svg", "This, that", "things", ">1000<"} {
		if !strings.Contains(plot, want) {
			t.Errorf("got the plot\n%s\nwant %q in it", plot, want)
		}
	}
	if strings.Contains(plot, ">77<") {
		t.Errorf("got the plot\n%s\nwant nothing where no figure was measured", plot)
	}
}

func TestSaveWithoutMarks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "README.md")
	write(t, path, "above\n<!-- results -->\nbelow\n")
	if err := results(1).Save(dir); err == nil || !strings.Contains(err.Error(), "end of results") {
		t.Errorf("a page without the second mark: got %v, want an error that names it", err)
	}
	if got := read(t, path); got != "above\n<!-- results -->\nbelow\n" {
		t.Errorf("a page without the second mark: got it as\n%s\nwant it as it was", got)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

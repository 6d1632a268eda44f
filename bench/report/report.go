package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/longrunning-go/longrunning/bench/measure"
)

// Results are what a run has found.
type Results struct {
	Where    string // and when, in a line of Markdown
	Subjects []Subject
	Curves   []measure.Curve
}

// A Subject has the lines of one table.
type Subject struct {
	Name  string
	Lines []measure.Line
}

// What stands between them in README.md is written by Save.
const (
	begin = "<!-- results -->"
	end   = "<!-- end of results -->"
	plots = "plots"
)

// Save writes the results into the README.md of a folder, in place of those of the
// last run, and the plots beside it.
func (r *Results) Save(dir string) error {
	path := filepath.Join(dir, "README.md")
	page, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	before, rest, ok := bytes.Cut(page, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !ok || !closed {
		return fmt.Errorf("report: %s must have the lines %q and %q, between which the results go", path, begin, end)
	}
	if err := os.MkdirAll(filepath.Join(dir, plots), 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for _, c := range r.Curves {
		if err := draw(filepath.Join(dir, plots), c); err != nil {
			return err
		}
	}
	page = fmt.Appendf(nil, "%s%s\n\n%s\n%s%s", before, begin, r.markdown(), end, after)
	if err := os.WriteFile(path, page, 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func (r *Results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.Where)
	for _, c := range r.Curves {
		fmt.Fprintf(&b, "![%s](%s/%s.svg)\n", c.Title, plots, c.Name)
	}
	for _, s := range r.Subjects {
		fmt.Fprintf(&b, "\n**%s**\n\n| what | figure | control | bound | | measured |\n|---|---|---|---|---|---|\n", s.Name)
		for _, l := range s.Lines {
			for _, cell := range l.Cells() {
				fmt.Fprintf(&b, "| %s ", strings.ReplaceAll(cell, "|", `\|`))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

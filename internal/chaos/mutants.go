//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/longrunning-go/longrunning/internal/chaos/mutant"
	"github.com/longrunning-go/longrunning/internal/chaos/siege"
)

// A trial is the siege that must catch a mutant.
type trial struct {
	mutant   string
	store    string
	name     string // of the scenario
	scenario siege.Scenario
}

func trials() []trial {
	return []trial{
		{"state-not-epoch", "sqlite", "frozen", siege.Frozen()},
		{"id-only", "sqlite", "frozen", siege.Frozen()},
		{"heartbeat-without-death", "sqlite", "overtaken", siege.Overtaken()},
		{"orphans-behind-backlog", "sqlite", "backlog", siege.Backlog()},
		{"complete-without-not-done", "sqlite", "races", siege.Races()},
		{"subscribe-after-read", "sqlite", "waits", siege.Waits()},
		{"request-id-outside", "sqlite", "twice", siege.Twice()},
		{"claim-unknown-is-failure", "postgres", "lost answers", siege.LostAnswers()},
		{"adopt-after-outage", "postgres", "outages", siege.Outages()},
	}
}

var errSurvived = errors.New("a mutant survived, or the library as it is was accused")

// tryMutants lays each trial's siege twice with one seed, against the mutant and
// against the library as it is, and prints what each was accused of.
func tryMutants(ctx context.Context, out io.Writer, only string, seed uint64) error {
	mutants := mutant.All()
	if only != "" {
		m, err := mutant.Find(only)
		if err != nil {
			return err
		}
		mutants = []mutant.Mutant{m}
	}
	module, err := checkout(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "chaos-mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	court := &court{module: module, dir: dir, seed: seed, sound: make(map[string]string)}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "mutant\tstore, siege\tcaught by\tas it is, same seed\n")
	for _, m := range mutants {
		if err := court.try(ctx, m, table); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "\nThe guards that each is without:\n%s\n", strings.Join(court.guards, "\n")); err != nil {
		return err
	}
	if court.failed {
		return errSurvived
	}
	return nil
}

// checkout answers the folder of this module.
func checkout(ctx context.Context) (string, error) {
	gomod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if folder, found := strings.CutSuffix(strings.TrimSpace(string(gomod)), "/go.mod"); found && err == nil {
		return folder, nil
	}
	return "", errors.New("the mutants are built from the library's source: run this inside the checkout")
}

// A court tries mutants.
type court struct {
	module, dir string
	seed        uint64
	sound       map[string]string // by scenario: what the library as it is was accused of
	guards      []string          // what each weakens
	failed      bool
}

func (c *court) try(ctx context.Context, m mutant.Mutant, table io.Writer) error {
	i := slices.IndexFunc(trials(), func(t trial) bool { return t.mutant == m.Name })
	if i < 0 {
		return fmt.Errorf("no siege is there to catch the mutant %s", m.Name)
	}
	t := trials()[i]
	mutated, err := c.accused(ctx, m, t)
	if err != nil {
		return err
	}
	if _, ok := c.sound[t.name]; !ok {
		if c.sound[t.name], err = c.accused(ctx, mutant.Mutant{}, t); err != nil {
			return err
		}
	}
	c.failed = c.failed || mutated == "" || c.sound[t.name] != ""
	c.guards = append(c.guards, fmt.Sprintf("%s: %s", m.Name, strings.Join(append([]string{m.Guard}, m.Masks...), "\n    and: ")))
	_, err = fmt.Fprintf(table, "%s\t%s, %s\t%s\t%s\n",
		t.mutant, t.store, t.name, cmp.Or(mutated, "SURVIVED"), cmp.Or(c.sound[t.name], "0 violations"))
	return err
}

// accused lays the siege and answers the violations by invariant, "" if there are
// none.
func (c *court) accused(ctx context.Context, m mutant.Mutant, t trial) (string, error) {
	binary := filepath.Join(c.dir, "chaos-"+m.Name)
	if _, err := os.Stat(binary); err != nil {
		if err := m.Build(ctx, c.module, "./internal/chaos", binary); err != nil {
			return "", err
		}
	}
	report, err := siege.Run(ctx, siege.Config{
		Store: t.store, Scenario: t.scenario, Seed: c.seed, Binary: binary, Progress: progress(t.store, cmp.Or(m.Name, "as it is")+", "+t.name),
	})
	if err != nil {
		return "", err
	}
	if m.Name == "" && len(report.Violations) > 0 {
		fmt.Fprintln(os.Stderr, report)
	} else if report.Logs != "" {
		err = os.RemoveAll(report.Logs)
	}
	var texts []string
	if m.Name == "" && len(report.Short) > 0 { // an acquittal of nothing
		texts = append(texts, "struck too seldom: "+strings.Join(report.Short, ", "))
	}
	counts := make(map[string]int)
	for _, v := range report.Violations {
		counts[string(v.Invariant)]++
	}
	for _, inv := range slices.Sorted(maps.Keys(counts)) {
		texts = append(texts, fmt.Sprintf("%s: %d", inv, counts[inv]))
	}
	return strings.Join(texts, "; "), err
}

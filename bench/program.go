package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/durable"
	"github.com/longrunning-go/longrunning/bench/measure"
	"github.com/longrunning-go/longrunning/bench/report"
)

// A program is what the flags ask for.
type program struct {
	only, on []string
	quick    bool
	save     string // the folder for the results of a whole run
	record   string // the file for what is counted of allocations
}

// whole reports whether nothing is left out.
func (p *program) whole() bool { return !p.quick && len(p.only) == 0 && len(p.on) == 0 }

func (p *program) run(ctx context.Context) (err error) {
	for _, name := range p.only {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("-only takes %s, with commas and no spaces between them; found %q", strings.Join(names(), ", "), name)
		}
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	var results report.Results
	r := &durable.Run{
		Run: &measure.Run{
			Rounds: 10, Quick: p.quick,
			Report: func(l measure.Line) {
				if ctx.Err() != nil {
					return // it says nothing but that
				}
				fmt.Println(l)
				last := &results.Subjects[len(results.Subjects)-1]
				last.Lines = append(last.Lines, l)
			},
			Draw: func(c measure.Curve) { results.Curves = append(results.Curves, c) },
			Say:  func(format string, args ...any) { fmt.Fprintf(os.Stderr, "… "+format+"\n", args...) },
		},
		Program: []string{executable, asChild},
	}
	if r.Systems, err = systems(p.on); err != nil {
		return err
	}
	defer func() {
		for _, system := range r.Systems {
			err = errors.Join(err, system.Close())
		}
	}()
	saving := p.save != "" && p.whole()
	if saving {
		if results.Where, err = where(ctx, r.Systems); err != nil {
			return fmt.Errorf("a whole run needs both databases, and -on leaves one out: %w", err)
		}
	}
	fmt.Println(measure.Header())
	began := time.Now()
	p.measure(ctx, r, &results)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	took := time.Since(began).Round(time.Second)
	r.Say("all took %v", took)
	if saving {
		results.Where += fmt.Sprintf("; %v", took)
		if err := results.Save(p.save); err != nil {
			return err
		}
	}
	return p.judge(results.Subjects)
}

// measure measures what was asked for.
func (p *program) measure(ctx context.Context, r *durable.Run, results *report.Results) {
	for _, s := range subjects(r, p.record) {
		if ctx.Err() != nil || len(p.only) > 0 && !slices.Contains(p.only, s.name) {
			continue
		}
		results.Subjects = append(results.Subjects, report.Subject{Name: s.name})
		began := time.Now()
		s.measure(ctx)
		for _, system := range r.Systems {
			if err := system.Clear(ctx); err != nil {
				r.Fail(system.Name()+": clear what is done with", measure.Bound{}, err)
			}
		}
		r.Say("%s took %v", s.name, time.Since(began).Round(time.Second))
	}
}

// judge answers an error unless all lines hold; of a quick run only those count that
// could not be measured.
func (p *program) judge(subjects []report.Subject) error {
	lines, failed := 0, 0
	for _, s := range subjects {
		lines += len(s.Lines)
		for _, l := range s.Lines {
			if l.Verdict == measure.Failed || !p.quick && l.Fails() {
				failed++
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d lines fail", failed, lines)
	}
	return nil
}

// where says on what all was measured.
func where(ctx context.Context, systems []database.System) (string, error) {
	versions := make([]string, len(systems))
	for i, system := range systems {
		var err error
		if versions[i], err = system.Version(ctx); err != nil {
			return "", err
		}
	}
	return report.Machine(versions), nil
}

func systems(names []string) ([]database.System, error) {
	known := []string{"postgres", "sqlite"}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("-on takes %s, found %q", strings.Join(known, " and "), name)
		}
	}
	var found []database.System
	if len(names) == 0 || slices.Contains(names, "postgres") {
		found = append(found, new(database.Postgres))
	}
	if len(names) == 0 || slices.Contains(names, "sqlite") {
		system, err := database.NewSQLite()
		if err != nil {
			return nil, err
		}
		found = append(found, system)
	}
	return found, nil
}

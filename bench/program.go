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
			return fmt.Errorf("-only takes %s, found %q", strings.Join(names(), ", "), name)
		}
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	var results report.Results
	r := &durable.Run{
		Run: &measure.Run{
			Rounds: 12, Quick: p.quick,
			Report: func(l measure.Line) {
				fmt.Println(l)
				results.Lines = append(results.Lines, l)
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
	fmt.Println(measure.Header())
	p.measure(ctx, r)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if p.save != "" && p.whole() {
		if results.Where, err = where(ctx, r.Systems); err != nil {
			return err
		}
		if err := results.Save(p.save); err != nil {
			return err
		}
	}
	return judge(results.Lines)
}

// measure measures what was asked for, and says how long it took.
func (p *program) measure(ctx context.Context, r *durable.Run) {
	began := time.Now()
	for _, s := range subjects(r, p.record) {
		if ctx.Err() != nil || len(p.only) > 0 && !slices.Contains(p.only, s.name) {
			continue
		}
		at := time.Now()
		s.measure(ctx)
		r.Say("%s took %v", s.name, time.Since(at).Round(time.Second))
	}
	r.Say("all took %v", time.Since(began).Round(time.Second))
}

// judge answers an error unless all lines hold.
func judge(lines []measure.Line) error {
	failed := 0
	for _, l := range lines {
		if l.Verdict.Fails() {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d lines fail", failed, len(lines))
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
	if len(names) == 0 {
		names = []string{"postgres", "sqlite"}
	}
	var found []database.System
	for _, name := range names {
		switch name {
		case "postgres":
			found = append(found, new(database.Postgres))
		case "sqlite":
			system, err := database.NewSQLite()
			if err != nil {
				return nil, err
			}
			found = append(found, system)
		default:
			err := fmt.Errorf("-on takes postgres and sqlite, found %q", name)
			for _, system := range found {
				err = errors.Join(err, system.Close())
			}
			return nil, err
		}
	}
	return found, nil
}

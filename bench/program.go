package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
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
}

// whole reports whether nothing is left out.
func (p *program) whole() bool { return !p.quick && len(p.only) == 0 && len(p.on) == 0 }

func (p *program) run(ctx context.Context) (err error) {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	var results report.Results
	failed := 0
	r := &durable.Run{
		Run: &measure.Run{
			Rounds: 12, Quick: p.quick,
			Report: func(l measure.Line) {
				fmt.Println(l)
				results.Lines = append(results.Lines, l)
				if l.Verdict.Fails() {
					failed++
				}
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
	began := time.Now()
	fmt.Println(measure.Header())
	for _, s := range subjects(r) {
		if ctx.Err() == nil && (len(p.only) == 0 || slices.Contains(p.only, s.name)) {
			subjectBegan := time.Now()
			s.measure(ctx)
			r.Say("%s took %v", s.name, time.Since(subjectBegan).Round(time.Second))
		}
	}
	fmt.Printf("%d lines in %v\n", len(results.Lines), time.Since(began).Round(time.Second))
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case len(results.Lines) == 0:
		return errors.New("nothing was measured: see -help for what -only and -on take")
	}
	if p.save != "" && p.whole() {
		if results.Where, err = where(ctx, r.Systems); err != nil {
			return err
		}
		if err := results.Save(p.save); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d lines fail", failed, len(results.Lines))
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
			return nil, fmt.Errorf("-on takes postgres and sqlite, found %q", name)
		}
	}
	return found, nil
}

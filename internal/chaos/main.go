//go:build linux

// Command chaos is proof by violence that nothing is lost: it runs worker
// processes on a real store, kills and freezes them, takes their database away,
// and compares what was stored with what was acknowledged. It prints the faults by
// kind and the violations by invariant, and exits with 1 if there was one.
//
//	make chaos            # Postgres and SQLite, two seeds: seven minutes
//	make chaos CHAOS='-store sqlite -seed 7 -quick'
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/longrunning-go/longrunning/internal/chaos/siege"
	"github.com/longrunning-go/longrunning/internal/chaos/worker"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "worker" {
		return worker.Main(args[1], os.Stdin, os.Stdout, os.Stderr)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) == 2 && args[0] == "migrate" {
		var config worker.Config
		if err := json.Unmarshal([]byte(args[1]), &config); err != nil {
			return err
		}
		return worker.Migrate(ctx, config)
	}
	return besiege(ctx, args)
}

var errFailed = errors.New("promises were broken, or not put to the test")

func besiege(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	store := flags.String("store", "both", "postgres, sqlite or both")
	seed := flags.Uint64("seed", 1, "the first seed")
	seeds := flags.Uint64("seeds", 2, "how many seeds")
	quick := flags.Bool("quick", false, "a tenth of the faults")
	mutants := flags.Bool("mutants", false, "try the mutants instead, each on its own siege")
	only := flags.String("mutant", "", "try this mutant only")
	adopts := flags.Bool("adoption", false, "measure instead how soon the operations of a killed worker go on")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	stores := []string{*store}
	if *store == "both" {
		stores = []string{"postgres", "sqlite"}
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("want flags only, found %q", flags.Args())
	case *seeds == 0:
		return errors.New("want -seeds of at least 1, found 0")
	case *mutants || *only != "":
		return tryMutants(ctx, os.Stdout, *only, *seed)
	case *adopts:
		return measureAdoption(ctx, os.Stdout, stores, *seed)
	}
	var failed error
	for i := range *seeds {
		for _, st := range stores {
			held, err := withstands(ctx, st, *seed+i, *quick)
			if err != nil {
				return err
			}
			if !held {
				failed = errFailed
			}
		}
	}
	return failed
}

// withstands lays one siege, prints its tables, and reports whether it struck as
// often as it should, and every promise was kept.
func withstands(ctx context.Context, store string, seed uint64, quick bool) (bool, error) {
	self, err := os.Executable()
	if err != nil {
		return false, err
	}
	scenario := siege.General(store)
	if quick {
		scenario = scenario.Quick()
	}
	report, err := siege.Run(ctx, siege.Config{
		Store: store, Scenario: scenario, Seed: seed, Binary: self, Progress: progress(store, fmt.Sprintf("seed %d", seed)),
	})
	if err != nil {
		return false, err
	}
	fmt.Printf("\n%s, seed %d\n%v", store, seed, report)
	return len(report.Violations) == 0 && len(report.Short) == 0, nil
}

// progress prints what a siege says of itself, and when.
func progress(store, what string) func(string, ...any) {
	began := time.Now()
	return func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%s, %s, %3.0f s: %s\n", store, what, time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
}

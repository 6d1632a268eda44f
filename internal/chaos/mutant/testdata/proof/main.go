// Command proof shows whether a guard holds: "proof state-not-epoch" prints
// "holds" where the library is as it should be, and "weakened" in the mutant of
// that name, each with what it has seen.
//
// Two processes are two Managers with a store each, and a pause of one of them is
// a store that lets no call through.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// A proof answers whether the guard holds, and what it saw of it.
type proof func(context.Context, *bench) (holds bool, seen string, err error)

func proofs() map[string]proof {
	return map[string]proof{
		"state-not-epoch":           staleCheckpoint,
		"id-only":                   secondEndByAttempt,
		"heartbeat-without-death":   untoldAttempt,
		"orphans-behind-backlog":    orphanFirst,
		"complete-without-not-done": secondEndByName,
		"subscribe-after-read":      missedEnd,
		"request-id-outside":        sameRequestTwice,
		"claim-unknown-is-failure":  claimUnanswered,
		"adopt-after-outage":        buriedSibling,
	}
}

func main() {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 || proofs()[os.Args[1]] == nil {
		return fmt.Errorf("want the name of one mutant as the only argument, got %q", os.Args[1:])
	}
	dir, err := os.MkdirTemp("", "proof-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b := &bench{path: filepath.Join(dir, "operations.db")}
	defer b.close()
	holds, seen, err := proofs()[os.Args[1]](ctx, b)
	switch {
	case err != nil:
		return err
	case holds:
		fmt.Println("holds:", seen)
	default:
		fmt.Println("weakened:", seen)
	}
	return nil
}

// A bench has a database for a proof to work on.
type bench struct {
	path   string
	stores []*sqlitestore.Store
}

// open answers another store on the database.
func (b *bench) open(ctx context.Context) (*sqlitestore.Store, error) {
	s, err := sqlitestore.Open(ctx, b.path, &sqlitestore.Options{Migrate: true})
	if err == nil {
		b.stores = append(b.stores, s)
	}
	return s, err
}

func (b *bench) close() {
	for _, s := range b.stores {
		_ = s.Close()
	}
}

package database

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A System makes databases of one kind.
type System interface {
	// Name is what lines of results begin with.
	Name() string
	// Version says which one it is, name and number.
	Version(ctx context.Context) (string, error)
	// New makes an empty database with the schema of the store.
	New(ctx context.Context) (Database, error)
	// Clear removes all that New has made: what is done with would go on being
	// vacuumed.
	Clear(ctx context.Context) error
	// Close clears, and ends what there is.
	Close() error
}

// A Database is one that New has made. It lasts until its System is cleared.
type Database interface {
	// Address is what Open takes, in this process or another.
	Address() string
	// Raw answers the statements that a store is compared with.
	Raw(ctx context.Context, conns int) (Raw, error)
	// Fill adds n records, nearly all of them done, without statistics being made.
	Fill(ctx context.Context, n int) error
	// Analyze makes statistics.
	Analyze(ctx context.Context) error
}

// Raw is what one does without a store: one statement each, prepared, with the
// columns that the store writes and reads. The functions are safe for concurrent
// use on as many connections as were asked for, but for those of Transact.
//
// What it leaves out: to look whether the owner is alive, to find an earlier
// record, to tell others, and to answer what was stored.
type Raw interface {
	Writer
	// Get reads by primary key all but the request.
	Get(ctx context.Context, name string) (*store.Record, error)
	// Transact commits what fn writes as one. It may write when fn has returned, and
	// fail then.
	Transact(ctx context.Context, fn func(Writer) error) error
	Close() error
}

// A Writer writes records by hand.
type Writer interface {
	Create(ctx context.Context, rec *store.Record) error
	// Report stores the metadata of a record that goes on, and Update its end. Both
	// swap the version, as a store does, and fail if they swap none.
	Report(ctx context.Context, rec *store.Record) error
	Update(ctx context.Context, rec *store.Record) error
}

// A Store is one that Open has opened.
type Store struct {
	store.Store
	store.Notifier

	close func() error
}

// Close closes the Store and what it was opened on.
func (s *Store) Close() error { return s.close() }

// Settings say how a store is opened.
type Settings struct {
	MaxBatch int // that of the options of the store; 1 writes one by one
	Conns    int // of the pool where the store takes one
}

// Memory is the address of a database in memory, a new one at every Open.
const Memory = "memory:"

// Open opens a store on the database at an address.
func Open(ctx context.Context, address string, set Settings) (*Store, error) {
	if path, ok := strings.CutPrefix(address, sqlitePrefix); ok {
		return openSQLite(ctx, path, set)
	}
	switch {
	case strings.HasPrefix(address, "postgres://"):
		return openPostgres(ctx, address, set)
	case address == Memory:
		st := memstore.New()
		return &Store{st, st, func() error { return nil }}, nil
	default:
		return nil, fmt.Errorf("database: expected an address that begins with postgres://, %s or %s, found %q", sqlitePrefix, Memory, address)
	}
}

var errStale = errors.New("database: no record has that name and version")

package sqlitestore

import (
	"cmp"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/longrunning-go/longrunning/store"
)

var errClosed = errors.New("sqlitestore: the store is closed; make no calls after Close")

// code answers the primary result code of SQLite that err carries, 0 if none.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return sqlite3.SQLITE_OK
}

func isBusy(err error) bool { return code(err) == sqlite3.SQLITE_BUSY }

// harmless reports whether a connection is as good after err as before.
func harmless(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY:
		return true
	default:
		return false
	}
}

// refusal answers ErrInvalid for err if the schema, or SQLite, can never take the
// record, and otherwise err. What SQLite says names columns and constraints, never
// what is in them.
func refusal(name string, err error) error {
	switch code(err) {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG:
		return fmt.Errorf("%w: record %q: the schema does not take it: %s", store.ErrInvalid, name, err.Error())
	default:
		return err
	}
}

// sentinel reports whether err says that nothing was written.
func sentinel(err error) bool {
	for _, s := range []error{store.ErrNotFound, store.ErrConflict, store.ErrOwnerLost, store.ErrInvalid, store.ErrTx} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// explained adds to an error of SQLite what whoever runs the service can do.
func explained(err error) error {
	advice := ""
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE {
		advice = "the disk, or its quota, is full: make room, and the store goes on"
	}
	switch code(err) {
	case sqlite3.SQLITE_FULL:
		advice = "the disk, or its quota, is full: make room, and the store goes on"
	case sqlite3.SQLITE_READONLY:
		advice = "this process may not write the file: it, its folder and the files -wal and -shm beside it must be writable"
	case sqlite3.SQLITE_CANTOPEN:
		advice = "the file, or -wal or -shm beside it, is not there (Options.Migrate makes one), or this process may not open it"
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		advice = "this process may not open the file: look at its permissions"
	case sqlite3.SQLITE_NOTADB:
		advice = "the file is no SQLite database: give the path of one, or of a file that is not there yet"
	case sqlite3.SQLITE_CORRUPT:
		advice = "the file is damaged: restore a backup"
	case sqlite3.SQLITE_BUSY:
		advice = "another process held the file for longer than Options.BusyTimeout: look for a transaction that is left open"
	case sqlite3.SQLITE_IOERR:
		advice = cmp.Or(advice, "the disk failed, or is no local one")
	}
	if advice == "" {
		return err
	}
	return fmt.Errorf("%s (%w)", advice, err)
}

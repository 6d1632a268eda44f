package pgstore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/longrunning-go/longrunning/store"
)

// Conditions of Postgres, and classes of them, that decide what we do: see its
// appendix A.
const (
	classData       = "22" // a value that no column takes
	classConstraint = "23" // a constraint refuses a row
	classRollback   = "40"
	classLimit      = "54" // of the program, such as the length of an index row
	classRaised     = "P0" // by a function or a trigger

	readOnly        = "25006"
	failedTx        = "25P02"
	noPermission    = "42501"
	lockTimeout     = "55P03"
	noWrites        = "0A000" // of BEGIN READ WRITE on a standby
	serialization   = "40001"
	deadlock        = "40P01"
	undefinedTable  = "42P01"
	undefinedSchema = "3F000"
)

// mayBeTold are the classes of errors whose message is about connections,
// permissions, tables and the server, and quotes nothing that a row contains.
func mayBeTold(code string) bool {
	return slices.Contains([]string{"08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58"}, class(code))
}

// A databaseError is what may be told of an error of the server.
type databaseError struct {
	call, code, message string
}

func (e *databaseError) Error() string {
	text := fmt.Sprintf("pgstore: %s: Postgres answered SQLSTATE %s", e.call, e.code)
	if e.message != "" {
		text += ": " + e.message
	}
	return text
}

// failure answers the error of a call to be shown, without what rows contain.
func failure(call string, err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return fmt.Errorf("pgstore: %s: %w", call, err)
	}
	e := &databaseError{call: call, code: pg.Code}
	if mayBeTold(pg.Code) {
		e.message = pg.Message
	}
	switch pg.Code {
	case readOnly, noWrites:
		e.message += "; the server is a standby, or the database was made read-only: connect to the primary"
	case noPermission:
		e.message += "; GRANT what the package's documentation names to this user; Migrate is for the owner of the tables"
	}
	return e
}

// A commitError is one of the commit. What it complains of need not be in the writes:
// a queue of notifications that is full counts as a limit too.
type commitError struct{ error }

func (e *commitError) Unwrap() error { return e.error }

// code answers the SQLSTATE of an error that the server has answered, and "" of
// any other.
func code(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

func class(code string) string { return code[:min(2, len(code))] }

// unstorable reports whether err is about the content of a write.
func unstorable(err error) bool {
	switch class(code(err)) {
	case classData, classConstraint:
		return true
	case classLimit:
		_, atCommit := errors.AsType[*commitError](err)
		return !atCommit
	}
	return false
}

// mayPassAlone reports whether writes that failed together with err may succeed
// one by one: the server has undone them, for what one of them contains, or for
// what they did together.
func mayPassAlone(err error) bool {
	c := class(code(err))
	return unstorable(err) || c == classRaised || c == classRollback || code(err) == lockTimeout
}

// writeError is failure for one write that stood alone in its transaction.
func writeError(call, name string, err error) error {
	switch {
	case unstorable(err):
		return fmt.Errorf("%w: Postgres refuses %q with SQLSTATE %s", store.ErrInvalid, name, code(err))
	case code(err) == lockTimeout:
		return errBusy
	}
	return failure(call, err)
}

// txError is writeError in a transaction of the caller's.
func txError(call, name string, err error) error {
	switch c := code(err); c {
	case serialization, deadlock, failedTx:
		return fmt.Errorf("%w: %q: the transaction must be rolled back and begun anew: SQLSTATE %s", store.ErrConflict, name, c)
	case undefinedTable, undefinedSchema:
		return errForeignTx
	case readOnly:
		return fmt.Errorf("%w: it is read-only", store.ErrTx)
	}
	if errors.Is(err, pgx.ErrTxClosed) {
		return fmt.Errorf("%w: %s came after its end", store.ErrTx, call)
	}
	return writeError(call, name, err)
}

var errForeignTx = fmt.Errorf("%w: it is not on the database, or not with the tables, of this store", store.ErrTx)

package pgstore

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/longrunning-go/longrunning/store"
)

// Conditions of Postgres that decide what we do: see its appendix A.
const (
	badData         = "22" // class: a value that no column takes
	badRow          = "23" // class: a constraint
	tooBig          = "54" // class: above a limit of the program, such as of an index row
	serialization   = "40001"
	deadlock        = "40P01"
	failedTx        = "25P02"
	readOnly        = "25006"
	noWrites        = "0A000" // of BEGIN READ WRITE on a standby
	undefinedTable  = "42P01"
	undefinedSchema = "3F000"
)

// A databaseError is what may be told of an error of the server: never its
// detail, and not its message where that may quote what a row contains.
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
	switch class(pg.Code) {
	case "08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58":
		e.message = pg.Message // about connections, permissions, tables and the server
	}
	if pg.Code == readOnly || pg.Code == noWrites {
		e.message += "; the server is a standby, or the database was made read-only: connect to the primary"
	}
	return e
}

// code answers the SQLSTATE of an error that the server has answered, and "" of
// any other.
func code(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	if e, ok := errors.AsType[*databaseError](err); ok {
		return e.code
	}
	return ""
}

func class(code string) string { return code[:min(2, len(code))] }

// unstorable reports whether err is about the content of a write.
func unstorable(err error) bool {
	switch class(code(err)) {
	case badData, badRow, tooBig:
		return true
	}
	return false
}

// alone reports whether writes that failed together with err may succeed one by
// one: the server has undone them, and for nothing that concerns all.
func alone(err error) bool {
	switch class(code(err)) {
	case "", "08", "25", "28", "42", "53", "57", "58", "XX":
		return false
	}
	return true
}

// writeError is failure for one write that stood alone in its transaction.
func writeError(call, name string, err error) error {
	if unstorable(err) {
		return fmt.Errorf("%w: Postgres refuses the record %q with SQLSTATE %s", store.ErrInvalid, name, code(err))
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
	}
	if errors.Is(err, pgx.ErrTxClosed) {
		return fmt.Errorf("%w: %s came after the end of the transaction", store.ErrTx, call)
	}
	return writeError(call, name, err)
}

var errForeignTx = fmt.Errorf("%w: it is on a database without the tables of this store", store.ErrTx)

package sqlitestore

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/longrunning-go/longrunning/store"
)

// The statements that the store runs, for tests that read their plans and for
// benchmarks that compare with them.
const (
	SelectOne, SelectMany         = selectOne, selectMany
	InsertRecord                  = insertRecord
	SelectByName, SelectByRequest = selectByName, selectByRequest
	UpdateRecord, UpdateContent   = updateRecord, updateContent
	SelectVersion                 = selectVersion
	BuryOwners, SelectAlive       = buryOwners, selectAlive
	SelectLost, SelectOrphans     = selectLost, selectOrphans
	SelectDue, ClaimRecord        = selectDue, claimRecord
	SelectCancelled               = selectCancelled
	DeleteExpired, DeleteOwners   = deleteExpired, deleteOwners
	DeleteHints                   = deleteHints
	SelectLast, SelectHints       = selectLast, selectHints

	ListParent, ListParentDone, ListParentActive = listParent, listParentDone, listParentActive
	ListAll, ListAllDone, ListAllActive          = listAll, listAllDone, listAllActive
	ListOwner, ListOwnerOverdue, ListOverdue     = listOwner, listOwnerOverdue, listOverdue
)

// RawUpdate is UpdateRecord, but that it answers nothing.
var RawUpdate = updateRecord[:len(updateRecord)-len(returningFixed)]

// Values answers the arguments of InsertRecord.
func Values(rec *store.Record) ([]any, error) {
	args, err := values(rec)
	all := make([]any, len(args))
	for i, arg := range args {
		all[i] = arg
	}
	return all, err
}

// Pragma runs a PRAGMA on the connection that writes, and answers what it does.
func (s *Store) Pragma(ctx context.Context, pragma string) (string, error) {
	value, err := perform(ctx, s, "Pragma", 0, func(ctx context.Context, t *tx) (driver.Value, error) {
		return t.one(ctx, "PRAGMA "+pragma)
	})
	return fmt.Sprint(value), err
}

package sqlitestore

import (
	"cmp"
	"database/sql/driver"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// Lists are ID descending, so that a page is one walk along an index. A query of
// Done set to false walks one that holds no done records.
const (
	listParent = `SELECT ` + columns + ` FROM operations INDEXED BY operations_parent
		WHERE parent = ? AND id < ? AND deleted = 0 ORDER BY id DESC LIMIT ?`

	listParentDone = `SELECT ` + columns + ` FROM operations INDEXED BY operations_parent
		WHERE parent = ? AND id < ? AND deleted = 0 AND state = 4 ORDER BY id DESC LIMIT ?`

	listParentActive = `SELECT ` + columns + ` FROM operations INDEXED BY operations_parent_active
		WHERE parent = ? AND id < ? AND deleted = 0 AND state <> 4 ORDER BY id DESC LIMIT ?`

	listAll = `SELECT ` + columns + ` FROM operations INDEXED BY sqlite_autoindex_operations_2
		WHERE id < ? AND deleted = 0 ORDER BY id DESC LIMIT ?`

	listAllDone = `SELECT ` + columns + ` FROM operations INDEXED BY sqlite_autoindex_operations_2
		WHERE id < ? AND deleted = 0 AND state = 4 ORDER BY id DESC LIMIT ?`

	listAllActive = `SELECT ` + columns + ` FROM operations INDEXED BY operations_active
		WHERE id < ? AND deleted = 0 AND state <> 4 ORDER BY id DESC LIMIT ?`

	listOwner = `SELECT ` + columns + ` FROM operations INDEXED BY operations_owner
		WHERE state = 2 AND owner = ? AND id < ? ORDER BY id DESC LIMIT ?`

	// What is overdue is ended as soon as it is seen, so there is little to sort.
	listOverdue = `SELECT ` + columns + ` FROM operations INDEXED BY operations_deadline
		WHERE state <> 4 AND deadline IS NOT NULL AND deadline <= ? AND id < ? ORDER BY id DESC LIMIT ?`

	listOwnerOverdue = `SELECT ` + columns + ` FROM operations INDEXED BY operations_owner
		WHERE state = 2 AND owner = ? AND deadline <= ? AND id < ? ORDER BY id DESC LIMIT ?`
)

// listing answers the SQL of q, "" if q can select nothing, and its arguments.
func listing(q *store.Query, now time.Time) (string, []driver.Value) {
	before := cmp.Or(q.Before, "\U0010ffff")
	limit := int64(q.Limit)
	switch {
	case q.SeesDeleted() && q.Done != nil && *q.Done:
		return "", nil // neither what runs nor what is overdue is done
	case q.Owner != "" && q.Overdue:
		return listOwnerOverdue, []driver.Value{q.Owner, now.UnixMicro(), before, limit}
	case q.Owner != "":
		return listOwner, []driver.Value{q.Owner, before, limit}
	case q.Overdue:
		return listOverdue, []driver.Value{now.UnixMicro(), before, limit}
	case q.AllParents:
		return byDone(q, listAll, listAllDone, listAllActive), []driver.Value{before, limit}
	default:
		return byDone(q, listParent, listParentDone, listParentActive), []driver.Value{q.Parent, before, limit}
	}
}

func byDone(q *store.Query, all, done, active string) string {
	switch {
	case q.Done == nil:
		return all
	case *q.Done:
		return done
	default:
		return active
	}
}

package pgstore

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/store"
)

// List implements [store.Store].
func (s *Store) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	if !isText(q.Parent) || !isText(q.Owner) || !isText(q.Before) {
		return nil, nil
	}
	sql, args := listSQL(q)
	var recs []*store.Record
	err := s.read(ctx, statement{inSchema(sql, s.opts.Schema), args, func(rows pgx.Rows) (err error) {
		recs, err = records(rows, false)
		return err
	}})
	if err != nil {
		return nil, failure("List", err)
	}
	return recs, nil
}

// listSQL answers the statement of q: one text for each kind of query, so that
// each has a plan of its own, and each such that one index alone has its order.
// Otherwise the planner, by what it guesses of the rows, may walk all records in
// the order of ids for those of a small parent.
func listSQL(q *store.Query) (string, []any) {
	c := &conditions{args: []any{q.Limit}}
	switch {
	case q.SeesDeleted():
		return c.ofWork(q), c.args
	case q.AllParents:
		return c.ofAllParents(q), c.args
	default:
		return c.ofParent(q), c.args
	}
}

const (
	open = `o.state <> 4`
	done = `o.state = 4`

	byID     = ` ORDER BY o.id DESC LIMIT $1`
	byParent = ` ORDER BY o.parent DESC, o.id DESC LIMIT $1`
)

// conditions are those of a list, joined by AND, and the arguments of all.
type conditions struct {
	where []string
	args  []any
}

// add adds a condition in which ? is the next argument.
func (c *conditions) add(condition string, arg any) {
	c.args = append(c.args, arg)
	c.where = append(c.where, strings.ReplaceAll(condition, "?", c.last()))
}

// last answers how SQL calls the argument that was added last.
func (c *conditions) last() string { return "$" + strconv.Itoa(len(c.args)) }

func (c *conditions) selected(more ...string) string {
	return `SELECT ` + columns + ` FROM {schema}.lro_operations o WHERE ` + strings.Join(slices.Concat(c.where, more), ` AND `)
}

func (c *conditions) ofWork(q *store.Query) string {
	if q.Owner != "" {
		c.add(`o.state = 2 AND o.owner = ?`, q.Owner)
	}
	if q.Before != "" {
		c.add(`o.id < ?`, q.Before)
	}
	if q.Done != nil {
		c.where = append(c.where, map[bool]string{true: done, false: open}[*q.Done])
	}
	if !q.Overdue {
		return c.selected() + byID
	}
	// OFFSET 0 keeps the order of ids out of how they are found.
	found := c.selected(`o.end_time IS NULL`, `o.deadline <= statement_timestamp()`)
	return `SELECT ` + columns + ` FROM (` + found + ` OFFSET 0) o` + byID
}

func (c *conditions) ofAllParents(q *store.Query) string {
	c.where = append(c.where, `NOT o.deleted`)
	if q.Before != "" {
		c.add(`o.id < ?`, q.Before)
	}
	switch {
	case q.Done == nil:
		return c.selected() + byID
	case *q.Done:
		return c.selected(`o.state + 0 = 4`) + byID // done would offer the index by parent
	default:
		return c.selected(open) + byID
	}
}

// ofParent says = by two inequalities: a parent that is equal to a constant would
// be left out of the order, and then other indexes have it too.
func (c *conditions) ofParent(q *store.Query) string {
	c.where = append(c.where, `NOT o.deleted`)
	c.add(`o.parent >= ? AND o.parent <= ?`, q.Parent)
	if parent := c.last(); q.Before != "" {
		c.add(`(o.parent, o.id) < (`+parent+`, ?)`, q.Before)
	}
	if q.Done != nil {
		return c.selected(map[bool]string{true: done, false: open}[*q.Done]) + byParent
	}
	// What is open and what is done have an index each.
	return `SELECT ` + columns + ` FROM ((` + c.selected(open) + byParent + `) UNION ALL (` + c.selected(done) + byParent + `)) o` + byParent
}

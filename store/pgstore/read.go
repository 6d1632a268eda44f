package pgstore

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/store"
)

const (
	getSQL    = `SELECT ` + columns + ` FROM {schema}.lro_operations o WHERE o.name = ANY ($1)`
	getOneSQL = `SELECT ` + columns + ` FROM {schema}.lro_operations o WHERE o.name = $1`
)

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	tx, err := s.txOf(ctx)
	if err != nil {
		return nil, err
	}
	if !all(isText, names) {
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !isText(name) })
	}
	switch len(names) {
	case 0:
		return nil, nil
	case 1:
		return s.get(ctx, tx, s.sql.getOne, names[0])
	default:
		return s.get(ctx, tx, s.sql.get, names)
	}
}

// get reads records, in tx unless that is nil. Without the settings, since there
// is one way to read a record by its name.
func (s *Store) get(ctx context.Context, tx *transaction, sql string, arg any) (recs []*store.Record, err error) {
	if tx != nil {
		err = tx.run(ctx, statement{sql, []any{arg}, func(rows pgx.Rows) (err error) {
			recs, err = records(rows, false)
			return err
		}})
		if err != nil {
			return nil, txError("Get", "", err)
		}
		return recs, nil
	}
	ctx, stop := context.WithTimeout(ctx, s.opts.Timeout+time.Second)
	defer stop()
	rows, err := s.pool.Query(ctx, sql, arg)
	if err == nil {
		recs, err = records(rows, false)
	}
	if err != nil {
		return nil, failure("Get", err)
	}
	return recs, nil
}

func all(is func(string) bool, of []string) bool {
	return !slices.ContainsFunc(of, func(s string) bool { return !is(s) })
}

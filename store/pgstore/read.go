package pgstore

import (
	"context"
	"slices"

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
		return s.query(ctx, tx, false, s.sql.getOne, names[0])
	default:
		return s.query(ctx, tx, false, s.sql.get, names)
	}
}

// query reads records, in tx unless that is nil.
func (s *Store) query(ctx context.Context, tx *transaction, withRequest bool, sql string, args ...any) (recs []*store.Record, err error) {
	if tx != nil {
		err = tx.run(ctx, statement{sql, args, func(rows pgx.Rows) (err error) {
			recs, err = records(rows, withRequest)
			return err
		}})
		if err != nil {
			return nil, txError("Get", "", err)
		}
		return recs, nil
	}
	rows, err := s.pool.Query(ctx, sql, args...)
	if err == nil {
		recs, err = records(rows, withRequest)
	}
	if err != nil {
		return nil, failure("reading", err)
	}
	return recs, nil
}

func all(is func(string) bool, of []string) bool {
	return !slices.ContainsFunc(of, func(s string) bool { return !is(s) })
}

package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/store"
)

// NoBitmaps is what Claim, Expire and List add to the settings.
const NoBitmaps = noBitmaps

// Latest is the version of the schema that this library brings.
const Latest = latest

// MigrateTo stops at an older version.
func MigrateTo(ctx context.Context, pool *pgxpool.Pool, opts *Options, version int) error {
	o, err := opts.withDefaults()
	if err != nil {
		return err
	}
	return migrate(ctx, pool, o, version)
}

// The statements that run in steady state, as the Store sends them.
func (s *Store) Settings() string { return s.sql.settings }

// Statements answers them with arguments.
func (s *Store) Statements(rec *store.Record) map[string][]any {
	other := *rec
	other.Name, other.RequestID = "operations/other", ""
	u1, c1 := s.updateStatement([]*update{{rec: rec}}), s.createStatement([]*creation{{rec: &other}})
	u, c := s.updateStatement([]*update{{rec: rec}, {rec: &other}}), s.createStatement([]*creation{{rec: rec}, {rec: &other}})
	e := s.earlierStatement([]*creation{{rec: rec}, {rec: &other}})
	names := []string{rec.Name, other.Name}
	return map[string][]any{
		"create one": append([]any{c1.sql}, c1.args...),
		"update one": append([]any{u1.sql}, u1.args...),
		"create":     append([]any{c.sql}, c.args...),
		"earlier":    append([]any{e.sql}, e.args...),
		"update":     append([]any{u.sql}, u.args...),
		"versions":   {s.sql.versions, names},
		"get":        {s.sql.get, names},
		"get one":    {s.sql.getOne, rec.Name},
		"heartbeat":  {s.sql.heartbeat, "owner", int64(1), s.channel},
		"bury":       {s.sql.bury, "owner"},
		"claim":      {s.sql.claim, "owner", []string{rec.Method}, 10, true, s.channel},
		"expire":     {s.sql.expire, 10},
		"forget":     {s.sql.forget},
	}
}

// ListStatement answers the statement of q with its arguments.
func (s *Store) ListStatement(q *store.Query) (string, []any) {
	sql, args := listSQL(q)
	return inSchema(sql, s.opts.Schema), args
}

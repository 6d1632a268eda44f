package database

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/store"
)

const (
	insertPostgres = `
INSERT INTO lro_operations (name, parent, id, method, request_id, request, carrier,
	version, epoch, create_time, update_time, end_time, deadline, due_time, expire_time,
	state, owner, released, retried, cancel_requested, deleted, metadata, checkpoint, response, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 1, statement_timestamp(), statement_timestamp(), NULL,
	statement_timestamp() + $8 * interval '1 microsecond', NULL, NULL, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`

	reportPostgres = `
UPDATE lro_operations SET version = version + 1, update_time = statement_timestamp(), metadata = $3
WHERE name = $1 AND version = $2`

	updatePostgres = `
UPDATE lro_operations SET version = version + 1, update_time = statement_timestamp(), end_time = statement_timestamp(),
	due_time = NULL, expire_time = statement_timestamp() + $3 * interval '1 microsecond',
	state = $4, owner = $5, released = $6, retried = $7, cancel_requested = $8, deleted = $9,
	metadata = $10, checkpoint = $11, response = $12, error = $13
WHERE name = $1 AND version = $2`

	selectPostgres = `
SELECT name, parent, id, method, request_id, carrier, version, epoch,
	create_time, update_time, end_time, deadline, due_time, expire_time,
	state, owner, released, retried, cancel_requested, deleted, metadata, checkpoint, response, error
FROM lro_operations WHERE name = $1`
)

// Raw prepares each statement at its first use and keeps it, as pgx does by itself.
func (d postgresDatabase) Raw(ctx context.Context, conns int) (Raw, error) {
	pool, err := newPool(ctx, string(d), conns)
	if err != nil {
		return nil, err
	}
	return &rawPostgres{func(ctx context.Context, sql string, args ...any) error {
		return oneRow(pool.Exec(ctx, sql, args...))
	}, pool}, nil
}

type rawPostgres struct {
	postgresWriter

	pool *pgxpool.Pool
}

func (r *rawPostgres) Close() error {
	r.pool.Close()
	return nil
}

// Transact sends all statements at once: they need one round trip, and are one
// transaction.
func (r *rawPostgres) Transact(ctx context.Context, fn func(Writer) error) error {
	batch := &pgx.Batch{}
	err := fn(postgresWriter(func(_ context.Context, sql string, args ...any) error {
		batch.Queue(sql, args...).Exec(func(tag pgconn.CommandTag) error { return oneRow(tag, nil) })
		return nil
	}))
	if err != nil {
		return err
	}
	return r.pool.SendBatch(ctx, batch).Close()
}

func (r *rawPostgres) Get(ctx context.Context, name string) (*store.Record, error) {
	rec := &store.Record{}
	var state int16
	var carrier pgtype.Text
	var create, update, end, deadline, due, expire pgtype.Timestamptz
	err := r.pool.QueryRow(ctx, selectPostgres, name).Scan(
		&rec.Name, &rec.Parent, &rec.ID, &rec.Method, &rec.RequestID, &carrier, &rec.Version, &rec.Epoch,
		&create, &update, &end, &deadline, &due, &expire,
		&state, &rec.Owner, &rec.Released, &rec.Retried, &rec.CancelRequested, &rec.Deleted,
		&rec.Metadata, &rec.Checkpoint, &rec.Response, &rec.Error)
	if err != nil {
		return nil, err
	}
	rec.State = store.State(state)
	rec.CreateTime, rec.UpdateTime, rec.EndTime = fromPostgres(create), fromPostgres(update), fromPostgres(end)
	rec.Deadline, rec.DueTime, rec.ExpireTime = fromPostgres(deadline), fromPostgres(due), fromPostgres(expire)
	if carrier.Valid {
		err = json.Unmarshal([]byte(carrier.String), &rec.Carrier)
	}
	return rec, err
}

func fromPostgres(t pgtype.Timestamptz) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

// A postgresWriter writes by what exec does with a statement that writes one row.
type postgresWriter func(ctx context.Context, sql string, args ...any) error

func (exec postgresWriter) Create(ctx context.Context, rec *store.Record) error {
	return exec(ctx, insertPostgres,
		rec.Name, rec.Parent, rec.ID, rec.Method, rec.RequestID, rec.Request, nil, rec.Timeout.Microseconds(),
		int16(rec.State), rec.Owner, rec.Released, rec.Retried, rec.CancelRequested, rec.Deleted,
		rec.Metadata, rec.Checkpoint, rec.Response, rec.Error)
}

func (exec postgresWriter) Report(ctx context.Context, rec *store.Record) error {
	return exec(ctx, reportPostgres, rec.Name, rec.Version, rec.Metadata)
}

func (exec postgresWriter) Update(ctx context.Context, rec *store.Record) error {
	return exec(ctx, updatePostgres, rec.Name, rec.Version, rec.ExpireIn.Microseconds(),
		int16(rec.State), rec.Owner, rec.Released, rec.Retried, rec.CancelRequested, rec.Deleted,
		rec.Metadata, rec.Checkpoint, rec.Response, rec.Error)
}

// oneRow answers an error unless one row was written.
func oneRow(tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() != 1 {
		err = errStale
	}
	return err
}

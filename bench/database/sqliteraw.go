package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const (
	insertSQLite = `
INSERT INTO operations (name, parent, id, method, request_id, request, carrier,
	version, epoch, create_time, update_time, end_time, deadline, due_time, expire_time,
	state, owner, released, retried, cancel_requested, deleted, metadata, checkpoint, response, error)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 1, ?8, ?8, NULL, ?8 + ?9, NULL, NULL, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)`

	reportSQLite = `
UPDATE operations SET version = version + 1, update_time = ?3, metadata = ?4 WHERE name = ?1 AND version = ?2`

	updateSQLite = `
UPDATE operations SET version = version + 1, update_time = ?3, end_time = ?3, due_time = NULL, expire_time = ?3 + ?4,
	state = ?5, owner = ?6, released = ?7, retried = ?8, cancel_requested = ?9, deleted = ?10,
	metadata = ?11, checkpoint = ?12, response = ?13, error = ?14
WHERE name = ?1 AND version = ?2`

	selectSQLite = `
SELECT name, parent, id, method, request_id, carrier, version, epoch,
	create_time, update_time, end_time, deadline, due_time, expire_time,
	state, owner, released, retried, cancel_requested, deleted, metadata, checkpoint, response, error
FROM operations WHERE name = ?1`
)

func (d sqliteDatabase) Raw(ctx context.Context, conns int) (_ Raw, err error) {
	r := &rawSQLite{}
	if r.db, err = d.open(ctx, conns); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.db.Close())
		}
	}()
	if r.insert, err = r.db.PrepareContext(ctx, insertSQLite); err != nil {
		return nil, err
	}
	if r.report, err = r.db.PrepareContext(ctx, reportSQLite); err != nil {
		return nil, err
	}
	if r.update, err = r.db.PrepareContext(ctx, updateSQLite); err != nil {
		return nil, err
	}
	if r.get, err = r.db.PrepareContext(ctx, selectSQLite); err != nil {
		return nil, err
	}
	return r, nil
}

type rawSQLite struct {
	sqliteWriter

	db  *sql.DB
	get *sql.Stmt
}

// Close closes the statements too.
func (r *rawSQLite) Close() error { return r.db.Close() }

func (r *rawSQLite) Transact(ctx context.Context, fn func(Writer) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(sqliteWriter{tx.StmtContext(ctx, r.insert), tx.StmtContext(ctx, r.report), tx.StmtContext(ctx, r.update)}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (r *rawSQLite) Get(ctx context.Context, name string) (*store.Record, error) {
	rec := &store.Record{}
	var carrier sql.NullString
	var create, update, end, deadline, due, expire sql.NullInt64
	err := r.get.QueryRowContext(ctx, name).Scan(
		&rec.Name, &rec.Parent, &rec.ID, &rec.Method, &rec.RequestID, &carrier, &rec.Version, &rec.Epoch,
		&create, &update, &end, &deadline, &due, &expire,
		&rec.State, &rec.Owner, &rec.Released, &rec.Retried, &rec.CancelRequested, &rec.Deleted,
		&rec.Metadata, &rec.Checkpoint, &rec.Response, &rec.Error)
	if err != nil {
		return nil, err
	}
	rec.CreateTime, rec.UpdateTime, rec.EndTime = fromSQLite(create), fromSQLite(update), fromSQLite(end)
	rec.Deadline, rec.DueTime, rec.ExpireTime = fromSQLite(deadline), fromSQLite(due), fromSQLite(expire)
	if carrier.Valid {
		err = json.Unmarshal([]byte(carrier.String), &rec.Carrier)
	}
	return rec, err
}

func fromSQLite(t sql.NullInt64) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return time.UnixMicro(t.Int64).UTC()
}

// A sqliteWriter writes on whichever connection is free, each statement a
// transaction of its own, or in a transaction.
type sqliteWriter struct{ insert, report, update *sql.Stmt }

func (w sqliteWriter) Create(ctx context.Context, rec *store.Record) error {
	_, err := w.insert.ExecContext(ctx,
		rec.Name, rec.Parent, rec.ID, rec.Method, rec.RequestID, blob(rec.Request), nil, time.Now().UnixMicro(), rec.Timeout.Microseconds(),
		int64(rec.State), rec.Owner, rec.Released, rec.Retried, rec.CancelRequested, rec.Deleted,
		blob(rec.Metadata), blob(rec.Checkpoint), blob(rec.Response), blob(rec.Error))
	return err
}

func (w sqliteWriter) Report(ctx context.Context, rec *store.Record) error {
	return swap(w.report.ExecContext(ctx, rec.Name, rec.Version, time.Now().UnixMicro(), blob(rec.Metadata)))
}

func (w sqliteWriter) Update(ctx context.Context, rec *store.Record) error {
	return swap(w.update.ExecContext(ctx, rec.Name, rec.Version, time.Now().UnixMicro(), rec.ExpireIn.Microseconds(),
		int64(rec.State), rec.Owner, rec.Released, rec.Retried, rec.CancelRequested, rec.Deleted,
		blob(rec.Metadata), blob(rec.Checkpoint), blob(rec.Response), blob(rec.Error)))
}

// swap answers an error unless one version was swapped.
func swap(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errStale, err)
	}
	return nil
}

// blob keeps nil from becoming a blob of no bytes.
func blob(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

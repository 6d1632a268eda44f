package pgstore

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/longrunning-go/longrunning/store"
)

// columns are those of a record but its request, in the order of row.targets.
const columns = `o.name, o.parent, o.id, o.method, o.request_id, o.carrier, o.version, o.epoch,
	o.create_time, o.update_time, o.end_time, o.deadline, o.due_time, o.expire_time,
	o.state, o.owner, o.released, o.retried, o.cancel_requested, o.deleted,
	o.metadata, o.checkpoint, o.response, o.error`

// fixedColumns are how many of them come before what package lro sets.
const fixedColumns = 14

// A row is what is scanned of a record.
type row struct {
	rec     store.Record
	state   int16
	carrier pgtype.Text
	times
}

type times struct {
	create, update, end, deadline, due, expire pgtype.Timestamptz
}

// targets are where columns go, and then the request if asked for.
func (r *row) targets(withRequest bool) []any {
	rec := &r.rec
	targets := append(make([]any, 0, 25),
		&rec.Name, &rec.Parent, &rec.ID, &rec.Method, &rec.RequestID, &r.carrier, &rec.Version, &rec.Epoch,
		&r.create, &r.update, &r.end, &r.deadline, &r.due, &r.expire,
		&r.state, &rec.Owner, &rec.Released, &rec.Retried, &rec.CancelRequested, &rec.Deleted,
		&rec.Metadata, &rec.Checkpoint, &rec.Response, &rec.Error)
	if withRequest {
		targets = append(targets, &rec.Request)
	}
	return targets
}

// record answers what was scanned.
func (r *row) record() *store.Record {
	r.rec.State = store.State(r.state)
	r.set(&r.rec)
	if r.carrier.Valid && json.Unmarshal([]byte(r.carrier.String), &r.rec.Carrier) != nil {
		// As a hand may have written it: a trace that is lost is no reason to stop the
		// operation, and the lists that it is in.
		r.rec.Carrier = nil
	}
	return &r.rec
}

// set sets the times of rec.
func (t *times) set(rec *store.Record) {
	rec.CreateTime, rec.UpdateTime, rec.EndTime = utc(t.create), utc(t.update), utc(t.end)
	rec.Deadline, rec.DueTime, rec.ExpireTime = utc(t.deadline), utc(t.due), utc(t.expire)
}

func utc(t pgtype.Timestamptz) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

// records reads all of rows and closes it.
func records(rows pgx.Rows, withRequest bool) ([]*store.Record, error) {
	defer rows.Close()
	var recs []*store.Record
	for rows.Next() {
		r := new(row)
		if err := rows.Scan(r.targets(withRequest)...); err != nil {
			return nil, err
		}
		recs = append(recs, r.record())
	}
	return recs, rows.Err()
}

// encodeCarrier answers nil for a carrier that is empty.
func encodeCarrier(carrier map[string]string) (*string, error) {
	if len(carrier) == 0 {
		return nil, nil //nolint:nilnil // NULL
	}
	b, err := json.Marshal(carrier)
	text := string(b)
	return &text, err
}

// wait is how long a record waits for its due or expire time, in microseconds.
func wait(rec *store.Record) int64 {
	if rec.State == store.Done {
		return rec.ExpireIn.Microseconds()
	}
	return rec.DueIn.Microseconds()
}

// isText reports whether Postgres can hold s, so that a read by what it cannot
// hold finds nothing instead of failing.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

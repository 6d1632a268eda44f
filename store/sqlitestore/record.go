package sqlitestore

import (
	"database/sql/driver"
	"encoding/json"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// scan reads a record from a row of columns, or of allColumns.
func scan(row []driver.Value) *store.Record {
	rec := &store.Record{
		Name: text(row[0]), Parent: text(row[1]), ID: text(row[2]),
		Method: text(row[3]), RequestID: text(row[4]), Carrier: parseCarrier(row[5]),
		Version: integer(row[6]), Epoch: integer(row[7]),
		CreateTime: instant(row[8]), UpdateTime: instant(row[9]), EndTime: instant(row[10]),
		Deadline: instant(row[11]), DueTime: instant(row[12]), ExpireTime: instant(row[13]),
		State: store.State(integer(row[14])), Owner: text(row[15]),
		Released: int(integer(row[16])), Retried: int(integer(row[17])),
		CancelRequested: integer(row[18]) != 0, Deleted: integer(row[19]) != 0,
		Metadata: blob(row[20]), Checkpoint: blob(row[21]), Response: blob(row[22]), Error: blob(row[23]),
	}
	if len(row) > 24 {
		rec.Request = blob(row[24])
	}
	return rec
}

// scanFixed reads into rec what an Update answers.
func scanFixed(rec *store.Record, row []driver.Value) {
	rec.Parent, rec.ID, rec.Method, rec.RequestID = text(row[0]), text(row[1]), text(row[2]), text(row[3])
	rec.Carrier = parseCarrier(row[4])
	rec.Epoch = integer(row[5])
	rec.CreateTime, rec.EndTime, rec.Deadline = instant(row[6]), instant(row[7]), instant(row[8])
}

// values are those of allColumns.
func values(rec *store.Record) ([]driver.Value, error) {
	carrier, err := formatCarrier(rec.Carrier)
	return []driver.Value{
		rec.Name, rec.Parent, rec.ID, rec.Method, rec.RequestID, carrier, rec.Version, rec.Epoch,
		micros(rec.CreateTime), micros(rec.UpdateTime), micros(rec.EndTime),
		micros(rec.Deadline), micros(rec.DueTime), micros(rec.ExpireTime),
		int64(rec.State), rec.Owner, int64(rec.Released), int64(rec.Retried), rec.CancelRequested, rec.Deleted,
		rec.Metadata, rec.Checkpoint, rec.Response, rec.Error, rec.Request,
	}, err
}

func formatCarrier(carrier map[string]string) (driver.Value, error) {
	if len(carrier) == 0 {
		return nil, nil
	}
	encoded, err := json.Marshal(carrier)
	return string(encoded), err
}

// parseCarrier answers nil for what is no carrier, as a hand may have written it: a
// trace that is lost is no reason to stop the operation, and the lists that it is in.
func parseCarrier(v driver.Value) map[string]string {
	var carrier map[string]string
	if v == nil || json.Unmarshal([]byte(text(v)), &carrier) != nil {
		return nil
	}
	return carrier
}

func micros(t time.Time) driver.Value {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func instant(v driver.Value) time.Time {
	if v == nil {
		return time.Time{}
	}
	return time.UnixMicro(integer(v)).UTC()
}

// blob answers no nil for bytes that are set, though there be none. The driver has
// copied them for this row.
func blob(v driver.Value) []byte {
	b, isSet := v.([]byte)
	if isSet && b == nil {
		return []byte{}
	}
	return b
}

func text(v driver.Value) string {
	s, _ := v.(string) // the tables are STRICT
	return s
}

func integer(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}

package sqlitestore_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// The benchmarks measure the bounds of DESIGN.md, section 13, roughly; go test
// -bench . prints them side by side.

const callers = 64

func fresh() *store.Record {
	id := uuid.Must(uuid.NewV7()).String()
	return &store.Record{
		Name: "projects/p/operations/" + id, Parent: "projects/p", ID: id,
		Method: "/example.v1.Service/Method", State: store.Running, Owner: "owner",
		Request: make([]byte, 300), Timeout: 24 * time.Hour,
	}
}

func ended(rec *store.Record) *store.Record {
	next := *rec
	next.State, next.Owner = store.Done, ""
	next.Metadata, next.Response, next.ExpireIn = make([]byte, 100), make([]byte, 300), 30*24*time.Hour
	return &next
}

// createAndEnd is two writes.
func createAndEnd(ctx context.Context, st store.Store) error {
	rec, err := st.Create(ctx, fresh())
	if err == nil {
		_, err = st.Update(ctx, ended(rec))
	}
	return err
}

func BenchmarkWrites(b *testing.B) {
	for name, opts := range map[string]*sqlitestore.Options{"grouped": nil, "one by one": {MaxBatch: 1}} {
		b.Run(fmt.Sprintf("%d callers %s", callers, name), func(b *testing.B) {
			st, _ := setup(b, opts)
			if _, err := st.Heartbeat(b.Context(), "owner", time.Hour); err != nil {
				b.Fatal(err)
			}
			var done atomic.Int64
			b.SetParallelism(callers / 2)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := createAndEnd(b.Context(), st); err != nil {
						b.Error(err)
						return
					}
					done.Add(2)
				}
			})
			b.ReportMetric(float64(done.Load())/b.Elapsed().Seconds(), "writes/s")
		})
	}
	b.Run("1 caller", func(b *testing.B) {
		st, _ := setup(b, nil)
		if _, err := st.Heartbeat(b.Context(), "owner", time.Hour); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := createAndEnd(b.Context(), st); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(2*b.N)/b.Elapsed().Seconds(), "writes/s")
	})
	for _, batch := range []int{callers, 1} {
		b.Run(fmt.Sprintf("raw statements, %d to a transaction", batch), func(b *testing.B) { rawWrites(b, batch) })
	}
}

// rawWrites is what an application would write by hand: prepared statements on one
// connection, the same columns.
func rawWrites(b *testing.B, batch int) {
	b.Helper()
	_, path := setup(b, nil)
	db := rawDB(b, path)
	insert := prepare(b, db, sqlitestore.InsertRecord)
	update := prepare(b, db, sqlitestore.RawUpdate)
	recs := make([]*store.Record, batch)
	for b.Loop() {
		inTx(b, db, func(tx *sql.Tx) {
			stmt := tx.StmtContext(b.Context(), insert)
			defer stmt.Close()
			for i := range recs {
				recs[i] = fresh().Created(time.Now().UTC(), true)
				args, err := sqlitestore.Values(recs[i])
				if err == nil {
					_, err = stmt.ExecContext(b.Context(), args...)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		inTx(b, db, func(tx *sql.Tx) {
			stmt := tx.StmtContext(b.Context(), update)
			defer stmt.Close()
			for _, rec := range recs {
				r := ended(rec)
				now := time.Now().UnixMicro()
				_, err := stmt.ExecContext(b.Context(), now, now, nil, now+1, int(r.State), r.Owner, 0, 0, false, false,
					r.Metadata, nil, r.Response, nil, r.Name, 1)
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.ReportMetric(float64(2*batch*b.N)/b.Elapsed().Seconds(), "writes/s")
}

func BenchmarkGet(b *testing.B) {
	st, path := setup(b, nil)
	names := fill(b, path, 10_000)
	b.Run("store", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			if recs, err := st.Get(b.Context(), names[i*7919%len(names)]); err != nil || len(recs) != 1 {
				b.Fatal(recs, err)
			}
		}
	})
	b.Run("raw select", func(b *testing.B) {
		db := rawDB(b, path)
		one := prepare(b, db, sqlitestore.SelectOne)
		defer one.Close()
		row := make([]any, 24)
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		i := 0
		for b.Loop() {
			i++
			if err := one.QueryRowContext(b.Context(), names[i*7919%len(names)]).Scan(into...); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkList(b *testing.B) {
	for _, records := range []int{10_000, 1_000_000} {
		st, path := setup(b, nil)
		fill(b, path, records)
		first := &store.Query{Parent: "projects/p", Limit: 100}
		hundredth := *first
		for range 99 {
			page, err := st.List(b.Context(), &hundredth)
			if err != nil {
				b.Fatal(err)
			}
			hundredth.Before = page[len(page)-1].ID
		}
		for name, q := range map[string]*store.Query{"1": first, "100": &hundredth} {
			b.Run(fmt.Sprintf("page %s of %d records", name, records), func(b *testing.B) {
				for b.Loop() {
					if page, err := st.List(b.Context(), q); err != nil || len(page) != 100 {
						b.Fatal(len(page), err)
					}
				}
			})
		}
	}
}

func BenchmarkHeartbeat(b *testing.B) {
	for _, running := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("%d running", running), func(b *testing.B) {
			st, path := setup(b, nil)
			fillRunning(b, path, running)
			for b.Loop() {
				if _, err := st.Heartbeat(b.Context(), "owner", time.Hour); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

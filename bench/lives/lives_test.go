package lives_test

import (
	"context"
	"testing"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/lives"
	"github.com/longrunning-go/longrunning/store"
)

const operations = 6

// setup lets operations live in a new SQLite database and answers their records, with
// what differs between any two taken out.
func setup(t *testing.T, live func(ctx context.Context, address string, raw database.Raw) error) []*store.Record {
	t.Helper()
	system, err := database.NewSQLite()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := system.Close(); err != nil {
			t.Error(err)
		}
	})
	db, err := system.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := db.Raw(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := live(t.Context(), db.Address(), raw); err != nil {
		t.Fatal(err)
	}
	st, err := database.Open(t.Context(), db.Address(), database.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	recs, err := st.List(t.Context(), &store.Query{Limit: 2 * operations})
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

// What is compared writes the same: the records by hand are those of lro.
func TestSameRecords(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]func(context.Context, string, database.Raw) error{
		"lro": func(ctx context.Context, address string, _ database.Raw) error {
			return lives.Lived(ctx, address, 2, operations)
		},
		"statements": func(ctx context.Context, _ string, raw database.Raw) error {
			return lives.LivedInRows(ctx, raw, 2, operations)
		},
		"statements grouped": func(ctx context.Context, _ string, raw database.Raw) error {
			return lives.LivedInBatches(ctx, raw, 4, operations)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recs := setup(t, live)
			if len(recs) != operations {
				t.Fatalf("got %d records, want %d", len(recs), operations)
			}
			for _, rec := range recs {
				if rec.State != store.Done || len(rec.Metadata) != 100 || len(rec.Response) != 400 || rec.Owner != "" ||
					rec.EndTime.Before(rec.CreateTime) || !rec.ExpireTime.After(rec.EndTime.AddDate(0, 0, 29)) {
					t.Errorf("got the record %+v, want it done, kept for 30 days, with 100 bytes of metadata and a response of 400", rec)
				}
			}
		})
	}
}

// In memory each waiter gets its response, too.
func TestMap(t *testing.T) {
	t.Parallel()
	if err := lives.LivedInMap(t.Context(), 2, operations); err != nil {
		t.Error(err)
	}
}

// The payload of all that is compared is that of README.md.
func TestPayloads(t *testing.T) {
	t.Parallel()
	got, err := lives.Payloads()
	if want := [4]int{400, 100, 400, 400}; err != nil || got != want {
		t.Errorf("bytes of request, metadata, response and a job's arguments: got %v, error %v; want %v", got, err, want)
	}
}

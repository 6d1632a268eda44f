package memstore_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
	"github.com/longrunning-go/longrunning/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type database struct{ *memstore.Store }

func (d database) Open(testing.TB) store.Store { return d.Store }
func (d database) Advance(by time.Duration)    { time.Sleep(by) }

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{
		New:    func(testing.TB) storetest.Database { return database{memstore.New()} },
		Bubble: true,
	})
}

// BenchmarkGet reads one of 100,000 records, alone and beside a writer.
func BenchmarkGet(b *testing.B) {
	st := memstore.New()
	const records = 100_000
	names := make([]string, records)
	for i := range records {
		names[i] = fmt.Sprintf("operations/%d", i)
		rec := &store.Record{Name: names[i], ID: strconv.Itoa(i), State: store.Pending}
		if _, err := st.Create(b.Context(), rec); err != nil {
			b.Fatal(err)
		}
	}
	get := func(b *testing.B) {
		b.Helper()
		i := 0
		for b.Loop() {
			i = (i + 7919) % records
			if recs, err := st.Get(b.Context(), names[i]); err != nil || len(recs) != 1 {
				b.Fatal(recs, err)
			}
		}
	}
	b.Run("alone", get)
	b.Run("beside a writer", func(b *testing.B) {
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for i := 0; ; i = (i + 1) % records {
				select {
				case <-stop:
					return
				default:
				}
				recs, err := st.Get(b.Context(), names[i])
				if err != nil {
					return
				}
				if _, err := st.Update(b.Context(), recs[0]); err != nil {
					return
				}
			}
		}()
		get(b)
		close(stop)
		<-stopped
	})
}

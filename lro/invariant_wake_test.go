package lro_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func testWaitMissesNothing(t *testing.T) {
	t.Helper()
	t.Run("a change between reading and sleeping", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			st := newFlaky()
			p := setup(t, st, nil, nil, nil)
			op, err := p.Create(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			var once sync.Once
			st.set(func(f *flaky) {
				f.get = func(ctx context.Context, names ...string) ([]*store.Record, error) {
					recs, err := st.Store.Get(ctx, names...)
					once.Do(func() { // the read has seen it unfinished
						st.set(func(f *flaky) { f.get = nil })
						if err := p.Complete(ctx, op.GetName(), &testpb.PrintResponse{}); err != nil {
							t.Error(err)
						}
					})
					return recs, err
				}
			})
			began := time.Now()
			p.end(op.GetName())
			if late := time.Since(began); late != 0 {
				t.Errorf("the waiter was woken %v late; want at once", late)
			}
		})
	})
	t.Run("hints from another process", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := memstore.New()
			p, other := setup(t, shared, nil, nil, nil), setup(t, shared, nil, nil, nil)
			const waiters = 100
			var wg sync.WaitGroup
			began := time.Now()
			for i := range waiters {
				op, err := p.Create(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				wg.Go(func() {
					p.end(op.GetName())
					if late := time.Since(began) - time.Duration(i)*time.Millisecond; late != 0 {
						t.Errorf("waiter %d was woken %v late; want at once", i, late)
					}
				})
				wg.Go(func() {
					time.Sleep(time.Duration(i) * time.Millisecond)
					if err := other.Complete(t.Context(), op.GetName(), &testpb.PrintResponse{}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	})
	t.Run("hints that are lost", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			st := newFlaky()
			st.mute = true
			p, other := setup(t, st, nil, nil, nil), setup(t, st.Store, nil, nil, nil)
			op, err := p.Create(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan time.Time, 1)
			go func() {
				p.end(op.GetName())
				done <- time.Now()
			}()
			synctest.Wait()
			ended := time.Now()
			if err := other.Complete(t.Context(), op.GetName(), &testpb.PrintResponse{}); err != nil {
				t.Fatal(err)
			}
			if late := (<-done).Sub(ended); late > 5*time.Second {
				t.Errorf("without hints the waiter was woken after %v; want within a few safety re-reads", late)
			}
		})
	})
	t.Run("many waiters of one operation cost one read", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			st := newFlaky()
			p, other := setup(t, st, nil, nil, nil), setup(t, st.Store, nil, nil, nil)
			op, err := p.Create(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() { p.end(op.GetName()) })
			}
			synctest.Wait()
			var mu sync.Mutex
			reads := 0
			st.set(func(f *flaky) {
				f.get = func(ctx context.Context, names ...string) ([]*store.Record, error) {
					mu.Lock()
					reads++
					mu.Unlock()
					return st.Store.Get(ctx, names...)
				}
			})
			if err := other.Complete(t.Context(), op.GetName(), &testpb.PrintResponse{}); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			mu.Lock()
			defer mu.Unlock()
			if reads > 2 {
				t.Errorf("waking 1000 waiters took %d reads; want one per operation", reads)
			}
		})
	})
}

func testListUnderChurn(t *testing.T) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		client := longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, nil))
		const stable = 200
		want := make(map[string]int)
		var passing []string
		start := func(i int) string { return p.start(strconv.Itoa(i), &lro.StartOptions{Parent: "projects/p"}) }
		for i := range stable {
			want[start(i)] = 0
			passing = append(passing, start(i))
			time.Sleep(time.Millisecond)
		}
		req := &longrunningpb.ListOperationsRequest{Name: "projects/p"}
		for page := 0; ; page++ {
			req.PageSize = int32(1 + page%17)
			resp, err := client.ListOperations(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, op := range resp.GetOperations() {
				if _, ok := want[op.GetName()]; ok {
					want[op.GetName()]++
				}
			}
			// Newer ones come, and others go, all over the list.
			start(page)
			if len(passing) > 0 {
				i := page * 31 % len(passing)
				if err := p.Delete(t.Context(), passing[i]); err != nil {
					t.Fatal(err)
				}
				passing = append(passing[:i], passing[i+1:]...)
			}
			time.Sleep(5 * time.Second) // and what was deleted expires
			if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
				break
			}
		}
		for name, times := range want {
			if times != 1 {
				t.Errorf("operation %s, there all the time, was listed %d times; want once", name, times)
			}
		}
	})
}

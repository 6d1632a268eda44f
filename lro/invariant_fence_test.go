package lro_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// testWritesAreFenced pauses a process past its lease, lets another adopt the
// operation, and wakes the first one up: nothing of what it then writes counts.
func testWritesAreFenced(t *testing.T) {
	t.Helper()
	writes := map[string]func(ctx context.Context, task *printTask) error{
		"a report": func(ctx context.Context, task *printTask) error {
			task.Report(&testpb.PrintMetadata{Stage: "zombie"})
			return task.Flush(ctx)
		},
		"a checkpoint": func(ctx context.Context, task *printTask) error {
			return task.Save(ctx, &testpb.Checkpoint{Note: "zombie"})
		},
		"a completion": func(ctx context.Context, task *printTask) error {
			return task.Complete(ctx, &testpb.PrintResponse{Text: "zombie"})
		},
		"a result": func(context.Context, *printTask) error { return nil },
	}
	for what, write := range writes {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				shared := memstore.New()
				l := newLink(shared)
				woken := make(chan struct{})
				zombie := setup(t, l, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
					<-woken
					// A paused process has seen nothing of its context's end.
					err := write(context.WithoutCancel(ctx), task)
					if what != "a result" && !errors.Is(err, lro.ErrLeaseLost) && !errors.Is(err, lro.ErrDone) {
						t.Errorf("%s of the zombie answered %v; want ErrLeaseLost or ErrDone", what, err)
					}
					return &testpb.PrintResponse{Text: "zombie"}, nil
				}, nil, nil)
				name := zombie.start("", nil)
				time.Sleep(time.Second)
				l.pause()

				adopted := make(chan int64, 1)
				heir := setup(t, shared, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
					task.Report(&testpb.PrintMetadata{Stage: "heir"})
					if err := task.Save(ctx, &testpb.Checkpoint{Note: "heir"}); err != nil {
						return nil, err
					}
					adopted <- task.Attempt()
					time.Sleep(time.Minute)
					return &testpb.PrintResponse{Text: "heir"}, nil
				}, nil, nil)
				if attempt := <-adopted; attempt != 2 {
					t.Errorf("the operation was adopted as attempt %d; want 2", attempt)
				}
				close(woken)
				l.resume()
				time.Sleep(30 * time.Second)

				rec := stored(t, shared, []string{name})[0]
				for field, b := range map[string][]byte{"metadata": rec.Metadata, "checkpoint": rec.Checkpoint} {
					if !contains(b, "heir") || contains(b, "zombie") {
						t.Errorf("after %s of the zombie the %s is %q; want the heir's", what, field, b)
					}
				}
				if rec.State != store.Running || rec.Epoch != 2 {
					t.Errorf("after %s of the zombie the record is %v in epoch %d; want RUNNING in 2", what, rec.State, rec.Epoch)
				}
				if got := responseOf[*testpb.PrintResponse](t, heir.end(name)); got.GetText() != "heir" {
					t.Errorf("the operation ended with %q; want the heir's result", got.GetText())
				}
			})
		})
	}
}

func contains(b []byte, s string) bool {
	for i := range b {
		if len(b)-i >= len(s) && string(b[i:i+len(s)]) == s {
			return true
		}
	}
	return false
}

// testMetadataOrder lets an attempt report while its process dies, another
// continue where it was, and the first one wake up; every version that is ever
// stored shows at least what the one before showed.
func testMetadataOrder(t *testing.T) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		var mu sync.Mutex
		var seen []*store.Record
		record := func(rec *store.Record, err error) (*store.Record, error) {
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, rec)
			}
			return rec, err
		}
		flakies := make([]*flaky, 2)
		for i := range flakies {
			f := &flaky{Store: shared}
			f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				return record(shared.Update(ctx, rec))
			}
			flakies[i] = f
		}
		const pages = 200
		printer := func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			from := task.Metadata().GetPagesDone()
			if task.Attempt() > 1 && from == 0 {
				t.Error("attempt 2 finds no metadata of attempt 1")
			}
			for page := from + 1; page <= pages; page++ {
				time.Sleep(300 * time.Millisecond)
				task.Report(&testpb.PrintMetadata{PagesDone: page})
				if page%7 == 0 {
					_ = task.Flush(ctx) // fails in the attempt that is overtaken
				}
			}
			return &testpb.PrintResponse{Pages: pages}, nil
		}
		first := setup(t, flakies[0], printer, nil, nil)
		second := setup(t, flakies[1], printer, nil, nil)
		time.Sleep(time.Minute)
		name := first.start("", nil)
		time.Sleep(20 * time.Second)
		flakies[0].set(func(f *flaky) { // alive enough to write, too late to be alive
			f.heartbeat = func(context.Context, string, time.Duration) ([]string, error) { return nil, errStore }
		})
		responseOf[*testpb.PrintResponse](t, second.end(name))
		time.Sleep(time.Minute)

		mu.Lock()
		defer mu.Unlock()
		var epoch, page int64
		for _, rec := range seen {
			meta := new(testpb.PrintMetadata)
			if rec.Metadata != nil {
				unmarshalAny(t, rec.Metadata, meta)
			}
			if rec.Epoch < epoch || meta.GetPagesDone() < page {
				t.Errorf("version %d shows page %d of epoch %d after page %d of epoch %d", rec.Version, meta.GetPagesDone(), rec.Epoch, page, epoch)
			}
			epoch, page = rec.Epoch, meta.GetPagesDone()
		}
		if epoch != 2 || page != pages {
			t.Errorf("the last version shows page %d of epoch %d; want %d of 2", page, epoch, pages)
		}
	})
}

func testRequestID(t *testing.T) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		const fleet, each = 3, 20
		var wg sync.WaitGroup
		var mu sync.Mutex
		names := make(map[string]int)
		var processes []*process
		for range fleet {
			processes = append(processes, setup(t, shared, echo, nil, nil))
		}
		options := &lro.StartOptions{Parent: "projects/p", RequestID: "one"}
		for _, p := range processes {
			for range each {
				wg.Go(func() {
					name := p.start("same", options)
					mu.Lock()
					defer mu.Unlock()
					names[name]++
				})
			}
		}
		wg.Wait()
		if len(names) != 1 {
			t.Errorf("%d starts with one request id made %d operations; want 1", fleet*each, len(names))
		}
		p := processes[0]
		_, err := p.print.Start(t.Context(), &testpb.PrintRequest{Text: "other"}, options)
		wantStatus(t, "Start of another request with the id", err, codes.InvalidArgument, "REQUEST_ID_REUSED")

		for name := range names {
			if err := p.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			if again := p.start("same", options); again != name {
				t.Errorf("after Delete the request id answered %s; want %s for as long as the record lives", again, name)
			}
			time.Sleep(2 * time.Minute)
			if again := p.start("same", options); again == name {
				t.Errorf("after the record expired the request id still answered %s; want a new operation", again)
			}
		}

		refuse := func(context.Context, lro.Access) error { return lro.ErrNotFound }
		_, err = p.print.Start(t.Context(), &testpb.PrintRequest{Text: "same"},
			&lro.StartOptions{Parent: "projects/p", RequestID: "one", Authorize: refuse})
		if !errors.Is(err, lro.ErrNotFound) {
			t.Errorf("Start by one who may not Get the earlier operation answered %v; want the Authorizer's refusal", err)
		}
	})
}

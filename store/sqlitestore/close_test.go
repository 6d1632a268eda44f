package sqlitestore_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// pending checks that a call has not returned.
func pending[T any](t *testing.T, what string, done <-chan T) {
	t.Helper()
	time.Sleep(time.Second)
	synctest.Wait()
	select {
	case got := <-done:
		t.Fatalf("%s: it returned (%v), want it to wait", what, got)
	default:
	}
}

// closeInBackground calls Close in another goroutine.
func closeInBackground(st interface{ Close() error }) <-chan error {
	done := make(chan error, 1)
	go func() { done <- st.Close() }()
	return done
}

// Close waits for the writes that wait, and for nothing else.
func TestCloseWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, nil)
		release := hold(t, path)
		defer release()
		first, second := external(), external()
		done := []<-chan result{create(t.Context(), st, first), create(t.Context(), st, second)}
		told := make(chan error, 1)
		go func() { told <- st.Notify(t.Context(), func(store.Hint) {}) }()
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- st.Close() }()
		time.Sleep(time.Second)
		synctest.Wait()
		select {
		case err := <-closed:
			t.Fatalf("Close with writes under way returned (%v), want it to wait", err)
		case err := <-told:
			refused(t, "Notify of a Store that is closed", err, "is closed")
		default:
			t.Error("Close did not end Notify")
		}
		release()
		for _, d := range done {
			if got := <-d; got.err != nil {
				t.Errorf("Create that Close waited for: got error %v, want none", got.err)
			}
		}
		if err := <-closed; err != nil {
			t.Errorf("Close: got error %v, want none", err)
		}
		other := open(t, path, nil)
		if !exists(t, other, first.Name) || !exists(t, other, second.Name) {
			t.Error("what was acknowledged during Close is not there")
		}
	})
}

func TestCallsAfterClose(t *testing.T) {
	t.Parallel()
	st, _ := setup(t, nil)
	rec, err := st.Create(t.Context(), external())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := st.Close(); err != nil {
			t.Errorf("Close: got error %v, want none", err)
		}
	}
	for what, call := range map[string]func(ctx context.Context) error{
		"Create": func(ctx context.Context) error { _, err := st.Create(ctx, external()); return err },
		"Get":    func(ctx context.Context) error { _, err := st.Get(ctx, rec.Name); return err },
		"Get no": func(ctx context.Context) error { _, err := st.Get(ctx); return err },
		"Update": func(ctx context.Context) error { _, err := st.Update(ctx, rec); return err },
		"List":   func(ctx context.Context) error { _, err := st.List(ctx, &store.Query{Limit: 1}); return err },
		"Claim": func(ctx context.Context) error {
			_, err := st.Claim(ctx, &store.Claim{Owner: "o", Limit: 1})
			return err
		},
		"Heartbeat": func(ctx context.Context) error { _, err := st.Heartbeat(ctx, "o", time.Hour); return err },
		"Expire":    func(ctx context.Context) error { _, err := st.Expire(ctx, 1); return err },
		"Secret":    func(ctx context.Context) error { _, err := st.Secret(ctx); return err },
		"Notify":    func(ctx context.Context) error { return st.Notify(ctx, func(store.Hint) {}) },
	} {
		refused(t, what+" after Close", call(t.Context()), "is closed")
	}
}

// Close waits for writes whose callers have gone.
func TestCloseAfterAnAbandonedWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, path := setup(t, nil)
		release := hold(t, path)
		defer release()
		ctx, cancel := context.WithCancel(t.Context())
		rec := external()
		done := create(ctx, st, rec)
		synctest.Wait()
		cancel()
		<-done
		closed := closeInBackground(st)
		pending(t, "Close while a write waits", closed)
		release()
		if err := <-closed; err != nil {
			t.Errorf("Close: got error %v, want none", err)
		}
		if !exists(t, open(t, path, nil), rec.Name) {
			t.Error("the write that Close waited for is not there")
		}
	})
}

// Close waits for calls that write nothing.
func TestCloseDuringANotify(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, _ := setup(t, nil)
		block, told := make(chan struct{}), make(chan error, 1)
		go func() { told <- st.Notify(t.Context(), func(store.Hint) { <-block }) }()
		synctest.Wait()
		closed := closeInBackground(st)
		pending(t, "Close while a hint is given", closed)
		close(block)
		refused(t, "Notify of a Store that is closed", <-told, "is closed")
		if err := <-closed; err != nil {
			t.Errorf("Close: got error %v, want none", err)
		}
	})
}

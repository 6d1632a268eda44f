package lro_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// callLimit is how long one store call may take.
const callLimit = 30 * time.Second

// getThrough lets a Get reach a store that does what get does, and answers how long
// get has taken and what it answered at last.
func getThrough(ctx context.Context, t *testing.T, get func(context.Context) error) (took time.Duration, err error) {
	t.Helper()
	f := newFlaky()
	f.get = func(ctx context.Context, _ ...string) ([]*store.Record, error) {
		began := time.Now()
		err = get(ctx)
		took = time.Since(began)
		return nil, err
	}
	_, _ = setupIdle(t, f, nil, nil, nil).Get(ctx, "operations/x")
	return took, err
}

// A store call that hangs is over after 30 s, however the store listens to its
// context.
func TestCallLimit(t *testing.T) {
	t.Parallel()
	for listens, hang := range map[string]func(context.Context){
		"Done": func(ctx context.Context) { <-ctx.Done() },
		"Err": func(ctx context.Context) {
			for ctx.Err() == nil {
				time.Sleep(time.Second)
			}
		},
		"Deadline": func(ctx context.Context) {
			deadline, _ := ctx.Deadline()
			time.Sleep(time.Until(deadline))
		},
		"Done of a context made of it": func(ctx context.Context) {
			inner, stop := context.WithCancel(ctx)
			defer stop()
			<-inner.Done()
		},
	} {
		t.Run(listens, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				took, err := getThrough(t.Context(), t, func(ctx context.Context) error { hang(ctx); return ctx.Err() })
				if took != callLimit || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a Get that hangs: got %v after %v, want %v after %v", err, took, context.DeadlineExceeded, callLimit)
				}
			})
		})
	}
}

// A caller that gives up or has less time is heard too, with its cause and values.
func TestCallLimitOfCaller(t *testing.T) {
	t.Parallel()
	type key struct{}
	gone := errors.New("gone")
	for listens, hang := range map[string]func(context.Context){
		"Done": func(ctx context.Context) { <-ctx.Done() },
		"Err":  func(context.Context) { time.Sleep(2 * time.Second) },
		"Deadline": func(ctx context.Context) {
			deadline, _ := ctx.Deadline()
			time.Sleep(time.Until(deadline))
		},
	} {
		t.Run(listens, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
				time.AfterFunc(time.Second, func() { cancel(gone) })
				var value any
				_, err := getThrough(ctx, t, func(ctx context.Context) error {
					hang(ctx)
					value = ctx.Value(key{})
					return errors.Join(ctx.Err(), context.Cause(ctx))
				})
				if !errors.Is(err, context.Canceled) || !errors.Is(err, gone) || value != "value" {
					t.Errorf("the caller has gone: got %v and its value %v, want %v, %v and value", err, value, context.Canceled, gone)
				}
				ctx, stop := context.WithTimeout(t.Context(), time.Second)
				defer stop()
				took, err := getThrough(ctx, t, func(ctx context.Context) error { hang(ctx); return ctx.Err() })
				if took > 2*time.Second || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the caller has a second: got %v after %v, want %v after that", err, took, context.DeadlineExceeded)
				}
			})
		})
	}
}

// Whatever a store begins with the context of a call ends with the call.
func TestCallLimitEnds(t *testing.T) {
	t.Parallel()
	for listens, listen := range map[string]func(context.Context){
		"before": func(ctx context.Context) { _ = ctx.Done() },
		"after":  func(context.Context) {},
	} {
		t.Run(listens, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var kept context.Context
				_, _ = getThrough(t.Context(), t, func(ctx context.Context) error {
					kept = ctx
					listen(ctx)
					return store.ErrNotFound
				})
				if err := kept.Err(); !errors.Is(err, context.Canceled) {
					t.Errorf("the call has ended: got Err %v, want %v", err, context.Canceled)
				}
				began := time.Now()
				<-kept.Done()
				if took := time.Since(began); took != 0 {
					t.Errorf("the call has ended: its context took another %v, want 0", took)
				}
			})
		})
	}
}

// The first error of a context is its error for good.
func TestCallLimitStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, gone := context.WithCancel(t.Context())
		var kept context.Context
		_, _ = getThrough(ctx, t, func(ctx context.Context) error {
			kept = ctx
			time.Sleep(callLimit)
			return ctx.Err()
		})
		for _, then := range []func(){func() {}, gone, func() { <-kept.Done() }} {
			then()
			if err := kept.Err(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the time of the call is over: got Err %v, want %v for good", err, context.DeadlineExceeded)
			}
		}
	})
}

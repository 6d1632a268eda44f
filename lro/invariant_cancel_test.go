package lro_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func testCancel(t *testing.T) {
	t.Helper()
	t.Run("reaches the handler in another process, with its cause", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := memstore.New()
			causes := make(chan error, 1)
			runner := setup(t, shared, func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				<-ctx.Done()
				causes <- context.Cause(ctx)
				return nil, ctx.Err()
			}, nil, nil)
			other := setup(t, shared, nil, nil, nil)
			name := runner.start("", nil)
			synctest.Wait()
			for range 3 {
				if err := other.Cancel(t.Context(), name); err != nil {
					t.Errorf("Cancel answered %v; want nil, however often", err)
				}
			}
			wantError(t, other.end(name), codes.Canceled, "OPERATION_CANCELLED")
			if cause := <-causes; !errors.Is(cause, lro.ErrCancelled) {
				t.Errorf("the handler's context ended with cause %v; want ErrCancelled", cause)
			}
			if err := other.Cancel(t.Context(), name); err != nil {
				t.Errorf("Cancel of a done operation answered %v; want nil", err)
			}
		})
	})
	t.Run("reaches the handler with the heartbeat where hints are lost", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			st := newFlaky()
			st.mute = true
			runner := setup(t, st, untilCancelled, nil, nil)
			other := setup(t, st.Store, nil, nil, nil)
			name := runner.start("", nil)
			if err := other.Cancel(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			wantError(t, other.end(name), codes.Canceled, "OPERATION_CANCELLED")
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("the cancel took %v to reach the handler; want about one heartbeat", took)
			}
		})
	})
	t.Run("ends pending and external operations at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var bind *lro.Method[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata]
			p := setup(t, memstore.New(), func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				return nil, lro.ErrExternal
			}, nil, nil, func(m *lro.Manager) {
				bind = lro.Declare[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata](m, nil)
			})
			pending, err := bind.Start(t.Context(), &testpb.BindRequest{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			external := p.start("", nil)
			synctest.Wait()
			for _, name := range []string{pending.GetName(), external} {
				if err := p.Cancel(t.Context(), name); err != nil {
					t.Fatal(err)
				}
				op, err := p.Get(t.Context(), name)
				if err != nil {
					t.Fatal(err)
				}
				wantError(t, op, codes.Canceled, "OPERATION_CANCELLED")
			}
		})
	})
	t.Run("a cancelled operation is never pending or external again", func(t *testing.T) {
		for what, answer := range map[string]error{
			"Retry":       lro.Retry(errors.New("again"), time.Second),
			"ErrExternal": lro.ErrExternal,
		} {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := setup(t, memstore.New(), func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
						<-ctx.Done()
						return nil, answer
					}, nil, nil)
					name := p.start("", nil)
					if err := p.Cancel(t.Context(), name); err != nil {
						t.Fatal(err)
					}
					wantError(t, p.end(name), codes.Canceled, "OPERATION_CANCELLED")
				})
			})
		}
	})
	t.Run("an adopter ends it without running it, whatever its method", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := memstore.New()
			l := newLink(shared)
			first := setup(t, l, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				time.Sleep(time.Hour)
				return &testpb.PrintResponse{}, nil
			}, nil, nil)
			stranger := setup(t, shared, nil, &lro.Options{Capacity: -1}, nil)
			name := first.start("", nil)
			l.kill()
			if err := stranger.Cancel(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			wantError(t, stranger.end(name), codes.Canceled, "OPERATION_CANCELLED")
			if took := time.Since(began); took > time.Minute {
				t.Errorf("it ended after %v; want about one lease", took)
			}
			time.Sleep(time.Hour) // the deaf handler ends
		})
	})
	t.Run("a handler that completes anyway wins", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := setup(t, memstore.New(), func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				<-ctx.Done()
				time.Sleep(30 * time.Second) // within the grace
				return &testpb.PrintResponse{Text: "anyway"}, nil
			}, nil, nil)
			name := p.start("", nil)
			if err := p.Cancel(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			if got := responseOf[*testpb.PrintResponse](t, p.end(name)); got.GetText() != "anyway" {
				t.Errorf("it ended with %q; want the handler's result", got.GetText())
			}
		})
	})
	t.Run("a handler that ignores it is fenced after the grace", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := setup(t, memstore.New(), func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				time.Sleep(time.Hour)
				return &testpb.PrintResponse{Text: "too late"}, nil
			}, nil, &lro.MethodOptions{CancelGrace: 5 * time.Minute})
			name := p.start("", nil)
			if err := p.Cancel(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			wantError(t, p.end(name), codes.Canceled, "OPERATION_CANCELLED")
			if took := time.Since(began); took != 5*time.Minute {
				t.Errorf("it ended after %v; want CancelGrace, 5m", took)
			}
			time.Sleep(2 * time.Hour)
			wantError(t, p.end(name), codes.Canceled, "OPERATION_CANCELLED")
		})
	})
}

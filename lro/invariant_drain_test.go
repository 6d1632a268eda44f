package lro_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func testDrain(t *testing.T) {
	t.Helper()
	t.Run("waits are answered with the latest state", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := setup(t, memstore.New(), func(_ context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				task.Report(&testpb.PrintMetadata{Stage: "drying"})
				time.Sleep(10 * time.Second)
				return &testpb.PrintResponse{}, nil
			}, nil, nil)
			name := p.start("", nil)
			waited := make(chan *longrunningpb.Operation, 1)
			go func() {
				op, err := p.Wait(t.Context(), name)
				if err != nil {
					t.Errorf("Wait during a drain answered %v; want the latest state", err)
				}
				waited <- op
			}()
			time.Sleep(5 * time.Second)
			began := time.Now()
			go func() { _ = p.stop() }()
			op := <-waited
			if took := time.Since(began); took != 0 || op.GetDone() {
				t.Errorf("the wait was answered %v after the drain began, done %v; want at once and not done", took, op.GetDone())
			}
			meta := new(testpb.PrintMetadata)
			if err := op.GetMetadata().UnmarshalTo(meta); err != nil || meta.GetStage() != "drying" {
				t.Errorf("the wait was answered with metadata %v, %v; want the latest", meta, err)
			}
		})
	})
	t.Run("handlers may finish", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := setup(t, memstore.New(), func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				time.Sleep(15 * time.Second)
				return &testpb.PrintResponse{}, ctx.Err()
			}, nil, nil)
			name := p.start("", nil)
			began := time.Now()
			if err := p.stop(); err != nil {
				t.Errorf("Run answered %v; want nil", err)
			}
			if took := time.Since(began); took != 15*time.Second {
				t.Errorf("the drain took %v; want as long as the handler, 15s", took)
			}
			op, err := p.Get(t.Context(), name)
			if err != nil || op.GetResponse() == nil {
				t.Errorf("after the drain the operation is %v, %v; want it done", op, err)
			}
			later := p.start("after the drain", nil)
			if op, err := p.Wait(t.Context(), later); err != nil || op.GetDone() {
				t.Errorf("after the drain Wait answered %v, %v; want the pending state at once", op, err)
			}
		})
	})
	t.Run("the rest is handed back and runs elsewhere at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := memstore.New()
			causes := make(chan error, 1)
			first := setup(t, shared, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				task.Report(&testpb.PrintMetadata{PagesDone: 7})
				<-ctx.Done()
				causes <- context.Cause(ctx)
				return nil, errors.New("interrupted")
			}, nil, nil)
			name := first.start("", nil)
			var attempt, pages atomic.Int64
			second := setup(t, shared, func(_ context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				attempt.Store(task.Attempt())
				pages.Store(task.Metadata().GetPagesDone())
				return &testpb.PrintResponse{}, nil
			}, nil, &lro.MethodOptions{MaxAttempts: 1})
			began := time.Now()
			if err := first.stop(); err != nil {
				t.Errorf("Run answered %v; want nil", err)
			}
			responseOf[*testpb.PrintResponse](t, second.end(name))
			if took := time.Since(began); took != 20*time.Second {
				t.Errorf("it ended %v after the drain began; want DrainTimeout, 20s, and not a moment more", took)
			}
			if cause := <-causes; !errors.Is(cause, lro.ErrShutdown) {
				t.Errorf("the handler's context ended with cause %v; want ErrShutdown", cause)
			}
			if attempt.Load() != 2 || pages.Load() != 7 {
				t.Errorf("it ran as attempt %d from page %d; want 2 from page 7", attempt.Load(), pages.Load())
			}
		})
	})
	t.Run("a result still wins", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := setup(t, memstore.New(), func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				<-ctx.Done()
				return &testpb.PrintResponse{Text: "just so"}, nil
			}, nil, nil)
			name := p.start("", nil)
			_ = p.stop()
			op, err := p.Get(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if got := responseOf[*testpb.PrintResponse](t, op); got.GetText() != "just so" {
				t.Errorf("the operation ended with %v; want the handler's result", got)
			}
		})
	})
	t.Run("deaf handlers are named, and their operations run elsewhere", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := memstore.New()
			deaf := make(chan struct{})
			first := setup(t, shared, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				<-deaf
				return &testpb.PrintResponse{Text: "deaf"}, nil
			}, nil, nil)
			name := first.start("", nil)
			second := setup(t, shared, echo, nil, nil)
			err := first.stop()
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("Run answered %v; want an error that names %s", err, name)
			}
			synctest.Wait()
			op, err := second.Get(t.Context(), name)
			if err != nil || op.GetResponse() == nil {
				t.Errorf("after Run the operation is %v, %v; want it run elsewhere", op, err)
			}
			close(deaf)
		})
	})
	t.Run("a second Run is an error", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := setup(t, memstore.New(), echo, nil, nil)
			if err := p.Run(t.Context()); err == nil {
				t.Error("a second Run beside the first answered nil; want an error")
			}
			_ = p.stop()
			if err := p.Run(t.Context()); err == nil {
				t.Error("a Run after the drain answered nil; want an error")
			}
		})
	})
}

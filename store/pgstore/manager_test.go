package pgstore_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

type (
	printTask   = lro.Task[*testpb.PrintMetadata]
	printFunc   = func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error)
	printMethod = lro.Method[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata]
)

// manage runs a Manager on a store of its own until the test ends.
func manage(t *testing.T, d *database, capacity int, fn printFunc) (*lro.Manager, *printMethod) {
	t.Helper()
	m, err := lro.New(d.open(t), &lro.Options{Capacity: capacity, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	method := lro.Handle(m, fn, nil)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return m, method
}

// An application's rows and its operations: both or neither, at both ends.
func TestApplication(t *testing.T) {
	t.Parallel()
	d := setup(t)
	pool := d.pool(t)
	script(t, pool, `CREATE TABLE public.printed (name text PRIMARY KEY, attempt bigint)`)
	errCrash := lro.Retry(errors.New("the first attempt ends before its commit"), time.Millisecond)
	_, _ = manage(t, d, 10, func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		return nil, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO public.printed VALUES ($1, $2)`, task.Name(), task.Attempt())
			if err != nil {
				return err
			}
			err = task.Complete(pgstore.WithTx(ctx, tx), &testpb.PrintResponse{Text: req.GetText()})
			if err == nil && task.Attempt() == 1 {
				err = errCrash
			}
			return err
		})
	})
	front, start := manage(t, d, -1, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		return nil, errors.New("this one runs no handlers")
	})

	startIn := func(pool *pgxpool.Pool, commit bool) string {
		ctx, tx := transact(t, pool, pgx.Serializable)
		op, err := start.Start(ctx, &testpb.PrintRequest{Text: "hello"}, nil)
		must(t, err)
		if _, err := front.Get(t.Context(), op.GetName()); !errors.Is(err, lro.ErrNotFound) {
			t.Errorf("before the commit Get answers %v, want ErrNotFound", err)
		}
		if commit {
			must(t, tx.Commit(t.Context()))
		} else {
			must(t, tx.Rollback(t.Context()))
		}
		return op.GetName()
	}
	if _, err := front.Get(t.Context(), startIn(pool, false)); !errors.Is(err, lro.ErrNotFound) {
		t.Errorf("after a rollback Get answers %v, want ErrNotFound", err)
	}
	name := startIn(pool, true)
	op, err := front.Wait(t.Context(), name)
	if err != nil || op.GetResponse() == nil {
		t.Fatalf("the operation ended as %v, %v; want a response", op, err)
	}
	var rows, attempt int
	must(t, pool.QueryRow(t.Context(), `SELECT count(*), max(attempt) FROM public.printed WHERE name = $1`, name).Scan(&rows, &attempt))
	if rows != 1 || attempt != 2 {
		t.Errorf("the handler left %d rows, the last of attempt %d; want one, of attempt 2", rows, attempt)
	}

	ctx, _ := transact(t, setup(t).pool(t), pgx.ReadCommitted)
	if _, err := start.Start(ctx, &testpb.PrintRequest{}, nil); status.Code(err) != codes.InvalidArgument {
		t.Errorf("Start in a transaction of another database: got %v, want INVALID_ARGUMENT", err)
	}
}

// What package lro makes of a transaction that must be begun anew.
func TestAborted(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st, pool := d.open(t), d.pool(t)
	m, err := lro.New(st, &lro.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	op, err := m.Create(t.Context(), nil)
	must(t, err)
	ctx, tx := transact(t, pool, pgx.Serializable)
	read(ctx, t, st, op.GetName())
	must(t, m.Report(t.Context(), op.GetName(), &testpb.PrintMetadata{}))
	if err := m.Complete(ctx, op.GetName(), &testpb.PrintResponse{}); status.Code(err) != codes.Aborted {
		t.Errorf("Complete in a transaction whose snapshot is older: got %v, want ABORTED", err)
	}
	usable(t, tx)
}

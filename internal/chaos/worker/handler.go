//go:build linux

package worker

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

type (
	task   = lro.Task[*testpb.PrintMetadata]
	method = lro.Method[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata]
)

// register gives the Manager every method: those of the Config with a handler,
// the others to start only.
func (w *worker) register(m *lro.Manager) {
	w.methods = make(map[string]*method)
	for _, name := range Methods() {
		opts := &lro.MethodOptions{
			Name: name, AnyResponse: true, CancelGrace: time.Second,
			// Whoever is killed all the time needs many attempts.
			MaxAttempts: 1000,
		}
		switch name {
		case Poison:
			opts.MaxAttempts = PoisonAttempts
		case Nobody:
			opts.Timeout = 3 * time.Second
		}
		if w.runs(name) {
			w.methods[name] = lro.Handle(m, w.handle, opts)
		} else {
			w.methods[name] = lro.Declare[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](m, opts)
		}
	}
}

// handle does what the request's Script says. All it writes bears the stamp of
// its attempt.
func (w *worker) handle(ctx context.Context, t *task, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
	w.out.began(t.Name(), t.Attempt())
	defer w.out.returned(t.Name(), t.Attempt())
	var script Script
	if err := json.Unmarshal([]byte(req.GetText()), &script); err != nil {
		return nil, err
	}
	if script.Deaf {
		ctx = context.WithoutCancel(ctx)
	}
	e := &execution{w: w, task: t, script: script, tx: req.GetParent() != ""}
	if err := e.steps(ctx); err != nil {
		return nil, err
	}
	return e.end(ctx)
}

// An execution is one attempt at a Script.
type execution struct {
	w      *worker
	task   *task
	script Script
	tx     bool // it ends with a row of the application
	seq    int64
}

func (e *execution) stamp() oracle.Stamp {
	e.seq++
	return oracle.Stamp{Epoch: e.task.Attempt(), Seq: e.seq, By: e.w.config.Name}
}

// steps goes on where the last checkpoint stands.
func (e *execution) steps(ctx context.Context) error {
	saved := new(testpb.Checkpoint)
	if _, err := e.task.Load(saved); err != nil {
		return err
	}
	for e.seq = saved.GetOffset(); e.seq < int64(e.script.Steps); {
		timer := time.NewTimer(e.script.Pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		stamp := e.stamp()
		if e.script.Mute {
			continue
		}
		e.task.Report(stamp.Metadata())
		if stamp.Seq%2 == 0 {
			if err := e.task.Save(ctx, stamp.Checkpoint()); err != nil {
				return err
			}
			e.w.out.tell(Event{Kind: Saved, Name: e.task.Name(), Text: stamp.String()})
		}
	}
	return nil
}

func (e *execution) end(ctx context.Context) (*testpb.PrintResponse, error) {
	stamp := e.stamp()
	switch {
	case e.tx:
		return stamp.Response(), e.ship(ctx, stamp)
	case e.script.End == EndsError:
		return nil, stamp.Err()
	case e.script.End == EndsRetry && e.task.Attempt() < 3:
		return nil, lro.Retry(stamp.Err(), 100*time.Millisecond)
	case e.script.End == EndsExternal:
		return nil, lro.ErrExternal
	case e.script.End == EndsComplete:
		return nil, e.task.Complete(ctx, stamp.Response())
	case e.script.End == EndsPanic:
		panic(stamp.String())
	case e.script.End == EndsPoison:
		e.w.out.strike(EndsPoison)
	}
	return stamp.Response(), nil
}

// ship ends the operation in one transaction with a row of the application.
func (e *execution) ship(ctx context.Context, stamp oracle.Stamp) error {
	err := pgx.BeginFunc(ctx, e.w.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO chaos.shipments (operation, stamp) VALUES ($1, $2)`, e.task.Name(), stamp.String()); err != nil {
			return err
		}
		return e.task.Complete(pgstore.WithTx(ctx, tx), stamp.Response())
	})
	if err == nil || errors.Is(err, lro.ErrDone) || errors.Is(err, lro.ErrLeaseLost) || ctx.Err() != nil {
		return err
	}
	// Whether it was committed is unknown: if it was, nothing more is run, and
	// what this returns is ignored.
	return lro.Retry(err, 100*time.Millisecond)
}

package lives

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// snapshotArgs are 400 bytes of JSON.
type snapshotArgs struct {
	Volume string `json:"volume"`
}

// Kind implements [river.JobArgs].
func (snapshotArgs) Kind() string { return "snapshot" }

func newArgs() snapshotArgs { return snapshotArgs{strings.Repeat("v", 387)} }

type snapshotWorker struct {
	river.WorkerDefaults[snapshotArgs]
}

// Work implements [river.Worker].
func (*snapshotWorker) Work(context.Context, *river.Job[snapshotArgs]) error { return nil }

// A queue is River, working in a database of its own.
type queue struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
	ended  <-chan *river.Event // of jobs that are stored as completed
	leave  func()
}

// riverSettings say how River fetches and runs jobs. Where one is 0, and in all
// else, River has its defaults.
type riverSettings struct {
	MaxWorkers                       int
	FetchCooldown, FetchPollInterval time.Duration
}

// newQueue makes River's tables and starts it.
func newQueue(ctx context.Context, url string, set riverSettings) (_ *queue, err error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = conns
	q := &queue{leave: func() {}}
	if q.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			q.pool.Close()
		}
	}()
	driver := riverpgxv5.New(q.pool)
	migrator, err := rivermigrate.New(driver, nil)
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	registered := river.NewWorkers()
	river.AddWorker(registered, &snapshotWorker{})
	q.client, err = river.NewClient(driver, &river.Config{
		FetchCooldown: set.FetchCooldown, FetchPollInterval: set.FetchPollInterval, Workers: registered,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: set.MaxWorkers}},
	})
	if err != nil {
		return nil, err
	}
	q.ended, q.leave = q.client.SubscribeConfig(&river.SubscribeConfig{
		ChanSize: mostEnded, // what does not fit is dropped
		Kinds:    []river.EventKind{river.EventKindJobCompleted},
	})
	return q, q.client.Start(ctx)
}

func (q *queue) close() error {
	q.leave()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	err := q.client.Stop(ctx)
	q.pool.Close()
	return err
}

// insert inserts so many jobs at a time.
func (q *queue) insert(batch int) func(context.Context, int) error {
	if batch == 1 {
		return func(ctx context.Context, _ int) error {
			_, err := q.client.Insert(ctx, newArgs(), nil)
			return err
		}
	}
	return func(ctx context.Context, _ int) error {
		params := make([]river.InsertManyParams, batch)
		for i := range params {
			params[i].Args = newArgs()
		}
		inserted, err := q.client.InsertManyFast(ctx, params)
		if err == nil && inserted != batch {
			err = fmt.Errorf("lives: River must insert %d jobs, and inserted %d", batch, inserted)
		}
		return err
	}
}

// left answers how many jobs are not completed.
func (q *queue) left(ctx context.Context) (n int, err error) {
	err = q.pool.QueryRow(ctx, "SELECT count(*) FROM river_job WHERE state <> 'completed'").Scan(&n)
	return n, err
}

package lives

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
)

// A contest is with River on the same Postgres, from the first start until all are
// stored as done, by 64 callers that do not wait for what they have started.
type contest struct {
	other    string
	bound    measure.Bound
	settings riverSettings // our handlers may be as many as River's workers
	batch    int           // that River inserts at once; we start one by one

	operations, jobs int           // in one turn
	long             time.Duration // of all rounds
}

func contests() []contest {
	defaults := riverSettings{MaxWorkers: callers}
	// Those of the benchmark that comes with River's command.
	best := riverSettings{MaxWorkers: 2_000, FetchCooldown: 2 * time.Millisecond, FetchPollInterval: 20 * time.Millisecond}
	return []contest{
		{"River", measure.AtLeast(3), defaults, 1, 1_000, 640, 22 * time.Second},
		{"River, best settings", measure.AtLeast(3), best, 1, 1_600, 1_600, 22 * time.Second},
		{"River, best settings, by 256", measure.AtLeast(0), best, 256, 1_600, 6_400, 14 * time.Second},
	}
}

func (c contest) measure(ctx context.Context, r *measure.Run, system database.System) (err error) {
	db, err := system.New(ctx)
	if err != nil {
		return err
	}
	ended := make(chan struct{}, mostEnded)
	m, err := newManager(ctx, db.Address(), c.settings.MaxWorkers, ended)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	m.turn.Store(&turn{alone: true})

	if db, err = system.New(ctx); err != nil {
		return err
	}
	q, err := newQueue(ctx, db.Address(), c.settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.close()) }() //nolint:contextcheck // it stops when ctx has ended, too

	operations, jobs := r.Work(c.operations), r.Work(c.jobs)
	insertions := (jobs + tail + c.batch - 1) / c.batch
	r.Compare(ctx, &measure.Comparison{
		What: system.Name() + ", 64 callers, start to done: lro, " + c.other, Unit: "operations", Bound: c.bound, Time: r.Time(c.long),
		Subject: open[struct{}]{operations, operations, operations, m.start, ended, m.left}.contend,
		Base:    open[*river.Event]{jobs, insertions * c.batch, insertions, q.insert(c.batch), q.ended, q.left}.contend,
	})
	return nil
}

package lives

import (
	"context"
	"errors"
	"fmt"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/lives/byhand"
	"github.com/longrunning-go/longrunning/bench/measure"
)

const (
	callers = 64 // where there is one number of them
	conns   = 64 // to Postgres, at most
)

// Measure measures lives by 1, 16, 64 and 256 callers in memory and on the systems.
func Measure(ctx context.Context, r *measure.Run, systems []database.System) {
	if err := inMemory(ctx, r); err != nil {
		r.Fail("memory: lives", measure.Bound{}, err)
	}
	for _, system := range systems {
		if err := onSystem(ctx, r, system); err != nil {
			r.Fail(system.Name()+": lives", measure.Bound{}, err)
		}
	}
	for _, system := range systems {
		if system.Name() != "postgres" {
			continue
		}
		if err := jobs(ctx, r, system); err != nil {
			r.Fail(system.Name()+": lives against River", measure.Bound{}, err)
		}
	}
}

// A size is how much the callers do in one turn: the subject, what it is compared
// with, and how often in a round.
type size struct{ callers, ours, theirs, laps int }

func inMemory(ctx context.Context, r *measure.Run) error {
	for _, s := range []size{{1, 300, 1_000, 12}, {16, 500, 2_000, 12}, {64, 500, 2_000, 12}, {256, 512, 2_048, 12}} {
		// Of its own, so that operations of the last one are no burden.
		m, err := newManager(ctx, database.Memory, 2*s.callers, nil)
		if err != nil {
			return err
		}
		r.Compare(ctx, &measure.Comparison{
			What: what("memory", s.callers, "map and mutex"), Unit: "lives", Bound: measure.AtLeast(0), Laps: r.Work(s.laps),
			Subject: closed(s.callers, s.ours, m.lives),
			Base:    closed(s.callers, s.theirs, livesInMap(byhand.New())),
		})
		if err := m.close(); err != nil {
			return err
		}
	}
	return nil
}

func what(system string, callers int, other string) string {
	return fmt.Sprintf("%s, callers: %d, lives: lro, %s", system, callers, other)
}

func onSystem(ctx context.Context, r *measure.Run, system database.System) (err error) {
	db, err := system.New(ctx)
	if err != nil {
		return err
	}
	m, err := newManager(ctx, db.Address(), 512, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	// Another database, or the Manager would adopt what no owner runs.
	hands, err := system.New(ctx)
	if err != nil {
		return err
	}
	sizes, most := []size{{1, 40, 20, 12}, {16, 160, 40, 6}, {64, 640, 64, 6}, {256, 2_560, 256, 3}}, 1
	if system.Name() == "postgres" {
		sizes, most = []size{{1, 20, 10, 12}, {16, 160, 80, 6}, {64, 640, 200, 6}, {256, 1_536, 512, 3}}, conns
	}
	for _, s := range sizes {
		raw, err := hands.Raw(ctx, min(s.callers, most))
		if err != nil {
			return err
		}
		r.Compare(ctx, &measure.Comparison{
			What: what(system.Name(), s.callers, "statements"), Unit: "lives", Bound: measure.AtLeast(0), Laps: s.laps,
			Subject: closed(s.callers, r.Work(s.ours), m.lives),
			Base:    closed(s.callers, r.Work(s.theirs), livesInRows(raw)),
		})
		if s.callers == callers {
			r.Compare(ctx, &measure.Comparison{
				What: what(system.Name(), s.callers, "statements grouped by 64"), Unit: "lives", Bound: measure.AtLeast(0), Laps: s.laps,
				Subject: closed(s.callers, r.Work(s.ours), m.lives),
				Base:    livesInBatches(raw, r.Work(640), callers),
			})
		}
		if err := raw.Close(); err != nil {
			return err
		}
	}
	return nil
}

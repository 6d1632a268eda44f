package lives

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
)

const (
	callers = 64 // where there is one number of them
	conns   = 64 // to Postgres, at most
)

// Measure measures lives by 1, 16, 64 and 256 callers in memory and on the systems.
func Measure(ctx context.Context, r *measure.Run, systems []database.System) {
	inMemory(ctx, r)
	for _, system := range systems {
		if err := onSystem(ctx, r, system); err != nil {
			r.Fail(system.Name()+": lives", measure.Bound{}, err)
		}
	}
	for _, system := range systems {
		if system.Name() != "postgres" {
			continue // the bound is of Postgres
		}
		for _, c := range contests() {
			if err := c.measure(ctx, r, system); err != nil {
				r.Fail(system.Name()+": lives against "+c.other, c.bound, err)
			}
		}
	}
}

// A size is how much the callers do in one turn: the subject, and what it is compared
// with.
type size struct{ callers, ours, theirs int }

// A pair is both curves of a system.
type pair struct{ ours, theirs []measure.Point }

func (p *pair) add(callers int, l measure.Line) {
	p.ours = append(p.ours, measure.Point{X: float64(callers), Y: l.Subject})
	p.theirs = append(p.theirs, measure.Point{X: float64(callers), Y: l.Base})
}

func (p *pair) draw(r *measure.Run, system, other string) {
	r.Draw(measure.Curve{
		Name: "lives-" + system, Title: "From start to typed response: " + system, X: "callers", Y: "operations a second", Log: true,
		Series: []measure.Series{{Name: "lro", Points: p.ours}, {Name: other, Points: p.theirs}},
	})
}

func inMemory(ctx context.Context, r *measure.Run) {
	const other = "map and mutex"
	var p pair
	for _, s := range []size{{1, 600, 3_000}, {16, 600, 3_000}, {64, 640, 3_200}, {256, 1_024, 4_096}} {
		p.add(s.callers, r.Compare(ctx, &measure.Comparison{
			What: what("memory", s.callers, other), Unit: "lives", Bound: measure.AtLeast(0), Time: r.Time(3 * time.Second),
			Subject: closedAnew(s.callers, r.Work(s.ours)),
			Base:    closed(s.callers, r.Work(s.theirs), livesInMap),
		})[0])
	}
	p.draw(r, "memory", other)
}

// closedAnew is closed with a Manager in memory that is new at each turn, as the map
// is: what they keep would be a burden to the turns that follow.
func closedAnew(callers, n int) measure.Contender {
	return func(ctx context.Context) (_ measure.Sample, err error) {
		m, err := newManager(ctx, database.Memory, 2*callers, nil)
		if err != nil {
			return measure.Sample{}, err
		}
		defer func() { err = errors.Join(err, m.close()) }()
		// When the first is done the Manager is ready for more.
		if _, err := closed(1, 1, m.lives)(ctx); err != nil {
			return measure.Sample{}, err
		}
		return closed(callers, n, m.lives)(ctx)
	}
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
	sizes, most := []size{{1, 6, 6}, {16, 160, 48}, {64, 320, 64}, {256, 1_024, 256}}, 1
	if system.Name() == "postgres" {
		sizes, most = []size{{1, 8, 8}, {16, 160, 128}, {64, 384, 192}, {256, 1_024, 512}}, conns
	}
	const other = "statements"
	var p pair
	for _, s := range sizes {
		raw, err := hands.Raw(ctx, min(s.callers, most))
		if err != nil {
			return err
		}
		p.add(s.callers, r.Compare(ctx, &measure.Comparison{
			What: what(system.Name(), s.callers, other), Unit: "lives", Bound: measure.AtLeast(0), Time: r.Time(4 * time.Second),
			Subject: closed(s.callers, r.Work(s.ours), m.lives),
			Base:    closed(s.callers, r.Work(s.theirs), livesInRows(raw)),
		})[0])
		if s.callers == callers {
			r.Compare(ctx, &measure.Comparison{
				What: what(system.Name(), s.callers, other+" grouped by 64"), Unit: "lives", Bound: measure.AtLeast(0), Time: r.Time(4 * time.Second),
				Subject: closed(s.callers, r.Work(s.ours), m.lives),
				Base:    livesInBatches(raw, r.Work(384), callers),
			})
		}
		if err := raw.Close(); err != nil {
			return err
		}
	}
	p.draw(r, system.Name(), other)
	return nil
}

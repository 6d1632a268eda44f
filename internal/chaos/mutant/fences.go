package mutant

// These weaken what keeps a write from who may not write any more.

const (
	lifecycle    = "lro/lifecycle.go"
	attempt      = "lro/attempt.go"
	sqliteGuards = "store/sqlitestore/migrations/0002_guards.sql"
)

func stateNotEpoch() Mutant {
	return weakened(
		"state-not-epoch",
		edit{
			"a write of an attempt asks whether the operation runs, not whether in this attempt", lifecycle,
			`case rec.Epoch == epoch && rec.State == store.Running:`,
			`case rec.State == store.Running:`,
		},
		edit{
			"an attempt that sees a later one stops", attempt,
			`case rec.Epoch > a.epoch || rec.State != store.Running:`,
			`case rec.State != store.Running:`,
		},
		lostLeaseStops(),
	)
}

func idOnly() Mutant {
	return weakened(
		"id-only",
		edit{
			"a write of an attempt asks for the operation's name alone", lifecycle,
			`case rec.Epoch == epoch && rec.State == store.Running:`,
			// A report to a done record must not make it expire.
			`case rec.Name != "":
			next, err := t(rec)
			if next != nil && next.State == store.Done && next.ExpireIn == 0 {
				next.ExpireIn = defaultRetention
			}
			return next, err
		case rec.State == store.Running:`,
		},
		edit{
			"an attempt does not end what is done", "lro/keeper.go",
			`return end(r, a.retention())`,
			`return func(rec *store.Record) (*store.Record, error) { return ended(rec, r, a.retention()), nil }`,
		},
		edit{
			"an attempt that sees a later one, or the end, stops (a cancel still reaches it)", attempt,
			`case rec.Epoch < a.epoch:`,
			`case rec.Epoch < a.epoch || !rec.CancelRequested:`,
		},
		lostLeaseStops(),
		doneStaysInSQLite(),
	)
}

func completeWithoutNotDone() Mutant {
	return weakened(
		"complete-without-not-done",
		edit{
			"Complete and Fail by name do not ask whether the operation is done; attempts do", lifecycle,
			`if r.equal(rec) {`,
			`if !r.equal(rec) {
				return ended(rec, r, retention), nil
			}
			if r.equal(rec) {`,
		},
		doneStaysInSQLite(),
	)
}

func lostLeaseStops() edit {
	return edit{
		"a Manager that has lost its lease stops its attempts", "lro/heartbeat.go",
		`a.stop(ErrLeaseLost)`,
		`_ = a`,
	}
}

func doneStaysInSQLite() edit {
	return edit{
		"SQLite's trigger on done records (in files that the mutant makes)", sqliteGuards,
		`WHEN OLD.state = 4 AND (`,
		`WHEN 0 AND (`,
	}
}

package mutant

// These weaken how work finds an owner, and keeps or loses one.

const (
	adopt         = "lro/adopt.go"
	sqliteClaim   = "store/sqlitestore/claim.go"
	sqliteQueries = "store/sqlitestore/queries.go"
)

func heartbeatWithoutDeath() Mutant {
	return weakened(
		"heartbeat-without-death",
		edit{
			"a heartbeat revives an owner that was marked dead", sqliteQueries,
			`dead = excluded.dead WHERE dead = 0`,
			`dead = excluded.dead`,
		},
		edit{
			"SQLite's trigger on dead owners (in files that the mutant makes)", sqliteGuards,
			`WHEN NEW.dead < OLD.dead`,
			`WHEN 0`,
		},
		edit{
			"a Claim that finds its owner dead gives up the lease", adopt,
			`r.m.loseLease(l.owner)`,
			`// The next heartbeat revives it.`,
		},
		edit{
			"what is read again, after a hint or from time to time, is told to attempts (waiters still hear it)", "lro/hints.go",
			`r.m.observe(rec)`,
			`r.m.hub.publish(rec)`,
		},
	)
}

func orphansBehindBacklog() Mutant {
	return weakened(
		"orphans-behind-backlog",
		edit{
			"a Claim takes what is due first, and orphans with what that leaves of its limit", sqliteClaim,
			`var free []int64`,
			`due, err := t.due(ctx, c.Methods, c.Limit)
	if err != nil {
		return nil, err
	}
	rest := *c
	rest.Limit -= len(due)
	var free []int64`,
		},
		edit{
			"", sqliteClaim,
			`t.orphans(ctx, c); err`,
			`t.orphans(ctx, &rest); err`,
		},
		edit{
			"", sqliteClaim,
			`due, err := t.due(ctx, c.Methods, c.Limit-len(free))`,
			``,
		},
	)
}

func claimUnknownIsFailure() Mutant {
	return weakened(
		"claim-unknown-is-failure",
		edit{
			"a Claim (and a Create) of unknown outcome is taken for one that failed: " +
				"what it may have claimed is not looked for, now or later, nor in a drain", adopt,
			`a == nil || a.epoch < rec.Epoch {`,
			`a == nil && false {`,
		},
	)
}

func adoptAfterOutage() Mutant {
	return weakened(
		"adopt-after-outage",
		edit{
			"a Manager adopts at any time, also right after an outage of the store", "lro/state.go",
			`return now.Sub(l.renewed) < ttl/2 && l.renewed.Sub(l.steady) >= ttl`,
			`return true`,
		},
		edit{
			"an adopting Claim is given up before its own lease may lapse", adopt,
			`l.renewed.Add(r.m.opts.LeaseTTL * 3 / 5)`,
			`time.Now().Add(callTimeout)`,
		},
	)
}

package mutant

// These pull apart what must be one step. Between its halves a mutant lingers for
// 20 ms, as a busy machine would now and then: the chaos program shall not need
// luck.

const (
	wait         = "lro/wait.go"
	sqliteTables = "store/sqlitestore/migrations/0001_tables.sql"
	sqliteWrites = "store/sqlitestore/writes.go"
)

func subscribeAfterRead() Mutant {
	return weakened(
		"subscribe-after-read",
		edit{
			"a Wait reads first, and subscribes 20 ms later", wait,
			`t := m.hub.subscribe(name)`,
			``,
		},
		edit{
			"", wait,
			`defer m.hub.unsubscribe(t)`,
			``,
		},
		edit{
			"", wait,
			`m.hub.publish(rec)`,
			`pause(ctx, 20*time.Millisecond)
	t := m.hub.subscribe(name)
	defer m.hub.unsubscribe(t)`,
		},
		edit{
			"what is waited for is read again every two seconds", "lro/hints.go",
			`func (r *run) safetyLoop() {`,
			`func (r *run) safetyLoop() {
	return`,
		},
	)
}

func requestIDOutside() Mutant {
	return weakened(
		"request-id-outside",
		edit{
			"a Create looks for its request id, and writes 20 ms later, in a transaction of its own", sqliteWrites,
			`return perform(ctx, s, "Create",`,
			`if rec.RequestID != "" {
		earlier, err := s.read(ctx, "Create", selectByRequest, rec.Parent, rec.Method, rec.RequestID)
		if err != nil {
			return nil, err
		}
		if len(earlier) > 0 {
			return earlier[0], nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return perform(ctx, s, "Create",`,
		},
		edit{
			"SQLite's unique index of request ids (in files that the mutant makes)", sqliteTables,
			`CREATE UNIQUE INDEX operations_request`,
			`CREATE INDEX operations_request`,
		},
	)
}

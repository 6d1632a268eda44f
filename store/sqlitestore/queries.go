package sqlitestore

// Where there is a choice, a query names the index that it must use, so that no
// statistics, or lack of them, ever make it another one; a test reads the plans.

const (
	// columns are those of a record without its request, in the order of scan.
	columns = `name, parent, id, method, request_id, carrier, version, epoch,
		create_time, update_time, end_time, deadline, due_time, expire_time,
		state, owner, released, retried, cancel_requested, deleted,
		metadata, checkpoint, response, error`

	allColumns = columns + `, request`
)

// Reads.
const (
	selectOne  = `SELECT ` + columns + ` FROM operations WHERE name = ?`
	selectMany = `SELECT ` + columns + ` FROM operations WHERE name IN (SELECT value FROM json_each(?))`

	selectSecret = `SELECT secret FROM secrets WHERE id = 1`
)

// Creates.
const (
	insertRecord = `INSERT INTO operations (` + allColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`

	selectByName = `SELECT ` + allColumns + ` FROM operations WHERE name = ?`

	selectByRequest = `SELECT ` + allColumns + ` FROM operations INDEXED BY operations_request
		WHERE parent = ? AND method = ? AND request_id = ? AND request_id <> ''`
)

// Updates. They answer what the caller need not know.
const (
	updateRecord = `UPDATE operations
		SET version = version + 1, update_time = ?, end_time = coalesce(end_time, ?), due_time = ?, expire_time = ?,
			state = ?, owner = ?, released = ?, retried = ?, cancel_requested = ?, deleted = ?,
			metadata = ?, checkpoint = ?, response = ?, error = ?
		WHERE name = ? AND version = ?` + returningFixed

	// updateContent changes nothing that an index or a hint depends on.
	updateContent = `UPDATE operations
		SET version = version + 1, update_time = ?, released = ?, retried = ?, metadata = ?, checkpoint = ?
		WHERE name = ? AND version = ?
			AND state = ? AND owner = ? AND cancel_requested = ? AND deleted = ?` + returningFixed

	returningFixed = ` RETURNING parent, id, method, request_id, carrier, epoch, create_time, end_time, deadline`

	selectVersion = `SELECT version FROM operations WHERE name = ?`
)

// Claims.
const (
	buryOwners = `UPDATE owners INDEXED BY owners_until SET dead = 1, until = ?1 WHERE dead = 0 AND until <= ?1
		AND EXISTS (SELECT 1 FROM owners AS claimer WHERE claimer.id = ?2 AND claimer.dead = 0 AND claimer.until > ?1)`

	selectAlive = `SELECT 1 FROM owners WHERE id = ? AND dead = 0`

	// selectLost jumps from owner to owner, however much each of them runs.
	selectLost = `WITH RECURSIVE running (owner) AS (
			SELECT (SELECT owner FROM operations INDEXED BY operations_owner
				WHERE state = 2 AND owner > '' ORDER BY owner LIMIT 1)
			UNION ALL
			SELECT (SELECT o.owner FROM operations AS o INDEXED BY operations_owner
				WHERE o.state = 2 AND o.owner > running.owner ORDER BY o.owner LIMIT 1)
			FROM running WHERE running.owner IS NOT NULL
		)
		SELECT owner FROM running
		WHERE owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM owners WHERE id = running.owner AND dead = 0)`

	selectOrphans = `SELECT key FROM operations INDEXED BY operations_owner
		WHERE state = 2 AND owner = ? AND (cancel_requested = 1 OR method IN (SELECT value FROM json_each(?)))
		ORDER BY id LIMIT ?`

	selectDue = `SELECT key, due_time FROM operations INDEXED BY operations_due
		WHERE state = 1 AND method = ? AND due_time <= ? ORDER BY due_time LIMIT ?`

	claimRecord = `UPDATE operations
		SET version = version + 1, epoch = epoch + 1, update_time = ?, due_time = NULL, state = 2, owner = ?
		WHERE key = ? RETURNING ` + allColumns
)

// Owners.
const (
	upsertOwner = `INSERT INTO owners (id, until, dead) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET until = excluded.until, dead = excluded.dead WHERE dead = 0`

	selectCancelled = `SELECT name FROM operations INDEXED BY operations_cancelled
		WHERE state = 2 AND cancel_requested = 1 AND owner = ?`
)

// Expiry.
const (
	deleteExpired = `DELETE FROM operations WHERE key IN (
		SELECT key FROM operations INDEXED BY operations_expiry
		WHERE state = 4 AND expire_time <= ? ORDER BY expire_time LIMIT ?)`

	deleteOwners = `DELETE FROM owners INDEXED BY owners_until WHERE dead = 1 AND until <= ?
		AND NOT EXISTS (SELECT 1 FROM operations INDEXED BY operations_owner WHERE state = 2 AND owner = owners.id)`
)

// Hints.
const (
	insertHint  = `INSERT INTO hints (origin, names, due) VALUES (?, ?, ?)`
	deleteHints = `DELETE FROM hints WHERE seq <= ?`
	selectLast  = `SELECT max(seq) FROM hints`

	// selectHints leaves out what the Store that asks has published itself.
	selectHints = `SELECT seq, CASE WHEN origin = ? THEN NULL ELSE names END, due FROM hints
		WHERE seq > ? ORDER BY seq`

	selectChanges = `PRAGMA data_version`
)

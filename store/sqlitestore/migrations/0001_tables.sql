-- Times are microseconds since 1970 in UTC; NULL is the zero time.
-- States above 4 belong to newer libraries: this schema takes them for not done.

CREATE TABLE operations (
	key              INTEGER PRIMARY KEY,
	name             TEXT    NOT NULL UNIQUE CHECK (name <> ''),
	parent           TEXT    NOT NULL,
	id               TEXT    NOT NULL UNIQUE CHECK (id <> ''),
	method           TEXT    NOT NULL,
	request_id       TEXT    NOT NULL,
	carrier          TEXT,
	version          INTEGER NOT NULL CHECK (version >= 1),
	epoch            INTEGER NOT NULL CHECK (epoch >= 0),
	create_time      INTEGER NOT NULL,
	update_time      INTEGER NOT NULL,
	end_time         INTEGER,
	deadline         INTEGER,
	due_time         INTEGER,
	expire_time      INTEGER,
	state            INTEGER NOT NULL CHECK (state >= 1),
	owner            TEXT    NOT NULL,
	released         INTEGER NOT NULL,
	retried          INTEGER NOT NULL,
	cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
	deleted          INTEGER NOT NULL CHECK (deleted IN (0, 1)),
	metadata         BLOB,
	checkpoint       BLOB,
	response         BLOB,
	error            BLOB,
	request          BLOB,
	CONSTRAINT owner_iff_running CHECK (state > 4 OR (state = 2) = (owner <> '')),
	CONSTRAINT due_iff_pending CHECK (state > 4 OR (state = 1) = (due_time IS NOT NULL)),
	CONSTRAINT expires_iff_done CHECK (state > 4 OR (state = 4) = (expire_time IS NOT NULL)),
	CONSTRAINT ended_iff_done CHECK ((state = 4) = (end_time IS NOT NULL)),
	CONSTRAINT result_iff_done CHECK ((state = 4) = (response IS NOT NULL OR error IS NOT NULL)),
	CONSTRAINT response_xor_error CHECK (response IS NULL OR error IS NULL)
) STRICT;

CREATE UNIQUE INDEX operations_request ON operations (parent, method, request_id) WHERE request_id <> '';

-- Lists. Those of what is not done are small beside a million done records.
CREATE INDEX operations_parent ON operations (parent, id);
CREATE INDEX operations_parent_active ON operations (parent, id) WHERE state <> 4;
CREATE INDEX operations_active ON operations (id) WHERE state <> 4;

-- Claims and sweeps.
CREATE INDEX operations_due ON operations (method, due_time) WHERE state = 1;
CREATE INDEX operations_owner ON operations (owner, id) WHERE state = 2;
CREATE INDEX operations_cancelled ON operations (owner, name) WHERE state = 2 AND cancel_requested = 1;
CREATE INDEX operations_deadline ON operations (deadline) WHERE state <> 4 AND deadline IS NOT NULL;
CREATE INDEX operations_expiry ON operations (expire_time) WHERE state = 4;

CREATE TABLE owners (
	id    TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
	until INTEGER NOT NULL,
	dead  INTEGER NOT NULL CHECK (dead IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX owners_until ON owners (dead, until);

-- One row for each commit that changed something to tell, the newest thousand.
CREATE TABLE hints (
	seq    INTEGER PRIMARY KEY,
	origin TEXT    NOT NULL, -- the Store that wrote it
	names  TEXT    NOT NULL, -- JSON
	due    INTEGER NOT NULL CHECK (due IN (0, 1))
) STRICT;

CREATE TABLE secrets (
	id     INTEGER PRIMARY KEY CHECK (id = 1),
	secret BLOB    NOT NULL CHECK (length(secret) = 32)
) STRICT;

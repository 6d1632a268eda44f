-- One row says what this schema is: its version, and the oldest library, by the
-- version that it brings, that may use it.
CREATE TABLE {schema}.lro_schema (
	one        boolean PRIMARY KEY DEFAULT true CHECK (one),
	id         uuid    NOT NULL DEFAULT gen_random_uuid(),
	version    integer NOT NULL,
	compatible integer NOT NULL,
	secret     bytea   NOT NULL CHECK (octet_length(secret) = 32)
);

CREATE TABLE {schema}.lro_owners (
	id    text COLLATE "C" PRIMARY KEY,
	until timestamptz NOT NULL,
	dead  boolean     NOT NULL
);

CREATE TABLE {schema}.lro_operations (
	-- Fixed by Create.
	name        text COLLATE "C" PRIMARY KEY,
	parent      text COLLATE "C" NOT NULL,
	id          text COLLATE "C" NOT NULL,
	method      text COLLATE "C" NOT NULL,
	request_id  text COLLATE "C" NOT NULL,
	request     bytea,
	carrier     text, -- JSON
	-- Set by the store.
	version     bigint      NOT NULL,
	epoch       bigint      NOT NULL,
	create_time timestamptz NOT NULL,
	update_time timestamptz NOT NULL,
	end_time    timestamptz,
	deadline    timestamptz,
	due_time    timestamptz,
	expire_time timestamptz,
	-- Set by package lro. The states: 1 pending, 2 running, 3 external, 4 done. A
	-- later version may know more of them.
	state            smallint NOT NULL CHECK (state >= 1),
	owner            text COLLATE "C" NOT NULL CHECK ((owner = '') = (state <> 2)),
	released         bigint   NOT NULL,
	retried          bigint   NOT NULL,
	cancel_requested boolean  NOT NULL,
	deleted          boolean  NOT NULL,
	metadata         bytea,
	checkpoint       bytea,
	response         bytea,
	error            bytea,

	CONSTRAINT lro_operations_result CHECK (
		CASE WHEN state = 4 THEN (response IS NULL) <> (error IS NULL)
		ELSE response IS NULL AND error IS NULL END),
	CONSTRAINT lro_operations_times CHECK (
		(end_time IS NOT NULL) = (state = 4) AND (expire_time IS NOT NULL) = (state = 4) AND
		(due_time IS NOT NULL) = (state = 1))
) WITH (fillfactor = 80); -- room for reports, which change no index

-- The order of lists over all parents, and of wildcards.
CREATE UNIQUE INDEX lro_operations_id ON {schema}.lro_operations (id);
CREATE INDEX lro_operations_open_id ON {schema}.lro_operations (id) WHERE state <> 4 AND NOT deleted;
-- The order of lists of one parent: what is open, what is done, or both merged.
CREATE INDEX lro_operations_open ON {schema}.lro_operations (parent, id) WHERE state <> 4 AND NOT deleted;
CREATE INDEX lro_operations_done ON {schema}.lro_operations (parent, id) WHERE state = 4 AND NOT deleted;
CREATE UNIQUE INDEX lro_operations_request ON {schema}.lro_operations (parent, method, request_id) WHERE request_id <> '';
CREATE INDEX lro_operations_due ON {schema}.lro_operations (method, due_time, id) WHERE state = 1;
CREATE INDEX lro_operations_owner ON {schema}.lro_operations (owner, method, id) WHERE state = 2;
CREATE INDEX lro_operations_cancelled ON {schema}.lro_operations (owner, name) WHERE state = 2 AND cancel_requested;
-- Not by state: a query for running records would then be offered this index too.
CREATE INDEX lro_operations_deadline ON {schema}.lro_operations (deadline) WHERE end_time IS NULL;
CREATE INDEX lro_operations_expire ON {schema}.lro_operations (expire_time) WHERE state = 4;

-- lro_hint tells every listener of channel which records changed, in payloads
-- below the 8,000 bytes that NOTIFY takes: D or -, for whether something may be
-- claimable, and names, a line each; or *, where a name does not fit.
CREATE FUNCTION {schema}.lro_hint(channel text, names text[], due boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	head    CONSTANT text := CASE WHEN due THEN 'D' ELSE '-' END;
	payload text := head;
	name    text;
BEGIN
	FOREACH name IN ARRAY names LOOP
		IF octet_length(name) > 900 OR strpos(name, E'\n') > 0 THEN
			PERFORM pg_notify(channel, '*');
			CONTINUE;
		END IF;
		IF octet_length(payload) > 7000 THEN
			PERFORM pg_notify(channel, payload);
			payload := head;
		END IF;
		payload := payload || E'\n' || name;
	END LOOP;
	PERFORM pg_notify(channel, payload);
END $$;

-- What is fixed stays, counters never fall, and of a done record only Deleted and
-- the expiry change, whoever writes.
CREATE FUNCTION {schema}.lro_refuse() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'lro: an operation may not change like this: see the trigger %', TG_NAME
		USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER lro_operations_invariants BEFORE UPDATE ON {schema}.lro_operations
FOR EACH ROW WHEN (
	NEW.version < OLD.version OR NEW.epoch < OLD.epoch
	OR NEW.name <> OLD.name OR NEW.parent <> OLD.parent OR NEW.id <> OLD.id OR NEW.method <> OLD.method
	OR NEW.request_id <> OLD.request_id OR NEW.create_time <> OLD.create_time
	OR NEW.request IS DISTINCT FROM OLD.request OR NEW.carrier IS DISTINCT FROM OLD.carrier
	OR NEW.deadline IS DISTINCT FROM OLD.deadline
	OR OLD.state = 4 AND (
		NEW.state <> 4
		OR NEW.response IS DISTINCT FROM OLD.response
		OR NEW.error IS DISTINCT FROM OLD.error
		OR NEW.metadata IS DISTINCT FROM OLD.metadata
		OR NEW.checkpoint IS DISTINCT FROM OLD.checkpoint
		OR NEW.end_time IS DISTINCT FROM OLD.end_time
		OR NEW.released <> OLD.released OR NEW.retried <> OLD.retried
		OR NEW.cancel_requested <> OLD.cancel_requested
		OR NEW.epoch <> OLD.epoch))
EXECUTE FUNCTION {schema}.lro_refuse();

CREATE TRIGGER lro_owners_invariants BEFORE UPDATE ON {schema}.lro_owners
FOR EACH ROW WHEN (OLD.dead AND NOT NEW.dead)
EXECUTE FUNCTION {schema}.lro_refuse();

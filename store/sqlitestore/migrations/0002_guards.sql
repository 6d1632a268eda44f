-- What no write may do, whoever makes it.

CREATE TRIGGER operations_fixed
BEFORE UPDATE OF name, parent, id, method, request_id, carrier, create_time, deadline, request ON operations
WHEN NEW.name IS NOT OLD.name OR NEW.parent IS NOT OLD.parent OR NEW.id IS NOT OLD.id
	OR NEW.method IS NOT OLD.method OR NEW.request_id IS NOT OLD.request_id OR NEW.carrier IS NOT OLD.carrier
	OR NEW.create_time IS NOT OLD.create_time OR NEW.deadline IS NOT OLD.deadline OR NEW.request IS NOT OLD.request
BEGIN
	SELECT RAISE(ABORT, 'what Create has fixed may not change');
END;

CREATE TRIGGER operations_counters
BEFORE UPDATE OF version, epoch ON operations
WHEN NEW.version < OLD.version OR NEW.epoch < OLD.epoch
BEGIN
	SELECT RAISE(ABORT, 'version and epoch may not fall');
END;

CREATE TRIGGER operations_done
BEFORE UPDATE OF epoch, end_time, due_time, state, owner, released, retried, cancel_requested,
	metadata, checkpoint, response, error ON operations
WHEN OLD.state = 4 AND (
	NEW.state <> 4 OR NEW.epoch <> OLD.epoch OR NEW.end_time IS NOT OLD.end_time
	OR NEW.due_time IS NOT OLD.due_time OR NEW.owner <> OLD.owner
	OR NEW.released <> OLD.released OR NEW.retried <> OLD.retried
	OR NEW.cancel_requested <> OLD.cancel_requested
	OR NEW.metadata IS NOT OLD.metadata OR NEW.checkpoint IS NOT OLD.checkpoint
	OR NEW.response IS NOT OLD.response OR NEW.error IS NOT OLD.error)
BEGIN
	SELECT RAISE(ABORT, 'a done record may change nothing but deleted and expire_time');
END;

-- Death is for good.
CREATE TRIGGER owners_dead
BEFORE UPDATE OF dead ON owners
WHEN NEW.dead < OLD.dead
BEGIN
	SELECT RAISE(ABORT, 'a dead owner may not come back');
END;

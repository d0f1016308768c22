-- Receipts: when what became of an operation last moved, for whoever reads changes.

ALTER TABLE sync.operations ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
COMMENT ON COLUMN sync.operations.changed_xid IS 'Transaction that took the operation, or last changed its status.';
ALTER TABLE sync.operation_changes ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
COMMENT ON COLUMN sync.operation_changes.changed_xid IS 'Transaction that linked them.';
ALTER TABLE sync.outgoing_changes ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
COMMENT ON COLUMN sync.outgoing_changes.changed_xid IS 'Transaction that last moved the change to another state, or put it off.';

CREATE INDEX operations_changed ON sync.operations (changed_xid);
CREATE INDEX operations_received ON sync.operations (received_at);
CREATE INDEX operation_changes_changed ON sync.operation_changes (changed_xid);
CREATE INDEX outgoing_changed ON sync.outgoing_changes (changed_xid);

-- The row that moves carries its own version: moving the operation's instead would have writers of two connections wait for each other.
CREATE FUNCTION sync.note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, OLD.attempts, OLD.next_attempt_at, OLD.error_detail)
        IS DISTINCT FROM (NEW.state, NEW.attempts, NEW.next_attempt_at, NEW.error_detail) THEN
        NEW.changed_xid := pg_current_xact_id();
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION sync.note_move() IS 'Notes the transaction that moves an outgoing change; a sign of life is no move.';
CREATE FUNCTION sync.note_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, OLD.reason) IS DISTINCT FROM (NEW.status, NEW.reason) THEN
        NEW.changed_xid := pg_current_xact_id();
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION sync.note_status() IS 'Notes the transaction that changes what became of an operation.';
CREATE TRIGGER moved BEFORE UPDATE ON sync.outgoing_changes FOR EACH ROW EXECUTE FUNCTION sync.note_move();
CREATE TRIGGER moved BEFORE UPDATE ON sync.operations FOR EACH ROW EXECUTE FUNCTION sync.note_status();

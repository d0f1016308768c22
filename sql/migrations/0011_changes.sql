-- Clients' copies: which server transaction ids are of, what is forgotten since when, and what finds changes by time.

ALTER TABLE sync.database ADD COLUMN server text;
COMMENT ON COLUMN sync.database.server IS 'Server the versions (changed_xid) are of; elsewhere, as after a restore, they mean nothing and are stamped anew.';
ALTER TABLE sync.database ADD COLUMN forgotten_at timestamptz;
COMMENT ON COLUMN sync.database.forgotten_at IS 'What was taken away until then is forgotten; null: nothing is.';
COMMENT ON COLUMN sync.database.epoch IS 'Random, another one on another server; clients'' cursors are bound to it.';

-- The definer's rights: whoever asks, the answer is the same. Where the server does not tell who it is, the row of a type does.
CREATE FUNCTION sync.server_identity() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    server text;
BEGIN
    BEGIN
        SELECT concat_ws('/', s.system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8)) INTO server FROM pg_control_system() s;
    EXCEPTION WHEN insufficient_privilege OR undefined_function OR feature_not_supported OR object_not_in_prerequisite_state THEN
        SELECT concat_ws('/', t.oid, t.xmin) INTO server FROM pg_type t WHERE t.typrelid = 'sync.database'::regclass;
    END;
    RETURN concat_ws('/', server, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
END
$$;
COMMENT ON FUNCTION sync.server_identity() IS 'Which server, timeline and database this is.';

CREATE FUNCTION sync.adopt_server() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog SET lock_timeout = '10s' AS $$
DECLARE
    here text := sync.server_identity();
    known text;
    versions record;
BEGIN
    PERFORM pg_advisory_xact_lock(1129467204, 3);
    SELECT d.server INTO known FROM sync.database d;
    IF known = here THEN
        RETURN false;
    END IF;
    FOR versions IN
        SELECT c.oid::regclass AS of FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('crm', 'sync')
        WHERE a.attname = 'changed_xid' AND a.atttypid = 'xid8'::regtype
        ORDER BY 1
    LOOP
        EXECUTE format('UPDATE %s SET changed_xid = pg_current_xact_id() WHERE changed_xid > pg_current_xact_id()', versions.of);
    END LOOP;
    UPDATE sync.database SET server = here, epoch = gen_random_uuid(), forgotten_xid = '0', forgotten_at = NULL;
    RETURN true;
END
$$;
COMMENT ON FUNCTION sync.adopt_server() IS 'Stamps versions of another server''s future anew and voids all cursors, once after the database came to another server.';

-- A receipt that loses a change, as its connection is purged, is another receipt.
CREATE FUNCTION sync.note_lost_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sync.operations SET changed_xid = pg_current_xact_id() WHERE id = OLD.operation_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION sync.note_lost_change() IS 'Notes the transaction that took a change away from an operation.';
CREATE TRIGGER lost AFTER DELETE ON sync.operation_changes FOR EACH ROW EXECUTE FUNCTION sync.note_lost_change();

CREATE INDEX operations_actor ON sync.operations (actor, changed_xid);
CREATE INDEX visible_records_changed ON sync.visible_records (user_id, changed_xid, id);

-- Read by time only, written all the time: an index that costs next to nothing.
CREATE INDEX users_reconciled ON crm.users USING brin (reconciled_at) WITH (autosummarize = on);
CREATE INDEX pipelines_reconciled ON crm.pipelines USING brin (reconciled_at) WITH (autosummarize = on);
CREATE INDEX stages_reconciled ON crm.stages USING brin (reconciled_at) WITH (autosummarize = on);
CREATE INDEX companies_reconciled ON crm.companies USING brin (reconciled_at) WITH (autosummarize = on);
CREATE INDEX contacts_reconciled ON crm.contacts USING brin (reconciled_at) WITH (autosummarize = on);
CREATE INDEX products_reconciled ON crm.products USING brin (reconciled_at) WITH (autosummarize = on);
CREATE INDEX deals_reconciled ON crm.deals USING brin (reconciled_at) WITH (autosummarize = on);
CREATE INDEX tasks_reconciled ON crm.tasks USING brin (reconciled_at) WITH (autosummarize = on);
CREATE INDEX communications_reconciled ON crm.communications USING brin (reconciled_at) WITH (autosummarize = on);

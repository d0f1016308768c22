-- Writing back: changes that connections should receive, what people asked for, and what was agreed once it is written.

CREATE SEQUENCE sync.outgoing_fences;
COMMENT ON SEQUENCE sync.outgoing_fences IS 'Fencing tokens of claimed outgoing changes: who holds an older one may not finish.';
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'crm_writer') THEN
        GRANT USAGE ON SEQUENCE sync.outgoing_fences TO crm_writer;
    END IF;
END
$$;

CREATE TABLE sync.outgoing_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id integer NOT NULL REFERENCES sync.connections (id),
    entity text NOT NULL,
    golden_id uuid NOT NULL,
    external_id text,
    operation text NOT NULL CHECK (operation IN ('create', 'update', 'complete', 'reopen', 'link', 'unlink')),
    fields jsonb NOT NULL CHECK (jsonb_typeof(fields) = 'object'),
    base jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(base) = 'object'),
    said jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(said) = 'object'),
    requires jsonb,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'in_flight', 'applied', 'merged', 'conflict', 'rejected', 'dead', 'cancelled')),
    lane text NOT NULL DEFAULT 'bulk' CHECK (lane IN ('interactive', 'bulk')),
    origin text NOT NULL,
    idempotency_key text NOT NULL UNIQUE,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    leased_by text,
    fence bigint NOT NULL DEFAULT 0,
    sent_at timestamptz,
    written jsonb,
    overwrote jsonb,
    error_code text,
    error_detail text,
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    CHECK ((state = 'in_flight') = (lease_until IS NOT NULL)),
    CHECK ((lease_until IS NULL) = (leased_by IS NULL)),
    CHECK ((state IN ('pending', 'in_flight')) = (settled_at IS NULL)),
    CHECK (state NOT IN ('conflict', 'rejected', 'dead', 'cancelled') OR error_detail IS NOT NULL),
    CHECK (state NOT IN ('rejected', 'dead') OR error_code IS NOT NULL),
    CHECK (state <> 'applied' OR (written IS NOT NULL AND external_id IS NOT NULL))
);
COMMENT ON TABLE sync.outgoing_changes IS 'Changes connections should receive, and what became of each. A change ends as applied, merged, conflict, rejected, dead or cancelled, never silently.';
COMMENT ON COLUMN sync.outgoing_changes.id IS 'Number; changes of one record are sent in this order.';
COMMENT ON COLUMN sync.outgoing_changes.connection_id IS 'Connection that should receive it.';
COMMENT ON COLUMN sync.outgoing_changes.entity IS 'Entity.';
COMMENT ON COLUMN sync.outgoing_changes.golden_id IS 'Golden record (crm.<entity>.id).';
COMMENT ON COLUMN sync.outgoing_changes.external_id IS 'Record in the CRM; of a create null until it is applied.';
COMMENT ON COLUMN sync.outgoing_changes.operation IS 'create: a record that is not there yet; update: other values; complete, reopen: a task; link, unlink: to other records.';
COMMENT ON COLUMN sync.outgoing_changes.fields IS 'Golden column → value it should have; references are golden ids, phones, emails and webs whole lists.';
COMMENT ON COLUMN sync.outgoing_changes.base IS 'Field → value the connection was known to hold when the change was queued.';
COMMENT ON COLUMN sync.outgoing_changes.said IS 'Group of fields → side → what sides said that said something else when it was decided; becomes part of the base.';
COMMENT ON COLUMN sync.outgoing_changes.requires IS 'Field → value the CRM must still hold, else the change is not made; of changes that undo others.';
COMMENT ON COLUMN sync.outgoing_changes.state IS 'pending: waits for its turn; in_flight: a process holds it and may be sending it; applied: the CRM confirmed it; merged: nothing had to be sent, the CRM held the value already or the rule gave way to what somebody changed there; conflict: a person has to decide first; rejected: the CRM refuses it for good, in its own words; dead: it failed too often, retry it by hand; cancelled: taken back before it was sent.';
COMMENT ON COLUMN sync.outgoing_changes.lane IS 'interactive: somebody waits for it, goes first; bulk: everything else.';
COMMENT ON COLUMN sync.outgoing_changes.origin IS 'Who wants it: op:<operation>, reconcile, undo:<change>.';
COMMENT ON COLUMN sync.outgoing_changes.idempotency_key IS 'A change queued twice under one key is queued once.';
COMMENT ON COLUMN sync.outgoing_changes.attempts IS 'How often it was tried.';
COMMENT ON COLUMN sync.outgoing_changes.next_attempt_at IS 'Not before.';
COMMENT ON COLUMN sync.outgoing_changes.lease_until IS 'Until when the process holding it has to give a sign of life; afterwards another may take it.';
COMMENT ON COLUMN sync.outgoing_changes.leased_by IS 'Which process holds it.';
COMMENT ON COLUMN sync.outgoing_changes.fence IS 'Fencing token of the last claim; only its holder may finish.';
COMMENT ON COLUMN sync.outgoing_changes.sent_at IS 'When it was last about to be sent without a known outcome: it may have been applied. Null when nothing is uncertain.';
COMMENT ON COLUMN sync.outgoing_changes.written IS 'Field → value that was written.';
COMMENT ON COLUMN sync.outgoing_changes.overwrote IS 'Field → value the CRM held right before; what undo goes back to.';
COMMENT ON COLUMN sync.outgoing_changes.error_code IS 'Last error, one word: the vendor''s code or ours.';
COMMENT ON COLUMN sync.outgoing_changes.error_detail IS 'Last error or reason as a sentence.';
COMMENT ON COLUMN sync.outgoing_changes.created_at IS 'When it was queued.';
COMMENT ON COLUMN sync.outgoing_changes.settled_at IS 'When it ended; null while it is pending or in flight.';

CREATE INDEX outgoing_unsettled ON sync.outgoing_changes (connection_id, entity, golden_id, id) WHERE settled_at IS NULL;
CREATE INDEX outgoing_due ON sync.outgoing_changes (connection_id, lane DESC, id) WHERE state = 'pending';
CREATE INDEX outgoing_leased ON sync.outgoing_changes (lease_until) WHERE state = 'in_flight';
CREATE INDEX outgoing_record ON sync.outgoing_changes (entity, golden_id, id);
CREATE INDEX outgoing_settled ON sync.outgoing_changes (connection_id, settled_at) WHERE settled_at IS NOT NULL;
CREATE UNIQUE INDEX outgoing_one_create ON sync.outgoing_changes (connection_id, entity, golden_id)
    WHERE operation = 'create' AND state NOT IN ('rejected', 'dead', 'cancelled');

CREATE TABLE sync.outgoing_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id bigint NOT NULL REFERENCES sync.outgoing_changes (id) ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT now(),
    attempt integer NOT NULL,
    outcome text NOT NULL,
    code text,
    detail text
);
COMMENT ON TABLE sync.outgoing_attempts IS 'What was tried with outgoing changes that did not settle at the first attempt as applied.';
COMMENT ON COLUMN sync.outgoing_attempts.id IS 'Order.';
COMMENT ON COLUMN sync.outgoing_attempts.change_id IS 'Change (sync.outgoing_changes.id).';
COMMENT ON COLUMN sync.outgoing_attempts.at IS 'When.';
COMMENT ON COLUMN sync.outgoing_attempts.attempt IS 'Which attempt, from 1.';
COMMENT ON COLUMN sync.outgoing_attempts.outcome IS 'State it led to; pending: tried again later.';
COMMENT ON COLUMN sync.outgoing_attempts.code IS 'One word: the vendor''s code or ours.';
COMMENT ON COLUMN sync.outgoing_attempts.detail IS 'The same as a sentence.';

CREATE INDEX outgoing_attempts_change ON sync.outgoing_attempts (change_id, id);

CREATE TABLE sync.operations (
    id text PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    entity text NOT NULL,
    action text NOT NULL,
    golden_id uuid,
    record text,
    request jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('accepted', 'merged', 'conflict', 'rejected')),
    reason text,
    CHECK (status <> 'rejected' OR reason IS NOT NULL)
);
COMMENT ON TABLE sync.operations IS 'What people and apps asked for, once per id, and what became of it at the door.';
COMMENT ON COLUMN sync.operations.id IS 'The client''s own id of the operation; sent again it is answered again, not done again.';
COMMENT ON COLUMN sync.operations.received_at IS 'When.';
COMMENT ON COLUMN sync.operations.actor IS 'Who: an operator''s account, or the user of the API.';
COMMENT ON COLUMN sync.operations.entity IS 'Entity.';
COMMENT ON COLUMN sync.operations.action IS 'create, update, complete, reopen, link or unlink.';
COMMENT ON COLUMN sync.operations.golden_id IS 'Golden record it is about (crm.<entity>.id).';
COMMENT ON COLUMN sync.operations.record IS 'Temporary id the client gave a new record.';
COMMENT ON COLUMN sync.operations.request IS 'The operation as received.';
COMMENT ON COLUMN sync.operations.status IS 'accepted: taken; merged: taken, but another value stands; conflict: a person has to decide; rejected: not taken.';
COMMENT ON COLUMN sync.operations.reason IS 'Why it was not simply accepted.';

CREATE INDEX operations_golden ON sync.operations (entity, golden_id, received_at);
CREATE INDEX operations_record ON sync.operations (actor, record) WHERE record IS NOT NULL;

CREATE TABLE sync.operation_changes (
    operation_id text NOT NULL REFERENCES sync.operations (id) ON DELETE CASCADE,
    change_id bigint NOT NULL REFERENCES sync.outgoing_changes (id) ON DELETE CASCADE,
    PRIMARY KEY (operation_id, change_id)
);
COMMENT ON TABLE sync.operation_changes IS 'Which outgoing changes carry what an operation asked for.';
COMMENT ON COLUMN sync.operation_changes.operation_id IS 'Operation (sync.operations.id).';
COMMENT ON COLUMN sync.operation_changes.change_id IS 'Change (sync.outgoing_changes.id).';

CREATE INDEX operation_changes_change ON sync.operation_changes (change_id);

ALTER TABLE sync.bases ADD COLUMN said jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN sync.bases.said IS 'Side → values it said when the base was made, of those that said something else: saying it still is no change. A side is connection:external id.';

ALTER TABLE sync.connections ADD COLUMN settle_seconds double precision CHECK (settle_seconds >= 0);
COMMENT ON COLUMN sync.connections.settle_seconds IS 'Seconds after which a request whose answer was lost cannot be applied any more; null: the connector''s own.';

-- The app says only what somebody edited in it; what it does not say must be able to be empty.
ALTER TABLE source.companies ALTER COLUMN is_own DROP NOT NULL;
ALTER TABLE source.products ALTER COLUMN is_active DROP NOT NULL;
ALTER TABLE source.tasks ALTER COLUMN is_completed DROP NOT NULL;
ALTER TABLE source.communications ALTER COLUMN kind DROP NOT NULL;

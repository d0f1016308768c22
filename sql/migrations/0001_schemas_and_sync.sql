-- Schemas, and how the pipeline runs: connections, cursors, budgets, status.

CREATE SCHEMA IF NOT EXISTS raw;
CREATE SCHEMA IF NOT EXISTS source;
CREATE SCHEMA IF NOT EXISTS crm;
CREATE SCHEMA IF NOT EXISTS sync;
COMMENT ON SCHEMA raw IS 'Landing: payloads as the CRMs sent them.';
COMMENT ON SCHEMA source IS 'One connection''s records each, typed and cleaned.';
COMMENT ON SCHEMA crm IS 'Golden records: what is held to be true. Analysts and the API read here.';
COMMENT ON SCHEMA sync IS 'How the pipeline runs: connections, cursors, budgets, queues, status.';

CREATE TABLE sync.connections (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    crm text NOT NULL,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    base_url text NOT NULL,
    direction text NOT NULL DEFAULT 'read_only' CHECK (direction IN ('read_only', 'two_way')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'needs_consent', 'blocked', 'broken', 'removed')),
    status_reason text,
    status_changed_at timestamptz NOT NULL DEFAULT now(),
    interval_seconds integer NOT NULL DEFAULT 300 CHECK (interval_seconds >= 5),
    requests_per_second double precision CHECK (requests_per_second > 0),
    request_burst integer CHECK (request_burst > 0),
    stable_id text,
    account jsonb NOT NULL DEFAULT '{}',
    secrets bytea,
    token_expires_at timestamptz,
    next_due_at timestamptz NOT NULL DEFAULT now(),
    failures integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sync.connections IS 'Authorised accounts of a CRM. Secrets are encrypted with AES-256-GCM and bound to their row.';
COMMENT ON COLUMN sync.connections.id IS 'Identifier.';
COMMENT ON COLUMN sync.connections.crm IS 'Kind of system: amocrm, bitrix24.';
COMMENT ON COLUMN sync.connections.name IS 'Name given by a person; never reused.';
COMMENT ON COLUMN sync.connections.base_url IS 'Address of the account.';
COMMENT ON COLUMN sync.connections.direction IS 'read_only: nothing is ever written to this CRM.';
COMMENT ON COLUMN sync.connections.status IS 'active: synced when due; paused: by a person; needs_consent: must be authorised again; blocked: the CRM blocks us; broken: a right or setting is missing; removed: disconnected.';
COMMENT ON COLUMN sync.connections.status_reason IS 'Why it is not active and what to do.';
COMMENT ON COLUMN sync.connections.status_changed_at IS 'When the status last changed.';
COMMENT ON COLUMN sync.connections.interval_seconds IS 'Seconds between incremental syncs.';
COMMENT ON COLUMN sync.connections.requests_per_second IS 'Rate this account allows, where its plan differs from the vendor''s usual one (Bitrix24 Enterprise: 5); null: the usual.';
COMMENT ON COLUMN sync.connections.request_burst IS 'Requests this account allows at once (Bitrix24 Enterprise: 250); null: the usual.';
COMMENT ON COLUMN sync.connections.stable_id IS 'The CRM''s own lasting id of the account.';
COMMENT ON COLUMN sync.connections.account IS 'What the last account check found: time zone, currency, rights (no secrets).';
COMMENT ON COLUMN sync.connections.secrets IS 'Encrypted credentials.';
COMMENT ON COLUMN sync.connections.token_expires_at IS 'When the access token expires.';
COMMENT ON COLUMN sync.connections.next_due_at IS 'When the next incremental sync is due.';
COMMENT ON COLUMN sync.connections.failures IS 'Failed syncs in a row; backs off the next one.';
COMMENT ON COLUMN sync.connections.created_at IS 'When it was connected.';

CREATE UNIQUE INDEX connections_account ON sync.connections (crm, stable_id) WHERE stable_id IS NOT NULL AND status <> 'removed';

CREATE TABLE sync.cursors (
    connection_id integer NOT NULL REFERENCES sync.connections (id),
    entity text NOT NULL,
    stream text NOT NULL,
    watermark timestamptz,
    walk_mode text,
    walk_started_at timestamptz,
    walk_began_at timestamptz,
    walk_state jsonb,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection_id, entity, stream)
);
COMMENT ON TABLE sync.cursors IS 'Where the next incremental extract of one stream begins, and how far an unfinished walk has come.';
COMMENT ON COLUMN sync.cursors.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN sync.cursors.entity IS 'Entity the stream belongs to.';
COMMENT ON COLUMN sync.cursors.stream IS 'List of the CRM.';
COMMENT ON COLUMN sync.cursors.watermark IS 'The CRM''s clock at the start of the last finished walk; null until one has finished.';
COMMENT ON COLUMN sync.cursors.walk_mode IS 'Mode of the unfinished walk; null when none is under way.';
COMMENT ON COLUMN sync.cursors.walk_started_at IS 'The CRM''s clock when the unfinished walk began.';
COMMENT ON COLUMN sync.cursors.walk_began_at IS 'Our own clock when the walk began: what was landed later cannot be missing from it.';
COMMENT ON COLUMN sync.cursors.walk_state IS 'Where the unfinished walk goes on.';
COMMENT ON COLUMN sync.cursors.updated_at IS 'When this row was last written.';

CREATE TABLE sync.walk_seen (
    connection_id integer NOT NULL REFERENCES sync.connections (id),
    stream text NOT NULL,
    kind text NOT NULL,
    external_id text NOT NULL,
    PRIMARY KEY (connection_id, stream, kind, external_id)
);
COMMENT ON TABLE sync.walk_seen IS 'External ids a complete walk has seen so far; what it has not seen in the end is gone.';
COMMENT ON COLUMN sync.walk_seen.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN sync.walk_seen.stream IS 'List of the CRM.';
COMMENT ON COLUMN sync.walk_seen.kind IS 'Raw kind.';
COMMENT ON COLUMN sync.walk_seen.external_id IS 'Identifier.';

CREATE TABLE sync.reconcile_queue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity text NOT NULL,
    connection_id integer NOT NULL,
    external_id text NOT NULL
);
COMMENT ON TABLE sync.reconcile_queue IS 'Source records changed since they were last reconciled.';
COMMENT ON COLUMN sync.reconcile_queue.id IS 'Order.';
COMMENT ON COLUMN sync.reconcile_queue.entity IS 'Entity.';
COMMENT ON COLUMN sync.reconcile_queue.connection_id IS 'Connection.';
COMMENT ON COLUMN sync.reconcile_queue.external_id IS 'Record.';

CREATE INDEX reconcile_queue_entity ON sync.reconcile_queue (entity, id);

CREATE TABLE sync.missing_references (
    connection_id integer NOT NULL,
    missing_entity text NOT NULL,
    missing_external_id text NOT NULL,
    entity text NOT NULL,
    external_id text NOT NULL,
    PRIMARY KEY (connection_id, missing_entity, missing_external_id, entity, external_id)
);
COMMENT ON TABLE sync.missing_references IS 'Source records that refer to a record not yet known; reconciled again when it appears.';
COMMENT ON COLUMN sync.missing_references.connection_id IS 'Connection of both records.';
COMMENT ON COLUMN sync.missing_references.missing_entity IS 'Entity referred to.';
COMMENT ON COLUMN sync.missing_references.missing_external_id IS 'Record referred to.';
COMMENT ON COLUMN sync.missing_references.entity IS 'Entity of the record that refers to it.';
COMMENT ON COLUMN sync.missing_references.external_id IS 'Record that refers to it.';

CREATE TABLE sync.quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id integer NOT NULL REFERENCES sync.connections (id),
    entity text NOT NULL,
    external_id text NOT NULL,
    reason text NOT NULL,
    payload jsonb,
    attempts integer NOT NULL DEFAULT 1,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_tried_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (connection_id, entity, external_id)
);
COMMENT ON TABLE sync.quarantine IS 'Raw records that could not be normalized; replayable.';
COMMENT ON COLUMN sync.quarantine.id IS 'Identifier.';
COMMENT ON COLUMN sync.quarantine.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN sync.quarantine.entity IS 'Raw kind.';
COMMENT ON COLUMN sync.quarantine.external_id IS 'Record.';
COMMENT ON COLUMN sync.quarantine.reason IS 'What could not be read.';
COMMENT ON COLUMN sync.quarantine.payload IS 'Payload as the CRM sent it.';
COMMENT ON COLUMN sync.quarantine.attempts IS 'How often it was tried.';
COMMENT ON COLUMN sync.quarantine.first_seen_at IS 'When it was first put here.';
COMMENT ON COLUMN sync.quarantine.last_tried_at IS 'When it was last tried.';

CREATE TABLE sync.rate_budget (
    meter text PRIMARY KEY,
    next_at timestamptz NOT NULL DEFAULT '-infinity',
    paused_until timestamptz NOT NULL DEFAULT '-infinity',
    granted bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 20);
COMMENT ON TABLE sync.rate_budget IS 'One row per vendor meter, shared by all processes.';
COMMENT ON COLUMN sync.rate_budget.meter IS 'Which limit: CRM and integration or portal.';
COMMENT ON COLUMN sync.rate_budget.next_at IS 'Theoretical arrival time of the next request (GCRA).';
COMMENT ON COLUMN sync.rate_budget.paused_until IS 'Nobody sends before: the CRM said so.';
COMMENT ON COLUMN sync.rate_budget.granted IS 'Requests granted so far.';
COMMENT ON COLUMN sync.rate_budget.refused IS 'Refusals (429, 503) so far.';
COMMENT ON COLUMN sync.rate_budget.updated_at IS 'Last use.';

CREATE TABLE sync.operating_time (
    meter text NOT NULL,
    method text NOT NULL,
    used_seconds double precision NOT NULL,
    reset_at timestamptz NOT NULL,
    parked_until timestamptz,
    PRIMARY KEY (meter, method)
);
COMMENT ON TABLE sync.operating_time IS 'Bitrix24''s operating seconds per method, as its answers tell them.';
COMMENT ON COLUMN sync.operating_time.meter IS 'Portal and credential.';
COMMENT ON COLUMN sync.operating_time.method IS 'REST method.';
COMMENT ON COLUMN sync.operating_time.used_seconds IS 'Seconds used in the current ten minutes.';
COMMENT ON COLUMN sync.operating_time.reset_at IS 'When the oldest of them is forgotten.';
COMMENT ON COLUMN sync.operating_time.parked_until IS 'The method is refused until then.';

CREATE TABLE sync.sync_status (
    connection_id integer NOT NULL REFERENCES sync.connections (id),
    entity text NOT NULL,
    last_mode text,
    last_started_at timestamptz,
    last_success_at timestamptz,
    lag_seconds double precision,
    read_count bigint NOT NULL DEFAULT 0,
    inserted bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    deleted bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    requests bigint NOT NULL DEFAULT 0,
    seconds double precision,
    last_error text,
    what_to_do text,
    run_id text,
    PRIMARY KEY (connection_id, entity)
);
COMMENT ON TABLE sync.sync_status IS 'One row per connection and entity: how fresh it is and how it went.';
COMMENT ON COLUMN sync.sync_status.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN sync.sync_status.entity IS 'Entity.';
COMMENT ON COLUMN sync.sync_status.last_mode IS 'Mode of the last sync.';
COMMENT ON COLUMN sync.sync_status.last_started_at IS 'When the last sync began.';
COMMENT ON COLUMN sync.sync_status.last_success_at IS 'When the last sync succeeded.';
COMMENT ON COLUMN sync.sync_status.lag_seconds IS 'How old the data had become when it was last refreshed: seconds between the last two successes.';
COMMENT ON COLUMN sync.sync_status.read_count IS 'Records read by the last sync.';
COMMENT ON COLUMN sync.sync_status.inserted IS 'New records.';
COMMENT ON COLUMN sync.sync_status.updated IS 'Changed records.';
COMMENT ON COLUMN sync.sync_status.unchanged IS 'Records read again without a change.';
COMMENT ON COLUMN sync.sync_status.deleted IS 'Records found deleted.';
COMMENT ON COLUMN sync.sync_status.quarantined IS 'Records put into quarantine.';
COMMENT ON COLUMN sync.sync_status.requests IS 'HTTP requests spent.';
COMMENT ON COLUMN sync.sync_status.seconds IS 'Duration.';
COMMENT ON COLUMN sync.sync_status.last_error IS 'Last error, null after a success.';
COMMENT ON COLUMN sync.sync_status.what_to_do IS 'What a person should do about it.';
COMMENT ON COLUMN sync.sync_status.run_id IS 'Dagster run, when it was one.';

CREATE TABLE sync.sync_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id integer NOT NULL REFERENCES sync.connections (id),
    entity text NOT NULL,
    mode text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    counts jsonb NOT NULL,
    error text,
    run_id text
);
COMMENT ON TABLE sync.sync_runs IS 'History of syncs per connection and entity.';
COMMENT ON COLUMN sync.sync_runs.id IS 'Identifier.';
COMMENT ON COLUMN sync.sync_runs.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN sync.sync_runs.entity IS 'Entity.';
COMMENT ON COLUMN sync.sync_runs.mode IS 'Mode.';
COMMENT ON COLUMN sync.sync_runs.started_at IS 'Start.';
COMMENT ON COLUMN sync.sync_runs.finished_at IS 'End.';
COMMENT ON COLUMN sync.sync_runs.counts IS 'Counts: read, inserted, updated, unchanged, deleted, quarantined, requests.';
COMMENT ON COLUMN sync.sync_runs.error IS 'Error, when it failed.';
COMMENT ON COLUMN sync.sync_runs.run_id IS 'Dagster run, when it was one.';

CREATE INDEX sync_runs_recent ON sync.sync_runs (connection_id, entity, id DESC);

CREATE TABLE sync.audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE sync.audit_log IS 'Who did what: connecting, pausing, removing, key rotation, every human decision.';
COMMENT ON COLUMN sync.audit_log.id IS 'Identifier.';
COMMENT ON COLUMN sync.audit_log.at IS 'When.';
COMMENT ON COLUMN sync.audit_log.actor IS 'Person or process.';
COMMENT ON COLUMN sync.audit_log.action IS 'What was done.';
COMMENT ON COLUMN sync.audit_log.subject IS 'To what.';
COMMENT ON COLUMN sync.audit_log.detail IS 'Details (no secrets).';

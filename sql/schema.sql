-- The whole schema as it is after all migrations and views: to read, never to run on a database in use.
-- Written by `python -m crm_pipeline.database.dictionary`; a test compares it with the migrated database.

CREATE SCHEMA IF NOT EXISTS crm;

CREATE SCHEMA IF NOT EXISTS raw;

CREATE SCHEMA IF NOT EXISTS source;

CREATE SCHEMA IF NOT EXISTS sync;

CREATE OR REPLACE FUNCTION sync.adopt_server()
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog'
 SET lock_timeout TO '10s'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION sync.note_lost_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    UPDATE sync.operations SET changed_xid = pg_current_xact_id() WHERE id = OLD.operation_id;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION sync.note_move()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF (OLD.state, OLD.attempts, OLD.next_attempt_at, OLD.error_detail)
        IS DISTINCT FROM (NEW.state, NEW.attempts, NEW.next_attempt_at, NEW.error_detail) THEN
        NEW.changed_xid := pg_current_xact_id();
    END IF;
    RETURN NEW;
END
$function$;

CREATE OR REPLACE FUNCTION sync.note_status()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF (OLD.status, OLD.reason) IS DISTINCT FROM (NEW.status, NEW.reason) THEN
        NEW.changed_xid := pg_current_xact_id();
    END IF;
    RETURN NEW;
END
$function$;

CREATE OR REPLACE FUNCTION sync.server_identity()
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog'
AS $function$
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
$function$;

CREATE TABLE crm.communications (
    id uuid NOT NULL,
    kind text NOT NULL,
    direction text,
    body text,
    body_text text,
    happened_at timestamp with time zone,
    duration_seconds integer,
    author_id uuid,
    target_entity text,
    target_id uuid,
    recording_url text,
    provenance jsonb NOT NULL DEFAULT '{}'::jsonb,
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    reconciled_at timestamp with time zone NOT NULL DEFAULT now(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE crm.companies (
    id uuid NOT NULL,
    name text,
    tax_id text,
    website text,
    owner_id uuid,
    is_own boolean NOT NULL DEFAULT false,
    tags text[] NOT NULL DEFAULT '{}'::text[],
    provenance jsonb NOT NULL DEFAULT '{}'::jsonb,
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    reconciled_at timestamp with time zone NOT NULL DEFAULT now(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE crm.contact_companies (
    contact_id uuid NOT NULL,
    company_id uuid NOT NULL,
    is_primary boolean NOT NULL DEFAULT false
);

CREATE TABLE crm.contact_points (
    entity text NOT NULL,
    golden_id uuid NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    label text,
    is_primary boolean NOT NULL DEFAULT false,
    "position" integer NOT NULL DEFAULT 0
);

CREATE TABLE crm.contacts (
    id uuid NOT NULL,
    name text,
    first_name text,
    last_name text,
    middle_name text,
    company_id uuid,
    owner_id uuid,
    "position" text,
    birthday date,
    tags text[] NOT NULL DEFAULT '{}'::text[],
    provenance jsonb NOT NULL DEFAULT '{}'::jsonb,
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    reconciled_at timestamp with time zone NOT NULL DEFAULT now(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE crm.crosswalk (
    golden_id uuid NOT NULL,
    entity text NOT NULL,
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    rule text NOT NULL,
    decided_by text NOT NULL DEFAULT 'pipeline'::text,
    decided_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE crm.deal_contacts (
    deal_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    is_main boolean NOT NULL DEFAULT false,
    "position" integer NOT NULL DEFAULT 0
);

CREATE TABLE crm.deal_products (
    deal_id uuid NOT NULL,
    "position" integer NOT NULL,
    product_id uuid,
    product_name text,
    quantity numeric,
    price numeric,
    discount numeric
);

CREATE TABLE crm.deal_stage_history (
    deal_id uuid NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    pipeline_id uuid,
    stage_id uuid,
    from_stage_id uuid,
    category text,
    origin text NOT NULL,
    event_key text NOT NULL,
    author_id uuid
);

CREATE TABLE crm.deals (
    id uuid NOT NULL,
    title text,
    amount numeric,
    currency text,
    pipeline_id uuid,
    stage_id uuid,
    stage_category text,
    company_id uuid,
    owner_id uuid,
    closed_at timestamp with time zone,
    loss_reason text,
    tags text[] NOT NULL DEFAULT '{}'::text[],
    provenance jsonb NOT NULL DEFAULT '{}'::jsonb,
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    reconciled_at timestamp with time zone NOT NULL DEFAULT now(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE crm.golden_redirects (
    old_id uuid NOT NULL,
    entity text NOT NULL,
    new_id uuid NOT NULL,
    since timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE crm.pipelines (
    id uuid NOT NULL,
    name text,
    sort integer,
    is_main boolean,
    is_archived boolean,
    provenance jsonb NOT NULL DEFAULT '{}'::jsonb,
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    reconciled_at timestamp with time zone NOT NULL DEFAULT now(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE crm.products (
    id uuid NOT NULL,
    name text,
    sku text,
    price numeric,
    currency text,
    is_active boolean NOT NULL DEFAULT true,
    provenance jsonb NOT NULL DEFAULT '{}'::jsonb,
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    reconciled_at timestamp with time zone NOT NULL DEFAULT now(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE crm.stages (
    id uuid NOT NULL,
    name text,
    sort integer,
    pipeline_id uuid,
    category text,
    color text,
    provenance jsonb NOT NULL DEFAULT '{}'::jsonb,
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    reconciled_at timestamp with time zone NOT NULL DEFAULT now(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE crm.tasks (
    id uuid NOT NULL,
    title text,
    body text,
    kind text,
    due_at timestamp with time zone,
    is_completed boolean NOT NULL DEFAULT false,
    completed_at timestamp with time zone,
    owner_id uuid,
    target_entity text,
    target_id uuid,
    provenance jsonb NOT NULL DEFAULT '{}'::jsonb,
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    reconciled_at timestamp with time zone NOT NULL DEFAULT now(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE crm.tombstones (
    entity text NOT NULL,
    id uuid NOT NULL,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    gone_at timestamp with time zone NOT NULL DEFAULT now(),
    new_id uuid
);

CREATE TABLE crm.users (
    id uuid NOT NULL,
    name text,
    email text,
    is_active boolean,
    is_admin boolean,
    provenance jsonb NOT NULL DEFAULT '{}'::jsonb,
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    reconciled_at timestamp with time zone NOT NULL DEFAULT now(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE raw.records (
    connection_id integer NOT NULL,
    entity text NOT NULL,
    external_id text NOT NULL,
    payload jsonb,
    content_hash bytea NOT NULL,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    fetched_at timestamp with time zone NOT NULL DEFAULT now(),
    deleted_at timestamp with time zone
);

CREATE TABLE source.communications (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    kind text,
    direction text,
    body text,
    body_text text,
    happened_at timestamp with time zone,
    duration_seconds integer,
    author_external_id text,
    target_entity text,
    target_external_id text,
    recording_url text,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    first_updated_at timestamp with time zone
);

CREATE TABLE source.companies (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    tax_id text,
    website text,
    owner_external_id text,
    is_own boolean DEFAULT false,
    tags text[] NOT NULL DEFAULT '{}'::text[],
    originator_id text,
    origin_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    first_updated_at timestamp with time zone
);

CREATE TABLE source.contact_companies (
    connection_id integer NOT NULL,
    contact_external_id text NOT NULL,
    company_external_id text NOT NULL,
    is_primary boolean NOT NULL DEFAULT false
);

CREATE TABLE source.contact_points (
    connection_id integer NOT NULL,
    entity text NOT NULL,
    external_id text NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    original text,
    label text,
    is_primary boolean NOT NULL DEFAULT false,
    "position" integer NOT NULL DEFAULT 0,
    remote_value_id text
);

CREATE TABLE source.contacts (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    first_name text,
    last_name text,
    middle_name text,
    company_external_id text,
    owner_external_id text,
    "position" text,
    birthday date,
    tags text[] NOT NULL DEFAULT '{}'::text[],
    originator_id text,
    origin_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    first_updated_at timestamp with time zone
);

CREATE TABLE source.custom_fields (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    entity text NOT NULL,
    field_key text NOT NULL,
    name text,
    kind text NOT NULL,
    remote_type text,
    is_multiple boolean NOT NULL DEFAULT false,
    options jsonb NOT NULL DEFAULT '{}'::jsonb,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone
);

CREATE TABLE source.deal_contacts (
    connection_id integer NOT NULL,
    deal_external_id text NOT NULL,
    contact_external_id text NOT NULL,
    is_main boolean NOT NULL DEFAULT false,
    "position" integer NOT NULL DEFAULT 0
);

CREATE TABLE source.deal_products (
    connection_id integer NOT NULL,
    deal_external_id text NOT NULL,
    "position" integer NOT NULL,
    product_external_id text,
    product_name text,
    quantity numeric,
    price numeric,
    discount numeric,
    row_external_id text
);

CREATE TABLE source.deals (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    title text,
    amount numeric,
    currency text,
    pipeline_external_id text,
    stage_external_id text,
    stage_category text,
    company_external_id text,
    owner_external_id text,
    closed_at timestamp with time zone,
    loss_reason text,
    tags text[] NOT NULL DEFAULT '{}'::text[],
    originator_id text,
    origin_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    first_updated_at timestamp with time zone
);

CREATE TABLE source.field_changes (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    connection_id integer NOT NULL,
    entity text NOT NULL,
    external_id text NOT NULL,
    field text NOT NULL,
    old_value jsonb,
    new_value jsonb,
    changed_at timestamp with time zone,
    seen_at timestamp with time zone NOT NULL DEFAULT now(),
    is_own_write boolean NOT NULL DEFAULT false
);

CREATE TABLE source.pipelines (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    sort integer,
    is_main boolean,
    is_archived boolean,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    first_updated_at timestamp with time zone
);

CREATE TABLE source.products (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    sku text,
    price numeric,
    currency text,
    is_active boolean DEFAULT true,
    catalog_external_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    first_updated_at timestamp with time zone
);

CREATE TABLE source.stage_changes (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    deal_external_id text NOT NULL,
    pipeline_external_id text,
    stage_external_id text,
    from_pipeline_external_id text,
    from_stage_external_id text,
    changed_at timestamp with time zone NOT NULL,
    author_external_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone
);

CREATE TABLE source.stages (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    sort integer,
    pipeline_external_id text,
    category text,
    color text,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    first_updated_at timestamp with time zone
);

CREATE TABLE source.task_targets (
    connection_id integer NOT NULL,
    task_external_id text NOT NULL,
    target_entity text NOT NULL,
    target_external_id text NOT NULL
);

CREATE TABLE source.tasks (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    title text,
    body text,
    kind text,
    due_at timestamp with time zone,
    is_completed boolean DEFAULT false,
    completed_at timestamp with time zone,
    owner_external_id text,
    target_entity text,
    target_external_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    first_updated_at timestamp with time zone
);

CREATE TABLE source.users (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    email text,
    is_active boolean,
    is_admin boolean,
    custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb,
    remote_created_at timestamp with time zone,
    remote_updated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    first_updated_at timestamp with time zone
);

CREATE TABLE sync.api_user_crm_users (
    user_id bigint NOT NULL,
    golden_id uuid NOT NULL
);

CREATE TABLE sync.api_users (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    username text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL,
    scope text NOT NULL DEFAULT 'all'::text,
    failed_logins integer NOT NULL DEFAULT 0,
    locked_until timestamp with time zone,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE sync.audit_log (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at timestamp with time zone NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'::jsonb
);

CREATE TABLE sync.bases (
    entity text NOT NULL,
    golden_id uuid NOT NULL,
    field text NOT NULL,
    value jsonb NOT NULL,
    agreed_at timestamp with time zone NOT NULL,
    said jsonb NOT NULL DEFAULT '{}'::jsonb
);

CREATE TABLE sync.conflicts (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    entity text NOT NULL,
    golden_id uuid NOT NULL,
    field text NOT NULL,
    base_value jsonb,
    "values" jsonb NOT NULL,
    rule text NOT NULL,
    chosen text,
    state text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    seen_at timestamp with time zone NOT NULL DEFAULT now(),
    superseded_at timestamp with time zone
);

CREATE TABLE sync.connections (
    id integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    crm text NOT NULL,
    name text NOT NULL,
    base_url text NOT NULL,
    direction text NOT NULL DEFAULT 'read_only'::text,
    status text NOT NULL DEFAULT 'active'::text,
    status_reason text,
    status_changed_at timestamp with time zone NOT NULL DEFAULT now(),
    interval_seconds integer NOT NULL DEFAULT 300,
    requests_per_second double precision,
    request_burst integer,
    stable_id text,
    account jsonb NOT NULL DEFAULT '{}'::jsonb,
    secrets bytea,
    token_expires_at timestamp with time zone,
    next_due_at timestamp with time zone NOT NULL DEFAULT now(),
    failures integer NOT NULL DEFAULT 0,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    settle_seconds double precision
);

CREATE TABLE sync.cursors (
    connection_id integer NOT NULL,
    entity text NOT NULL,
    stream text NOT NULL,
    watermark timestamp with time zone,
    walk_mode text,
    walk_started_at timestamp with time zone,
    walk_began_at timestamp with time zone,
    walk_state jsonb,
    updated_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE sync.database (
    is_one boolean NOT NULL DEFAULT true,
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    retention interval NOT NULL DEFAULT '90 days'::interval,
    forgotten_xid xid8 NOT NULL DEFAULT '0'::xid8,
    server text,
    forgotten_at timestamp with time zone
);

CREATE TABLE sync.devices (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id bigint NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    last_seen_at timestamp with time zone NOT NULL DEFAULT now(),
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    revoked_because text
);

CREATE TABLE sync.golden_queue (
    entity text NOT NULL,
    golden_id uuid NOT NULL
);

CREATE TABLE sync.inbox (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    connection_id integer NOT NULL,
    received_at timestamp with time zone NOT NULL DEFAULT now(),
    entity text,
    external_id text,
    action text NOT NULL,
    dedup_key text NOT NULL,
    body_digest text NOT NULL,
    state text NOT NULL DEFAULT 'new'::text,
    taken_at timestamp with time zone,
    done_at timestamp with time zone
);

CREATE TABLE sync.match_decisions (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    entity text NOT NULL,
    verdict text NOT NULL,
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    other_connection_id integer NOT NULL,
    other_external_id text NOT NULL,
    reason text,
    decided_by text NOT NULL,
    decided_at timestamp with time zone NOT NULL DEFAULT now(),
    revoked_at timestamp with time zone
);

CREATE TABLE sync.match_keys (
    entity text NOT NULL,
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    rule text NOT NULL,
    key text NOT NULL
);

CREATE TABLE sync.match_reviews (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    entity text NOT NULL,
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    other_connection_id integer NOT NULL,
    other_external_id text NOT NULL,
    rule text NOT NULL,
    reason text NOT NULL,
    explanation text NOT NULL,
    score double precision,
    features jsonb,
    state text NOT NULL DEFAULT 'open'::text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    decided_by text,
    decided_at timestamp with time zone
);

CREATE TABLE sync.migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE sync.missing_references (
    connection_id integer NOT NULL,
    missing_entity text NOT NULL,
    missing_external_id text NOT NULL,
    entity text NOT NULL,
    external_id text NOT NULL
);

CREATE TABLE sync.oauth_states (
    state_hash bytea NOT NULL,
    user_id bigint NOT NULL,
    settings bytea NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);

CREATE TABLE sync.operating_time (
    meter text NOT NULL,
    method text NOT NULL,
    used_seconds double precision NOT NULL,
    reset_at timestamp with time zone NOT NULL,
    parked_until timestamp with time zone
);

CREATE TABLE sync.operation_changes (
    operation_id text NOT NULL,
    change_id bigint NOT NULL,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE sync.operations (
    id text NOT NULL,
    received_at timestamp with time zone NOT NULL DEFAULT now(),
    actor text NOT NULL,
    entity text NOT NULL,
    action text NOT NULL,
    golden_id uuid,
    record text,
    request jsonb NOT NULL,
    status text NOT NULL,
    reason text,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE sync.outgoing_attempts (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    change_id bigint NOT NULL,
    at timestamp with time zone NOT NULL DEFAULT now(),
    attempt integer NOT NULL,
    outcome text NOT NULL,
    code text,
    detail text
);

CREATE TABLE sync.outgoing_changes (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    connection_id integer NOT NULL,
    entity text NOT NULL,
    golden_id uuid NOT NULL,
    external_id text,
    operation text NOT NULL,
    fields jsonb NOT NULL,
    base jsonb NOT NULL DEFAULT '{}'::jsonb,
    said jsonb NOT NULL DEFAULT '{}'::jsonb,
    requires jsonb,
    state text NOT NULL DEFAULT 'pending'::text,
    lane text NOT NULL DEFAULT 'bulk'::text,
    origin text NOT NULL,
    idempotency_key text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamp with time zone NOT NULL DEFAULT now(),
    lease_until timestamp with time zone,
    leased_by text,
    fence bigint NOT NULL DEFAULT 0,
    sent_at timestamp with time zone,
    written jsonb,
    overwrote jsonb,
    error_code text,
    error_detail text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    settled_at timestamp with time zone,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE sync.quarantine (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    connection_id integer NOT NULL,
    entity text NOT NULL,
    external_id text NOT NULL,
    reason text NOT NULL,
    payload jsonb,
    attempts integer NOT NULL DEFAULT 1,
    first_seen_at timestamp with time zone NOT NULL DEFAULT now(),
    last_tried_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE sync.rate_budget (
    meter text NOT NULL,
    next_at timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp with time zone,
    paused_until timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp with time zone,
    granted bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    updated_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE sync.reconcile_queue (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    entity text NOT NULL,
    connection_id integer NOT NULL,
    external_id text NOT NULL
);

CREATE TABLE sync.refresh_tokens (
    token_hash bytea NOT NULL,
    device_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);

CREATE TABLE sync.resemblance_blocks (
    block text NOT NULL,
    golden_id uuid NOT NULL
);

CREATE TABLE sync.suggestion_queue (
    golden_id uuid NOT NULL
);

CREATE TABLE sync.sync_runs (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    connection_id integer NOT NULL,
    entity text NOT NULL,
    mode text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL DEFAULT now(),
    counts jsonb NOT NULL,
    error text,
    run_id text
);

CREATE TABLE sync.sync_status (
    connection_id integer NOT NULL,
    entity text NOT NULL,
    last_mode text,
    last_started_at timestamp with time zone,
    last_success_at timestamp with time zone,
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
    run_id text
);

CREATE TABLE sync.visible_records (
    user_id bigint NOT NULL,
    entity text NOT NULL,
    id uuid NOT NULL,
    is_visible boolean NOT NULL DEFAULT true,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    changed_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE sync.walk_seen (
    connection_id integer NOT NULL,
    stream text NOT NULL,
    kind text NOT NULL,
    external_id text NOT NULL
);

CREATE TABLE sync.webhooks (
    connection_id integer NOT NULL,
    token_hash bytea NOT NULL,
    token_sealed bytea NOT NULL,
    state text NOT NULL DEFAULT 'unregistered'::text,
    detail text,
    checked_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now()
);

ALTER TABLE crm.communications ADD CONSTRAINT communications_direction_check CHECK ((direction = ANY (ARRAY['in'::text, 'out'::text])));

ALTER TABLE crm.communications ADD CONSTRAINT communications_kind_check CHECK ((kind = ANY (ARRAY['call'::text, 'sms'::text, 'email'::text, 'chat'::text, 'meeting'::text, 'note'::text, 'other'::text])));

ALTER TABLE crm.communications ADD CONSTRAINT communications_pkey PRIMARY KEY (id);

ALTER TABLE crm.companies ADD CONSTRAINT companies_pkey PRIMARY KEY (id);

ALTER TABLE crm.contact_companies ADD CONSTRAINT contact_companies_pkey PRIMARY KEY (contact_id, company_id);

ALTER TABLE crm.contact_points ADD CONSTRAINT contact_points_pkey PRIMARY KEY (entity, golden_id, kind, value);

ALTER TABLE crm.contacts ADD CONSTRAINT contacts_pkey PRIMARY KEY (id);

ALTER TABLE crm.crosswalk ADD CONSTRAINT crosswalk_pkey PRIMARY KEY (entity, connection_id, external_id);

ALTER TABLE crm.deal_contacts ADD CONSTRAINT deal_contacts_pkey PRIMARY KEY (deal_id, contact_id);

ALTER TABLE crm.deal_products ADD CONSTRAINT deal_products_pkey PRIMARY KEY (deal_id, "position");

ALTER TABLE crm.deal_stage_history ADD CONSTRAINT deal_stage_history_origin_check CHECK ((origin = ANY (ARRAY['crm'::text, 'observed'::text])));

ALTER TABLE crm.deal_stage_history ADD CONSTRAINT deal_stage_history_pkey PRIMARY KEY (deal_id, event_key);

ALTER TABLE crm.deals ADD CONSTRAINT deals_pkey PRIMARY KEY (id);

ALTER TABLE crm.deals ADD CONSTRAINT deals_stage_category_check CHECK ((stage_category = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text])));

ALTER TABLE crm.golden_redirects ADD CONSTRAINT golden_redirects_pkey PRIMARY KEY (old_id);

ALTER TABLE crm.pipelines ADD CONSTRAINT pipelines_pkey PRIMARY KEY (id);

ALTER TABLE crm.products ADD CONSTRAINT products_pkey PRIMARY KEY (id);

ALTER TABLE crm.stages ADD CONSTRAINT stages_category_check CHECK ((category = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text])));

ALTER TABLE crm.stages ADD CONSTRAINT stages_pkey PRIMARY KEY (id);

ALTER TABLE crm.tasks ADD CONSTRAINT tasks_pkey PRIMARY KEY (id);

ALTER TABLE crm.tombstones ADD CONSTRAINT tombstones_pkey PRIMARY KEY (entity, id);

ALTER TABLE crm.users ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE raw.records ADD CONSTRAINT records_pkey PRIMARY KEY (connection_id, entity, external_id);

ALTER TABLE source.communications ADD CONSTRAINT communications_direction_check CHECK ((direction = ANY (ARRAY['in'::text, 'out'::text])));

ALTER TABLE source.communications ADD CONSTRAINT communications_kind_check CHECK ((kind = ANY (ARRAY['call'::text, 'sms'::text, 'email'::text, 'chat'::text, 'meeting'::text, 'note'::text, 'other'::text])));

ALTER TABLE source.communications ADD CONSTRAINT communications_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE source.companies ADD CONSTRAINT companies_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE source.contact_companies ADD CONSTRAINT contact_companies_pkey PRIMARY KEY (connection_id, contact_external_id, company_external_id);

ALTER TABLE source.contact_points ADD CONSTRAINT contact_points_entity_check CHECK ((entity = ANY (ARRAY['contacts'::text, 'companies'::text])));

ALTER TABLE source.contact_points ADD CONSTRAINT contact_points_kind_check CHECK ((kind = ANY (ARRAY['phone'::text, 'email'::text, 'web'::text, 'messenger'::text])));

ALTER TABLE source.contact_points ADD CONSTRAINT contact_points_pkey PRIMARY KEY (connection_id, entity, external_id, kind, value);

ALTER TABLE source.contacts ADD CONSTRAINT contacts_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE source.custom_fields ADD CONSTRAINT custom_fields_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE source.deal_contacts ADD CONSTRAINT deal_contacts_pkey PRIMARY KEY (connection_id, deal_external_id, contact_external_id);

ALTER TABLE source.deal_products ADD CONSTRAINT deal_products_pkey PRIMARY KEY (connection_id, deal_external_id, "position");

ALTER TABLE source.deals ADD CONSTRAINT deals_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE source.deals ADD CONSTRAINT deals_stage_category_check CHECK ((stage_category = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text])));

ALTER TABLE source.field_changes ADD CONSTRAINT field_changes_pkey PRIMARY KEY (id);

ALTER TABLE source.pipelines ADD CONSTRAINT pipelines_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE source.products ADD CONSTRAINT products_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE source.stage_changes ADD CONSTRAINT stage_changes_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE source.stages ADD CONSTRAINT stages_category_check CHECK ((category = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text])));

ALTER TABLE source.stages ADD CONSTRAINT stages_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE source.task_targets ADD CONSTRAINT task_targets_pkey PRIMARY KEY (connection_id, task_external_id, target_entity, target_external_id);

ALTER TABLE source.tasks ADD CONSTRAINT tasks_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE source.users ADD CONSTRAINT users_pkey PRIMARY KEY (connection_id, external_id);

ALTER TABLE sync.api_user_crm_users ADD CONSTRAINT api_user_crm_users_pkey PRIMARY KEY (user_id, golden_id);

ALTER TABLE sync.api_users ADD CONSTRAINT api_users_check CHECK (((scope = 'all'::text) OR (role = 'agent'::text)));

ALTER TABLE sync.api_users ADD CONSTRAINT api_users_failed_logins_check CHECK ((failed_logins >= 0));

ALTER TABLE sync.api_users ADD CONSTRAINT api_users_pkey PRIMARY KEY (id);

ALTER TABLE sync.api_users ADD CONSTRAINT api_users_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'operator'::text, 'agent'::text])));

ALTER TABLE sync.api_users ADD CONSTRAINT api_users_scope_check CHECK ((scope = ANY (ARRAY['all'::text, 'own'::text])));

ALTER TABLE sync.api_users ADD CONSTRAINT api_users_username_check CHECK (((username = btrim(username)) AND ((length(username) >= 1) AND (length(username) <= 100))));

ALTER TABLE sync.audit_log ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE sync.bases ADD CONSTRAINT bases_pkey PRIMARY KEY (entity, golden_id, field);

ALTER TABLE sync.conflicts ADD CONSTRAINT conflicts_pkey PRIMARY KEY (id);

ALTER TABLE sync.conflicts ADD CONSTRAINT conflicts_state_check CHECK ((state = ANY (ARRAY['decided'::text, 'open'::text, 'overturned'::text])));

ALTER TABLE sync.connections ADD CONSTRAINT connections_direction_check CHECK ((direction = ANY (ARRAY['read_only'::text, 'two_way'::text])));

ALTER TABLE sync.connections ADD CONSTRAINT connections_interval_seconds_check CHECK ((interval_seconds >= 5));

ALTER TABLE sync.connections ADD CONSTRAINT connections_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text));

ALTER TABLE sync.connections ADD CONSTRAINT connections_name_key UNIQUE (name);

ALTER TABLE sync.connections ADD CONSTRAINT connections_pkey PRIMARY KEY (id);

ALTER TABLE sync.connections ADD CONSTRAINT connections_request_burst_check CHECK ((request_burst > 0));

ALTER TABLE sync.connections ADD CONSTRAINT connections_requests_per_second_check CHECK ((requests_per_second > (0)::double precision));

ALTER TABLE sync.connections ADD CONSTRAINT connections_settle_seconds_check CHECK ((settle_seconds >= (0)::double precision));

ALTER TABLE sync.connections ADD CONSTRAINT connections_status_check CHECK ((status = ANY (ARRAY['active'::text, 'paused'::text, 'needs_consent'::text, 'blocked'::text, 'broken'::text, 'removed'::text])));

ALTER TABLE sync.cursors ADD CONSTRAINT cursors_pkey PRIMARY KEY (connection_id, entity, stream);

ALTER TABLE sync.database ADD CONSTRAINT database_is_one_check CHECK (is_one);

ALTER TABLE sync.database ADD CONSTRAINT database_pkey PRIMARY KEY (is_one);

ALTER TABLE sync.devices ADD CONSTRAINT devices_check CHECK (((revoked_at IS NULL) = (revoked_because IS NULL)));

ALTER TABLE sync.devices ADD CONSTRAINT devices_pkey PRIMARY KEY (id);

ALTER TABLE sync.devices ADD CONSTRAINT devices_revoked_because_check CHECK ((revoked_because = ANY (ARRAY['logout'::text, 'revoked'::text, 'reuse'::text, 'password'::text, 'disabled'::text])));

ALTER TABLE sync.golden_queue ADD CONSTRAINT golden_queue_pkey PRIMARY KEY (entity, golden_id);

ALTER TABLE sync.inbox ADD CONSTRAINT inbox_check CHECK (((state = 'ignored'::text) OR ((entity IS NOT NULL) AND (external_id IS NOT NULL))));

ALTER TABLE sync.inbox ADD CONSTRAINT inbox_check1 CHECK (((state = 'done'::text) = (done_at IS NOT NULL)));

ALTER TABLE sync.inbox ADD CONSTRAINT inbox_connection_id_dedup_key_key UNIQUE (connection_id, dedup_key);

ALTER TABLE sync.inbox ADD CONSTRAINT inbox_pkey PRIMARY KEY (id);

ALTER TABLE sync.inbox ADD CONSTRAINT inbox_state_check CHECK ((state = ANY (ARRAY['new'::text, 'done'::text, 'ignored'::text])));

ALTER TABLE sync.match_decisions ADD CONSTRAINT match_decisions_check CHECK ((ROW(connection_id, external_id) < ROW(other_connection_id, other_external_id)));

ALTER TABLE sync.match_decisions ADD CONSTRAINT match_decisions_pkey PRIMARY KEY (id);

ALTER TABLE sync.match_decisions ADD CONSTRAINT match_decisions_verdict_check CHECK ((verdict = ANY (ARRAY['together'::text, 'apart'::text])));

ALTER TABLE sync.match_keys ADD CONSTRAINT match_keys_pkey PRIMARY KEY (entity, connection_id, external_id, rule, key);

ALTER TABLE sync.match_reviews ADD CONSTRAINT match_reviews_check CHECK ((ROW(connection_id, external_id) < ROW(other_connection_id, other_external_id)));

ALTER TABLE sync.match_reviews ADD CONSTRAINT match_reviews_entity_connection_id_external_id_other_connec_key UNIQUE (entity, connection_id, external_id, other_connection_id, other_external_id);

ALTER TABLE sync.match_reviews ADD CONSTRAINT match_reviews_pkey PRIMARY KEY (id);

ALTER TABLE sync.match_reviews ADD CONSTRAINT match_reviews_reason_check CHECK ((reason = ANY (ARRAY['contradiction'::text, 'several_candidates'::text, 'one_connection'::text, 'resemblance'::text])));

ALTER TABLE sync.match_reviews ADD CONSTRAINT match_reviews_state_check CHECK ((state = ANY (ARRAY['open'::text, 'merged'::text, 'kept_apart'::text, 'obsolete'::text])));

ALTER TABLE sync.migrations ADD CONSTRAINT migrations_pkey PRIMARY KEY (version);

ALTER TABLE sync.missing_references ADD CONSTRAINT missing_references_pkey PRIMARY KEY (connection_id, missing_entity, missing_external_id, entity, external_id);

ALTER TABLE sync.oauth_states ADD CONSTRAINT oauth_states_pkey PRIMARY KEY (state_hash);

ALTER TABLE sync.operating_time ADD CONSTRAINT operating_time_pkey PRIMARY KEY (meter, method);

ALTER TABLE sync.operation_changes ADD CONSTRAINT operation_changes_pkey PRIMARY KEY (operation_id, change_id);

ALTER TABLE sync.operations ADD CONSTRAINT operations_check CHECK (((status <> 'rejected'::text) OR (reason IS NOT NULL)));

ALTER TABLE sync.operations ADD CONSTRAINT operations_pkey PRIMARY KEY (id);

ALTER TABLE sync.operations ADD CONSTRAINT operations_status_check CHECK ((status = ANY (ARRAY['accepted'::text, 'merged'::text, 'conflict'::text, 'rejected'::text])));

ALTER TABLE sync.outgoing_attempts ADD CONSTRAINT outgoing_attempts_pkey PRIMARY KEY (id);

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_attempts_check CHECK ((attempts >= 0));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_base_check CHECK ((jsonb_typeof(base) = 'object'::text));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_check CHECK (((state = 'in_flight'::text) = (lease_until IS NOT NULL)));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_check1 CHECK (((lease_until IS NULL) = (leased_by IS NULL)));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_check2 CHECK (((state = ANY (ARRAY['pending'::text, 'in_flight'::text])) = (settled_at IS NULL)));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_check3 CHECK (((state <> ALL (ARRAY['conflict'::text, 'rejected'::text, 'dead'::text, 'cancelled'::text])) OR (error_detail IS NOT NULL)));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_check4 CHECK (((state <> ALL (ARRAY['rejected'::text, 'dead'::text])) OR (error_code IS NOT NULL)));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_check5 CHECK (((state <> 'applied'::text) OR ((written IS NOT NULL) AND (external_id IS NOT NULL))));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_fields_check CHECK ((jsonb_typeof(fields) = 'object'::text));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_idempotency_key_key UNIQUE (idempotency_key);

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_lane_check CHECK ((lane = ANY (ARRAY['interactive'::text, 'bulk'::text])));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_operation_check CHECK ((operation = ANY (ARRAY['create'::text, 'update'::text, 'complete'::text, 'reopen'::text, 'link'::text, 'unlink'::text])));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_pkey PRIMARY KEY (id);

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_said_check CHECK ((jsonb_typeof(said) = 'object'::text));

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'in_flight'::text, 'applied'::text, 'merged'::text, 'conflict'::text, 'rejected'::text, 'dead'::text, 'cancelled'::text])));

ALTER TABLE sync.quarantine ADD CONSTRAINT quarantine_connection_id_entity_external_id_key UNIQUE (connection_id, entity, external_id);

ALTER TABLE sync.quarantine ADD CONSTRAINT quarantine_pkey PRIMARY KEY (id);

ALTER TABLE sync.rate_budget ADD CONSTRAINT rate_budget_pkey PRIMARY KEY (meter);

ALTER TABLE sync.reconcile_queue ADD CONSTRAINT reconcile_queue_pkey PRIMARY KEY (id);

ALTER TABLE sync.refresh_tokens ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE sync.resemblance_blocks ADD CONSTRAINT resemblance_blocks_pkey PRIMARY KEY (block, golden_id);

ALTER TABLE sync.suggestion_queue ADD CONSTRAINT suggestion_queue_pkey PRIMARY KEY (golden_id);

ALTER TABLE sync.sync_runs ADD CONSTRAINT sync_runs_pkey PRIMARY KEY (id);

ALTER TABLE sync.sync_status ADD CONSTRAINT sync_status_pkey PRIMARY KEY (connection_id, entity);

ALTER TABLE sync.visible_records ADD CONSTRAINT visible_records_pkey PRIMARY KEY (user_id, entity, id);

ALTER TABLE sync.walk_seen ADD CONSTRAINT walk_seen_pkey PRIMARY KEY (connection_id, stream, kind, external_id);

ALTER TABLE sync.webhooks ADD CONSTRAINT webhooks_pkey PRIMARY KEY (connection_id);

ALTER TABLE sync.webhooks ADD CONSTRAINT webhooks_state_check CHECK ((state = ANY (ARRAY['unregistered'::text, 'registered'::text, 'refused'::text])));

ALTER TABLE sync.webhooks ADD CONSTRAINT webhooks_token_hash_key UNIQUE (token_hash);

CREATE INDEX communications_changed ON crm.communications USING btree (changed_xid, id);

CREATE INDEX communications_reconciled ON crm.communications USING brin (reconciled_at) WITH (autosummarize='on');

CREATE INDEX communications_target ON crm.communications USING btree (target_id);

CREATE INDEX communications_updated ON crm.communications USING btree (COALESCE(updated_at, '-infinity'::timestamp with time zone), id);

CREATE INDEX companies_changed ON crm.companies USING btree (changed_xid, id);

CREATE INDEX companies_owner ON crm.companies USING btree (owner_id);

CREATE INDEX companies_reconciled ON crm.companies USING brin (reconciled_at) WITH (autosummarize='on');

CREATE INDEX companies_updated ON crm.companies USING btree (COALESCE(updated_at, '-infinity'::timestamp with time zone), id);

CREATE INDEX contact_companies_company ON crm.contact_companies USING btree (company_id);

CREATE INDEX contact_points_value ON crm.contact_points USING btree (kind, value);

CREATE INDEX contacts_changed ON crm.contacts USING btree (changed_xid, id);

CREATE INDEX contacts_company ON crm.contacts USING btree (company_id);

CREATE INDEX contacts_owner ON crm.contacts USING btree (owner_id);

CREATE INDEX contacts_reconciled ON crm.contacts USING brin (reconciled_at) WITH (autosummarize='on');

CREATE INDEX contacts_updated ON crm.contacts USING btree (COALESCE(updated_at, '-infinity'::timestamp with time zone), id);

CREATE INDEX crosswalk_golden ON crm.crosswalk USING btree (golden_id);

CREATE INDEX deal_contacts_contact ON crm.deal_contacts USING btree (contact_id);

CREATE INDEX deal_stage_history_time ON crm.deal_stage_history USING btree (deal_id, changed_at);

CREATE INDEX deals_changed ON crm.deals USING btree (changed_xid, id);

CREATE INDEX deals_company ON crm.deals USING btree (company_id);

CREATE INDEX deals_owner ON crm.deals USING btree (owner_id);

CREATE INDEX deals_reconciled ON crm.deals USING brin (reconciled_at) WITH (autosummarize='on');

CREATE INDEX deals_stage ON crm.deals USING btree (stage_id);

CREATE INDEX deals_updated ON crm.deals USING btree (COALESCE(updated_at, '-infinity'::timestamp with time zone), id);

CREATE INDEX golden_redirects_new ON crm.golden_redirects USING btree (new_id);

CREATE INDEX pipelines_changed ON crm.pipelines USING btree (changed_xid, id);

CREATE INDEX pipelines_reconciled ON crm.pipelines USING brin (reconciled_at) WITH (autosummarize='on');

CREATE INDEX products_changed ON crm.products USING btree (changed_xid, id);

CREATE INDEX products_reconciled ON crm.products USING brin (reconciled_at) WITH (autosummarize='on');

CREATE INDEX products_updated ON crm.products USING btree (COALESCE(updated_at, '-infinity'::timestamp with time zone), id);

CREATE INDEX stages_changed ON crm.stages USING btree (changed_xid, id);

CREATE INDEX stages_reconciled ON crm.stages USING brin (reconciled_at) WITH (autosummarize='on');

CREATE INDEX tasks_changed ON crm.tasks USING btree (changed_xid, id);

CREATE INDEX tasks_owner ON crm.tasks USING btree (owner_id);

CREATE INDEX tasks_reconciled ON crm.tasks USING brin (reconciled_at) WITH (autosummarize='on');

CREATE INDEX tasks_target ON crm.tasks USING btree (target_id);

CREATE INDEX tasks_updated ON crm.tasks USING btree (COALESCE(updated_at, '-infinity'::timestamp with time zone), id);

CREATE INDEX tombstones_changed ON crm.tombstones USING btree (changed_xid, id);

CREATE INDEX users_changed ON crm.users USING btree (changed_xid, id);

CREATE INDEX users_reconciled ON crm.users USING brin (reconciled_at) WITH (autosummarize='on');

CREATE INDEX communications_target ON source.communications USING btree (connection_id, target_external_id);

CREATE INDEX contact_companies_company ON source.contact_companies USING btree (connection_id, company_external_id);

CREATE INDEX contact_points_value ON source.contact_points USING btree (kind, value);

CREATE INDEX contacts_company ON source.contacts USING btree (connection_id, company_external_id);

CREATE INDEX deal_contacts_contact ON source.deal_contacts USING btree (connection_id, contact_external_id);

CREATE INDEX deals_company ON source.deals USING btree (connection_id, company_external_id);

CREATE INDEX field_changes_record ON source.field_changes USING btree (connection_id, entity, external_id, field, id);

CREATE INDEX stage_changes_deal ON source.stage_changes USING btree (connection_id, deal_external_id);

CREATE INDEX tasks_target ON source.tasks USING btree (connection_id, target_external_id);

CREATE INDEX api_user_crm_users_golden ON sync.api_user_crm_users USING btree (golden_id);

CREATE UNIQUE INDEX api_users_username ON sync.api_users USING btree (lower(username));

CREATE INDEX conflicts_open ON sync.conflicts USING btree (id) WHERE ((superseded_at IS NULL) AND (state = 'open'::text));

CREATE UNIQUE INDEX conflicts_current ON sync.conflicts USING btree (entity, golden_id, field) WHERE (superseded_at IS NULL);

CREATE UNIQUE INDEX connections_account ON sync.connections USING btree (crm, stable_id) WHERE ((stable_id IS NOT NULL) AND (status <> 'removed'::text));

CREATE INDEX devices_user ON sync.devices USING btree (user_id);

CREATE INDEX inbox_new ON sync.inbox USING btree (connection_id, id) WHERE (state = 'new'::text);

CREATE INDEX inbox_received ON sync.inbox USING btree (received_at);

CREATE INDEX match_decisions_other ON sync.match_decisions USING btree (entity, other_connection_id, other_external_id) WHERE (revoked_at IS NULL);

CREATE UNIQUE INDEX match_decisions_pair ON sync.match_decisions USING btree (entity, connection_id, external_id, other_connection_id, other_external_id) WHERE (revoked_at IS NULL);

CREATE INDEX match_keys_key ON sync.match_keys USING btree (entity, rule, key);

CREATE INDEX match_reviews_open ON sync.match_reviews USING btree (entity, id) WHERE (state = 'open'::text);

CREATE INDEX match_reviews_other ON sync.match_reviews USING btree (entity, other_connection_id, other_external_id);

CREATE INDEX oauth_states_expires ON sync.oauth_states USING btree (expires_at);

CREATE INDEX operation_changes_change ON sync.operation_changes USING btree (change_id);

CREATE INDEX operation_changes_changed ON sync.operation_changes USING btree (changed_xid);

CREATE INDEX operations_actor ON sync.operations USING btree (actor, changed_xid);

CREATE INDEX operations_changed ON sync.operations USING btree (changed_xid);

CREATE INDEX operations_golden ON sync.operations USING btree (entity, golden_id, received_at);

CREATE INDEX operations_received ON sync.operations USING btree (received_at);

CREATE INDEX operations_record ON sync.operations USING btree (actor, record) WHERE (record IS NOT NULL);

CREATE INDEX outgoing_attempts_change ON sync.outgoing_attempts USING btree (change_id, id);

CREATE INDEX outgoing_changed ON sync.outgoing_changes USING btree (changed_xid);

CREATE INDEX outgoing_due ON sync.outgoing_changes USING btree (connection_id, lane DESC, id) WHERE (state = 'pending'::text);

CREATE INDEX outgoing_leased ON sync.outgoing_changes USING btree (lease_until) WHERE (state = 'in_flight'::text);

CREATE INDEX outgoing_record ON sync.outgoing_changes USING btree (entity, golden_id, id);

CREATE INDEX outgoing_settled ON sync.outgoing_changes USING btree (connection_id, settled_at) WHERE (settled_at IS NOT NULL);

CREATE INDEX outgoing_unsettled ON sync.outgoing_changes USING btree (connection_id, entity, golden_id, id) WHERE (settled_at IS NULL);

CREATE UNIQUE INDEX outgoing_one_create ON sync.outgoing_changes USING btree (connection_id, entity, golden_id) WHERE ((operation = 'create'::text) AND (state <> ALL (ARRAY['rejected'::text, 'dead'::text, 'cancelled'::text])));

CREATE INDEX reconcile_queue_entity ON sync.reconcile_queue USING btree (entity, id);

CREATE INDEX refresh_tokens_device ON sync.refresh_tokens USING btree (device_id);

CREATE INDEX refresh_tokens_expires ON sync.refresh_tokens USING btree (expires_at);

CREATE INDEX resemblance_blocks_golden ON sync.resemblance_blocks USING btree (golden_id);

CREATE INDEX sync_runs_recent ON sync.sync_runs USING btree (connection_id, entity, id DESC);

CREATE INDEX visible_records_changed ON sync.visible_records USING btree (user_id, changed_xid, id);

CREATE INDEX visible_records_gone ON sync.visible_records USING btree (user_id, changed_xid, id) WHERE (NOT is_visible);

ALTER TABLE sync.api_user_crm_users ADD CONSTRAINT api_user_crm_users_user_id_fkey FOREIGN KEY (user_id) REFERENCES sync.api_users(id) ON DELETE CASCADE;

ALTER TABLE sync.cursors ADD CONSTRAINT cursors_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES sync.connections(id);

ALTER TABLE sync.devices ADD CONSTRAINT devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES sync.api_users(id) ON DELETE CASCADE;

ALTER TABLE sync.inbox ADD CONSTRAINT inbox_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES sync.connections(id);

ALTER TABLE sync.oauth_states ADD CONSTRAINT oauth_states_user_id_fkey FOREIGN KEY (user_id) REFERENCES sync.api_users(id) ON DELETE CASCADE;

ALTER TABLE sync.operation_changes ADD CONSTRAINT operation_changes_change_id_fkey FOREIGN KEY (change_id) REFERENCES sync.outgoing_changes(id) ON DELETE CASCADE;

ALTER TABLE sync.operation_changes ADD CONSTRAINT operation_changes_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES sync.operations(id) ON DELETE CASCADE;

ALTER TABLE sync.outgoing_attempts ADD CONSTRAINT outgoing_attempts_change_id_fkey FOREIGN KEY (change_id) REFERENCES sync.outgoing_changes(id) ON DELETE CASCADE;

ALTER TABLE sync.outgoing_changes ADD CONSTRAINT outgoing_changes_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES sync.connections(id);

ALTER TABLE sync.quarantine ADD CONSTRAINT quarantine_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES sync.connections(id);

ALTER TABLE sync.refresh_tokens ADD CONSTRAINT refresh_tokens_device_id_fkey FOREIGN KEY (device_id) REFERENCES sync.devices(id) ON DELETE CASCADE;

ALTER TABLE sync.sync_runs ADD CONSTRAINT sync_runs_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES sync.connections(id);

ALTER TABLE sync.sync_status ADD CONSTRAINT sync_status_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES sync.connections(id);

ALTER TABLE sync.visible_records ADD CONSTRAINT visible_records_user_id_fkey FOREIGN KEY (user_id) REFERENCES sync.api_users(id) ON DELETE CASCADE;

ALTER TABLE sync.walk_seen ADD CONSTRAINT walk_seen_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES sync.connections(id);

ALTER TABLE sync.webhooks ADD CONSTRAINT webhooks_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES sync.connections(id);

-- Everything that happened with a contact, in one list.
CREATE OR REPLACE VIEW crm.contact_timeline AS
SELECT m.target_id AS contact_id, m.happened_at, m.kind, m.direction, m.body_text AS what, u.name AS who, m.id AS record_id, 'communications' AS entity
FROM crm.communications m
LEFT JOIN crm.users u ON u.id = m.author_id
WHERE m.target_entity = 'contacts' AND m.deleted_at IS NULL
UNION ALL
SELECT l.contact_id, m.happened_at, m.kind, m.direction, m.body_text, u.name, m.id, 'communications'
FROM crm.communications m
JOIN crm.deal_contacts l ON l.deal_id = m.target_id
LEFT JOIN crm.users u ON u.id = m.author_id
WHERE m.target_entity = 'deals' AND m.deleted_at IS NULL
UNION ALL
SELECT t.target_id, COALESCE(t.completed_at, t.due_at), 'task', NULL, COALESCE(t.title, t.body), u.name, t.id, 'tasks'
FROM crm.tasks t
LEFT JOIN crm.users u ON u.id = t.owner_id
WHERE t.target_entity = 'contacts' AND t.deleted_at IS NULL
UNION ALL
SELECT l.contact_id, h.changed_at, 'stage', NULL, concat_ws(': ', d.title, s.name), u.name, h.deal_id, 'deals'
FROM crm.deal_stage_history h
JOIN crm.deal_contacts l ON l.deal_id = h.deal_id
JOIN crm.deals d ON d.id = h.deal_id
LEFT JOIN crm.stages s ON s.id = h.stage_id
LEFT JOIN crm.users u ON u.id = h.author_id
WHERE d.deleted_at IS NULL;
COMMENT ON VIEW crm.contact_timeline IS 'Everything that happened with a contact: letters, calls, notes, tasks, and its deals moving through the stages.';
COMMENT ON COLUMN crm.contact_timeline.contact_id IS 'Contact (crm.contacts.id).';
COMMENT ON COLUMN crm.contact_timeline.happened_at IS 'When it happened; of a task, when it was completed or is due.';
COMMENT ON COLUMN crm.contact_timeline.kind IS 'call, sms, email, chat, meeting, note, other, task or stage.';
COMMENT ON COLUMN crm.contact_timeline.direction IS 'in or out, when there is one.';
COMMENT ON COLUMN crm.contact_timeline.what IS 'Plain text.';
COMMENT ON COLUMN crm.contact_timeline.who IS 'Name of the user.';
COMMENT ON COLUMN crm.contact_timeline.record_id IS 'Record it comes from.';
COMMENT ON COLUMN crm.contact_timeline.entity IS 'Entity of that record.';

-- Custom fields of golden records, one row for each value.
CREATE OR REPLACE VIEW crm.custom_field_values AS
SELECT r.entity, r.id AS record_id, c.key AS connection, f.key AS field_key, f.value ->> 'name' AS field, f.value ->> 'type' AS type,
       f.value -> 'value' AS value, f.value ->> 'value' AS value_text
FROM (
    SELECT 'companies' AS entity, id, custom_fields FROM crm.companies WHERE deleted_at IS NULL AND custom_fields <> '{}'
    UNION ALL SELECT 'contacts', id, custom_fields FROM crm.contacts WHERE deleted_at IS NULL AND custom_fields <> '{}'
    UNION ALL SELECT 'products', id, custom_fields FROM crm.products WHERE deleted_at IS NULL AND custom_fields <> '{}'
    UNION ALL SELECT 'deals', id, custom_fields FROM crm.deals WHERE deleted_at IS NULL AND custom_fields <> '{}'
    UNION ALL SELECT 'tasks', id, custom_fields FROM crm.tasks WHERE deleted_at IS NULL AND custom_fields <> '{}'
) r
CROSS JOIN LATERAL jsonb_each(r.custom_fields) c
CROSS JOIN LATERAL jsonb_each(c.value) f;
COMMENT ON VIEW crm.custom_field_values IS 'Custom fields of golden records, one row for each value.';
COMMENT ON COLUMN crm.custom_field_values.entity IS 'Entity.';
COMMENT ON COLUMN crm.custom_field_values.record_id IS 'Golden record.';
COMMENT ON COLUMN crm.custom_field_values.connection IS 'Name of the connection whose field it is.';
COMMENT ON COLUMN crm.custom_field_values.field_key IS 'Key of the field in its CRM.';
COMMENT ON COLUMN crm.custom_field_values.field IS 'Name of the field.';
COMMENT ON COLUMN crm.custom_field_values.type IS 'Type of the field.';
COMMENT ON COLUMN crm.custom_field_values.value IS 'Value: a label for lists, a list for multiple fields.';
COMMENT ON COLUMN crm.custom_field_values.value_text IS 'Value as text.';

-- How fresh what an analyst reads is.
CREATE OR REPLACE VIEW crm.freshness AS
SELECT c.name AS connection, c.crm, c.status, s.entity, s.last_success_at, now() - s.last_success_at AS age, s.lag_seconds,
       s.last_error, s.what_to_do
FROM sync.sync_status s
JOIN sync.connections c ON c.id = s.connection_id
WHERE c.status <> 'removed';
COMMENT ON VIEW crm.freshness IS 'How fresh each entity of each connection is.';
COMMENT ON COLUMN crm.freshness.connection IS 'Name of the connection.';
COMMENT ON COLUMN crm.freshness.crm IS 'Kind of system.';
COMMENT ON COLUMN crm.freshness.status IS 'Status of the connection; only an active one is synced.';
COMMENT ON COLUMN crm.freshness.entity IS 'Entity.';
COMMENT ON COLUMN crm.freshness.last_success_at IS 'When it was last synced without an error.';
COMMENT ON COLUMN crm.freshness.age IS 'How long ago that was.';
COMMENT ON COLUMN crm.freshness.lag_seconds IS 'How old the data was at that moment.';
COMMENT ON COLUMN crm.freshness.last_error IS 'Last error, null after a success.';
COMMENT ON COLUMN crm.freshness.what_to_do IS 'What a person should do about it.';

-- How many deals stand in each stage, and what they are worth.
CREATE OR REPLACE VIEW crm.funnel AS
SELECT p.name AS pipeline, s.name AS stage, s.sort AS stage_sort, s.category, d.currency,
       count(*) AS deals, COALESCE(sum(d.amount), 0) AS amount,
       count(*) FILTER (WHERE d.updated_at < now() - interval '30 days') AS idle_30_days,
       d.pipeline_id, d.stage_id
FROM crm.deals d
LEFT JOIN crm.stages s ON s.id = d.stage_id
LEFT JOIN crm.pipelines p ON p.id = d.pipeline_id
WHERE d.deleted_at IS NULL
GROUP BY p.name, s.name, s.sort, s.category, d.currency, d.pipeline_id, d.stage_id;
COMMENT ON VIEW crm.funnel IS 'How many deals stand in each stage, and what they are worth, by currency.';
COMMENT ON COLUMN crm.funnel.pipeline IS 'Name of the pipeline.';
COMMENT ON COLUMN crm.funnel.stage IS 'Name of the stage.';
COMMENT ON COLUMN crm.funnel.stage_sort IS 'Order of the stage within its pipeline.';
COMMENT ON COLUMN crm.funnel.category IS 'open, won or lost.';
COMMENT ON COLUMN crm.funnel.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN crm.funnel.deals IS 'Number of deals.';
COMMENT ON COLUMN crm.funnel.amount IS 'Sum of their amounts.';
COMMENT ON COLUMN crm.funnel.idle_30_days IS 'How many of them have not changed for 30 days.';
COMMENT ON COLUMN crm.funnel.pipeline_id IS 'Pipeline (crm.pipelines.id).';
COMMENT ON COLUMN crm.funnel.stage_id IS 'Stage (crm.stages.id).';

-- Why deals were lost, month by month.
CREATE OR REPLACE VIEW crm.lost_reasons AS
SELECT COALESCE(d.loss_reason, '(none given)') AS reason, p.name AS pipeline,
       date_trunc('month', COALESCE(d.closed_at, d.updated_at))::date AS month, d.currency,
       count(*) AS deals, COALESCE(sum(d.amount), 0) AS amount, d.pipeline_id
FROM crm.deals d
LEFT JOIN crm.pipelines p ON p.id = d.pipeline_id
WHERE d.stage_category = 'lost' AND d.deleted_at IS NULL
GROUP BY 1, 2, 3, 4, 7;
COMMENT ON VIEW crm.lost_reasons IS 'Why deals were lost, by pipeline, month and currency.';
COMMENT ON COLUMN crm.lost_reasons.reason IS 'Reason given.';
COMMENT ON COLUMN crm.lost_reasons.pipeline IS 'Name of the pipeline.';
COMMENT ON COLUMN crm.lost_reasons.month IS 'First day of the month in which they were closed (UTC).';
COMMENT ON COLUMN crm.lost_reasons.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN crm.lost_reasons.deals IS 'Number of deals.';
COMMENT ON COLUMN crm.lost_reasons.amount IS 'Sum of their amounts.';
COMMENT ON COLUMN crm.lost_reasons.pipeline_id IS 'Pipeline (crm.pipelines.id).';

-- Conflicts that wait for a person.
CREATE OR REPLACE VIEW crm.open_conflicts AS
SELECT k.id, k.entity, k.golden_id,
       CASE k.entity
           WHEN 'users' THEN (SELECT g.name FROM crm.users g WHERE g.id = k.golden_id)
           WHEN 'pipelines' THEN (SELECT g.name FROM crm.pipelines g WHERE g.id = k.golden_id)
           WHEN 'stages' THEN (SELECT g.name FROM crm.stages g WHERE g.id = k.golden_id)
           WHEN 'contacts' THEN (SELECT g.name FROM crm.contacts g WHERE g.id = k.golden_id)
           WHEN 'companies' THEN (SELECT g.name FROM crm.companies g WHERE g.id = k.golden_id)
           WHEN 'deals' THEN (SELECT g.title FROM crm.deals g WHERE g.id = k.golden_id)
           WHEN 'tasks' THEN (SELECT g.title FROM crm.tasks g WHERE g.id = k.golden_id)
           WHEN 'communications' THEN (SELECT g.body_text FROM crm.communications g WHERE g.id = k.golden_id)
           WHEN 'products' THEN (SELECT g.name FROM crm.products g WHERE g.id = k.golden_id)
       END AS name,
       k.field, v.side, v.told -> 'value' AS value, (v.told ->> 'changed_at')::timestamptz AS changed_at, k.base_value, v.side = k.chosen AS stands, k.seen_at
FROM sync.conflicts k
CROSS JOIN LATERAL jsonb_each(k.values) v (side, told)
WHERE k.superseded_at IS NULL AND k.state = 'open';
COMMENT ON VIEW crm.open_conflicts IS 'What sides of a conflict say that a person has to decide, a row for each side: crm-pipeline conflicts take ID SIDE.';
COMMENT ON COLUMN crm.open_conflicts.id IS 'Conflict (sync.conflicts.id).';
COMMENT ON COLUMN crm.open_conflicts.entity IS 'Entity.';
COMMENT ON COLUMN crm.open_conflicts.golden_id IS 'Golden record (crm.<entity>.id).';
COMMENT ON COLUMN crm.open_conflicts.name IS 'What the record is called.';
COMMENT ON COLUMN crm.open_conflicts.field IS 'Field, or group of fields that go together, such as name.';
COMMENT ON COLUMN crm.open_conflicts.side IS 'Who says it: a connection, with the record''s id where it has two.';
COMMENT ON COLUMN crm.open_conflicts.value IS 'What that side says, by column.';
COMMENT ON COLUMN crm.open_conflicts.changed_at IS 'When that side changed it.';
COMMENT ON COLUMN crm.open_conflicts.base_value IS 'What all sides last agreed on, by column; null when they never did.';
COMMENT ON COLUMN crm.open_conflicts.stands IS 'Whether this side''s value stands until a person decides.';
COMMENT ON COLUMN crm.open_conflicts.seen_at IS 'When the conflict was first seen.';

-- Pairs of records of which a person says whether they are one thing.
CREATE OR REPLACE VIEW crm.open_reviews AS
SELECT r.id, r.entity, c.name || ':' || r.external_id AS record,
       CASE r.entity
           WHEN 'contacts' THEN (SELECT s.name FROM source.contacts s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'companies' THEN (SELECT s.name FROM source.companies s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'deals' THEN (SELECT s.title FROM source.deals s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'products' THEN (SELECT s.name FROM source.products s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'users' THEN (SELECT s.name FROM source.users s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'pipelines' THEN (SELECT s.name FROM source.pipelines s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'stages' THEN (SELECT s.name FROM source.stages s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
       END AS name,
       d.name || ':' || r.other_external_id AS other_record,
       CASE r.entity
           WHEN 'contacts' THEN (SELECT s.name FROM source.contacts s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'companies' THEN (SELECT s.name FROM source.companies s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'deals' THEN (SELECT s.title FROM source.deals s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'products' THEN (SELECT s.name FROM source.products s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'users' THEN (SELECT s.name FROM source.users s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'pipelines' THEN (SELECT s.name FROM source.pipelines s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'stages' THEN (SELECT s.name FROM source.stages s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
       END AS other_name,
       r.reason, r.explanation, r.rule, r.score, r.features, r.created_at
FROM sync.match_reviews r
JOIN sync.connections c ON c.id = r.connection_id
JOIN sync.connections d ON d.id = r.other_connection_id
WHERE r.state = 'open';
COMMENT ON VIEW crm.open_reviews IS 'Pairs of records that may be one thing: crm-pipeline match merge --review ID, or match split --review ID.';
COMMENT ON COLUMN crm.open_reviews.id IS 'Review (sync.match_reviews.id).';
COMMENT ON COLUMN crm.open_reviews.entity IS 'Entity of both records.';
COMMENT ON COLUMN crm.open_reviews.record IS 'The one record: connection:external id.';
COMMENT ON COLUMN crm.open_reviews.name IS 'What it is called there.';
COMMENT ON COLUMN crm.open_reviews.other_record IS 'The other record.';
COMMENT ON COLUMN crm.open_reviews.other_name IS 'What that is called there.';
COMMENT ON COLUMN crm.open_reviews.reason IS 'contradiction, several_candidates, one_connection or resemblance.';
COMMENT ON COLUMN crm.open_reviews.explanation IS 'Why they may be one, and what speaks against it.';
COMMENT ON COLUMN crm.open_reviews.rule IS 'Rule that brought them together, or resemblance.';
COMMENT ON COLUMN crm.open_reviews.score IS 'How alike they are, 0 to 1, of suggestions.';
COMMENT ON COLUMN crm.open_reviews.features IS 'What the score is made of: feature → 0 to 1.';
COMMENT ON COLUMN crm.open_reviews.created_at IS 'When it came up.';

-- Tasks still to be done, with whom and what they are about.
CREATE OR REPLACE VIEW crm.open_tasks AS
SELECT t.id, t.title, t.body, t.kind, t.due_at, t.due_at < now() AS is_overdue, u.name AS owner, t.target_entity,
       COALESCE(d.title, c.name, o.name) AS target, t.owner_id, t.target_id
FROM crm.tasks t
LEFT JOIN crm.users u ON u.id = t.owner_id
LEFT JOIN crm.deals d ON t.target_entity = 'deals' AND d.id = t.target_id
LEFT JOIN crm.contacts c ON t.target_entity = 'contacts' AND c.id = t.target_id
LEFT JOIN crm.companies o ON t.target_entity = 'companies' AND o.id = t.target_id
WHERE NOT t.is_completed AND t.deleted_at IS NULL;
COMMENT ON VIEW crm.open_tasks IS 'Tasks still to be done, with whose they are and what they are about.';
COMMENT ON COLUMN crm.open_tasks.id IS 'Task (crm.tasks.id).';
COMMENT ON COLUMN crm.open_tasks.title IS 'Title.';
COMMENT ON COLUMN crm.open_tasks.body IS 'Text.';
COMMENT ON COLUMN crm.open_tasks.kind IS 'Kind of task, as the CRM calls it.';
COMMENT ON COLUMN crm.open_tasks.due_at IS 'Deadline.';
COMMENT ON COLUMN crm.open_tasks.is_overdue IS 'Whether the deadline has passed.';
COMMENT ON COLUMN crm.open_tasks.owner IS 'Name of the user it is assigned to.';
COMMENT ON COLUMN crm.open_tasks.target_entity IS 'Entity of the record it is about.';
COMMENT ON COLUMN crm.open_tasks.target IS 'Title or name of the record it is about.';
COMMENT ON COLUMN crm.open_tasks.owner_id IS 'User it is assigned to (crm.users.id).';
COMMENT ON COLUMN crm.open_tasks.target_id IS 'Record it is about.';

-- What each user has on the table.
CREATE OR REPLACE VIEW crm.owner_load AS
SELECT u.id AS owner_id, u.name AS owner, u.is_active,
       (SELECT count(*) FROM crm.deals d WHERE d.owner_id = u.id AND d.stage_category = 'open' AND d.deleted_at IS NULL) AS open_deals,
       (SELECT COALESCE(sum(d.amount), 0) FROM crm.deals d
        WHERE d.owner_id = u.id AND d.stage_category = 'open' AND d.deleted_at IS NULL) AS open_amount,
       (SELECT count(*) FROM crm.tasks t WHERE t.owner_id = u.id AND NOT t.is_completed AND t.deleted_at IS NULL) AS open_tasks,
       (SELECT count(*) FROM crm.tasks t
        WHERE t.owner_id = u.id AND NOT t.is_completed AND t.deleted_at IS NULL AND t.due_at < now()) AS overdue_tasks
FROM crm.users u
WHERE u.deleted_at IS NULL;
COMMENT ON VIEW crm.owner_load IS 'What each user has on the table: open deals and tasks.';
COMMENT ON COLUMN crm.owner_load.owner_id IS 'User (crm.users.id).';
COMMENT ON COLUMN crm.owner_load.owner IS 'Name of the user.';
COMMENT ON COLUMN crm.owner_load.is_active IS 'Whether the user may log in.';
COMMENT ON COLUMN crm.owner_load.open_deals IS 'Number of open deals.';
COMMENT ON COLUMN crm.owner_load.open_amount IS 'Sum of their amounts, currencies not told apart.';
COMMENT ON COLUMN crm.owner_load.open_tasks IS 'Number of tasks to be done.';
COMMENT ON COLUMN crm.owner_load.overdue_tasks IS 'How many of them are overdue.';

-- What each source said when.
CREATE OR REPLACE VIEW crm.value_history AS
SELECT h.entity, h.golden_id, c.name AS connection, h.external_id, h.field, h.value #>> '{}' AS value, h.valid_from, h.valid_until
FROM (
    -- what is said since a change, until the next one
    SELECT x.entity, x.golden_id, x.connection_id, x.external_id, f.field, f.new_value AS value, COALESCE(f.changed_at, f.seen_at) AS valid_from,
           COALESCE((
               SELECT COALESCE(n.changed_at, n.seen_at) FROM source.field_changes n
               WHERE n.connection_id = f.connection_id AND n.entity = f.entity AND n.external_id = f.external_id AND n.field = f.field AND n.id > f.id
               ORDER BY n.id LIMIT 1
           ), 'infinity') AS valid_until
    FROM crm.crosswalk x
    JOIN source.field_changes f ON f.connection_id = x.connection_id AND f.entity = x.entity AND f.external_id = x.external_id
    UNION ALL
    -- what was said before the first change
    SELECT x.entity, x.golden_id, x.connection_id, x.external_id, f.field, f.old_value,
           CASE x.entity
           WHEN 'contacts' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.contacts s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           WHEN 'companies' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.companies s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           WHEN 'deals' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.deals s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           WHEN 'tasks' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.tasks s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           WHEN 'communications' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.communications s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           WHEN 'products' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.products s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           END,
           COALESCE(f.changed_at, f.seen_at)
    FROM crm.crosswalk x
    JOIN source.field_changes f ON f.connection_id = x.connection_id AND f.entity = x.entity AND f.external_id = x.external_id
    WHERE f.old_value IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM source.field_changes b
          WHERE b.connection_id = f.connection_id AND b.entity = f.entity AND b.external_id = f.external_id AND b.field = f.field AND b.id < f.id
      )
    UNION ALL
    -- what never changed
    SELECT u.entity, u.golden_id, u.connection_id, u.external_id, u.field, u.value, u.known_from, 'infinity'
    FROM (
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') AS known_from, f.field, f.value
    FROM crm.crosswalk x
    JOIN source.contacts s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
        UNION ALL
        SELECT CASE t.kind WHEN 'phone' THEN 'phones' WHEN 'email' THEN 'emails' ELSE 'contact_points' END, jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'external_id', 'entity', 'position', 'remote_value_id'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'external_id', 'entity', 'position', 'remote_value_id'])
        FROM source.contact_points t WHERE t.connection_id = s.connection_id AND t.entity = 'contacts' AND t.external_id = s.external_id GROUP BY 1
        UNION ALL
        SELECT 'companies', jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'contact_external_id'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'contact_external_id'])
        FROM source.contact_companies t WHERE t.connection_id = s.connection_id AND t.contact_external_id = s.external_id HAVING count(*) > 0
    ) f
    WHERE x.entity = 'contacts'
    UNION ALL
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity'), f.field, f.value
    FROM crm.crosswalk x
    JOIN source.companies s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
        UNION ALL
        SELECT CASE t.kind WHEN 'phone' THEN 'phones' WHEN 'email' THEN 'emails' ELSE 'contact_points' END, jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'external_id', 'entity', 'position', 'remote_value_id'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'external_id', 'entity', 'position', 'remote_value_id'])
        FROM source.contact_points t WHERE t.connection_id = s.connection_id AND t.entity = 'companies' AND t.external_id = s.external_id GROUP BY 1
    ) f
    WHERE x.entity = 'companies'
    UNION ALL
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity'), f.field, f.value
    FROM crm.crosswalk x
    JOIN source.deals s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
        UNION ALL
        SELECT 'contacts', jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'deal_external_id', 'position'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'deal_external_id', 'position'])
        FROM source.deal_contacts t WHERE t.connection_id = s.connection_id AND t.deal_external_id = s.external_id HAVING count(*) > 0
        UNION ALL
        SELECT 'products', jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'deal_external_id'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'deal_external_id'])
        FROM source.deal_products t WHERE t.connection_id = s.connection_id AND t.deal_external_id = s.external_id HAVING count(*) > 0
    ) f
    WHERE x.entity = 'deals'
    UNION ALL
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity'), f.field, f.value
    FROM crm.crosswalk x
    JOIN source.tasks s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
        UNION ALL
        SELECT 'targets', jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'task_external_id'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'task_external_id'])
        FROM source.task_targets t WHERE t.connection_id = s.connection_id AND t.task_external_id = s.external_id HAVING count(*) > 0
    ) f
    WHERE x.entity = 'tasks'
    UNION ALL
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity'), f.field, f.value
    FROM crm.crosswalk x
    JOIN source.communications s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
    ) f
    WHERE x.entity = 'communications'
    UNION ALL
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity'), f.field, f.value
    FROM crm.crosswalk x
    JOIN source.products s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
    ) f
    WHERE x.entity = 'products'
    ) u
    WHERE u.value <> 'null'
      AND NOT EXISTS (
          SELECT FROM source.field_changes f
          WHERE f.connection_id = u.connection_id AND f.entity = u.entity AND f.external_id = u.external_id AND f.field = u.field
      )
) h
JOIN sync.connections c ON c.id = h.connection_id
WHERE h.valid_from < h.valid_until;
COMMENT ON VIEW crm.value_history IS 'What each source said of a golden record, and when. On 1 March: SELECT connection, field, value FROM crm.value_history WHERE golden_id = ''…'' AND timestamptz ''2026-03-01'' >= valid_from AND timestamptz ''2026-03-01'' < valid_until; all of one field: … AND field = ''position'' ORDER BY valid_from.';
COMMENT ON COLUMN crm.value_history.entity IS 'Entity.';
COMMENT ON COLUMN crm.value_history.golden_id IS 'Golden record the source record belongs to now (crm.<entity>.id).';
COMMENT ON COLUMN crm.value_history.connection IS 'Connection that said it.';
COMMENT ON COLUMN crm.value_history.external_id IS 'Record of that connection.';
COMMENT ON COLUMN crm.value_history.field IS 'Column of source.<entity>, custom_fields.<key>, or the name of a child set such as phones.';
COMMENT ON COLUMN crm.value_history.value IS 'What was said, as text; a child set as JSON; null after a field was cleared.';
COMMENT ON COLUMN crm.value_history.valid_from IS 'Since when, by the CRM''s clock; of the oldest value we know, when the first version we saw had last changed.';
COMMENT ON COLUMN crm.value_history.valid_until IS 'Until when, not including it; infinity while it is still said.';

-- Where a golden value comes from, and what the others say.
CREATE OR REPLACE VIEW crm.value_origins AS
SELECT o.entity, o.golden_id, o.field, o.value, o.told ->> 'connection' AS connection,
       COALESCE(o.told ->> 'record', (
           SELECT min(x.external_id) FROM crm.crosswalk x JOIN sync.connections c ON c.id = x.connection_id
           WHERE x.golden_id = o.golden_id AND x.entity = o.entity AND c.name = o.told ->> 'connection'
       )) AS external_id,
       o.told ->> 'rule' AS rule, (o.told ->> 'since')::timestamptz AS since, COALESCE(o.told -> 'others', '{}') AS others
FROM (
    SELECT 'contacts' AS entity, g.id AS golden_id, p.key AS field, to_jsonb(g) ->> p.key AS value, p.value AS told
    FROM crm.contacts g CROSS JOIN LATERAL jsonb_each(g.provenance) p
    UNION ALL
    SELECT 'companies', g.id, p.key, to_jsonb(g) ->> p.key, p.value
    FROM crm.companies g CROSS JOIN LATERAL jsonb_each(g.provenance) p
    UNION ALL
    SELECT 'deals', g.id, p.key, to_jsonb(g) ->> p.key, p.value
    FROM crm.deals g CROSS JOIN LATERAL jsonb_each(g.provenance) p
    UNION ALL
    SELECT 'tasks', g.id, p.key, to_jsonb(g) ->> p.key, p.value
    FROM crm.tasks g CROSS JOIN LATERAL jsonb_each(g.provenance) p
    UNION ALL
    SELECT 'communications', g.id, p.key, to_jsonb(g) ->> p.key, p.value
    FROM crm.communications g CROSS JOIN LATERAL jsonb_each(g.provenance) p
    UNION ALL
    SELECT 'products', g.id, p.key, to_jsonb(g) ->> p.key, p.value
    FROM crm.products g CROSS JOIN LATERAL jsonb_each(g.provenance) p
) o
UNION ALL
SELECT p.entity, p.golden_id, p.kind, p.value, s.connection, s.external_id,
       CASE WHEN s.said_by > 1 THEN 'agreed' ELSE 'only' END, s.since, '{}'
FROM crm.contact_points p
CROSS JOIN LATERAL (
    SELECT c.name AS connection, x.external_id, count(*) OVER () AS said_by,
           COALESCE(n.first_updated_at, n.remote_updated_at, m.first_updated_at, m.remote_updated_at) AS since
    FROM crm.crosswalk x
    JOIN sync.connections c ON c.id = x.connection_id
    JOIN source.contact_points q ON q.connection_id = x.connection_id AND q.entity = x.entity AND q.external_id = x.external_id
        AND q.kind = p.kind AND q.value = p.value
    LEFT JOIN source.contacts n ON x.entity = 'contacts' AND n.connection_id = x.connection_id AND n.external_id = x.external_id
    LEFT JOIN source.companies m ON x.entity = 'companies' AND m.connection_id = x.connection_id AND m.external_id = x.external_id
    WHERE x.golden_id = p.golden_id AND x.entity = p.entity
    ORDER BY since NULLS LAST, c.name, x.external_id
    LIMIT 1
) s;
COMMENT ON VIEW crm.value_origins IS 'Where each golden value comes from and what the others say. One record: SELECT field, value, connection, rule, others FROM crm.value_origins WHERE golden_id = ''…''; all phones the portal alone knows: SELECT * FROM crm.value_origins WHERE field = ''phone'' AND connection = ''portal'' AND rule = ''only''.';
COMMENT ON COLUMN crm.value_origins.entity IS 'Entity.';
COMMENT ON COLUMN crm.value_origins.golden_id IS 'Golden record (crm.<entity>.id).';
COMMENT ON COLUMN crm.value_origins.field IS 'Column of the golden record; of its phones, e-mails, web addresses and messengers the kind: phone, email, web, messenger.';
COMMENT ON COLUMN crm.value_origins.value IS 'Golden value as text.';
COMMENT ON COLUMN crm.value_origins.connection IS 'Connection it comes from; of a value several agree on, who said it first; null where nobody says anything.';
COMMENT ON COLUMN crm.value_origins.external_id IS 'Record of that connection.';
COMMENT ON COLUMN crm.value_origins.rule IS 'Why it stands: only (nobody else says anything), agreed (all say the same), changed (one side changed it), person, or the rule that decided.';
COMMENT ON COLUMN crm.value_origins.since IS 'Since when that connection says so, by its CRM''s clock; of a phone or e-mail the first version of the record we saw.';
COMMENT ON COLUMN crm.value_origins.others IS 'What others say instead: connection (with the record''s id where one has several) → value.';

CREATE TRIGGER lost AFTER DELETE ON sync.operation_changes FOR EACH ROW EXECUTE FUNCTION sync.note_lost_change();

CREATE TRIGGER moved BEFORE UPDATE ON sync.operations FOR EACH ROW EXECUTE FUNCTION sync.note_status();

CREATE TRIGGER moved BEFORE UPDATE ON sync.outgoing_changes FOR EACH ROW EXECUTE FUNCTION sync.note_move();

COMMENT ON SCHEMA crm IS 'Golden records: what is held to be true. Analysts and the API read here.';

COMMENT ON SCHEMA raw IS 'Landing: payloads as the CRMs sent them.';

COMMENT ON SCHEMA source IS 'One connection''s records each, typed and cleaned.';

COMMENT ON SCHEMA sync IS 'How the pipeline runs: connections, cursors, budgets, queues, status.';

COMMENT ON TABLE crm.communications IS 'Calls, messages, meetings and notes of all connected CRMs.';

COMMENT ON TABLE crm.companies IS 'Companies, one row for one real company.';

COMMENT ON TABLE crm.contact_companies IS 'Which contacts belong to which companies.';

COMMENT ON TABLE crm.contact_points IS 'Phones, e-mails, web addresses and messengers of golden contacts and companies.';

COMMENT ON VIEW crm.contact_timeline IS 'Everything that happened with a contact: letters, calls, notes, tasks, and its deals moving through the stages.';

COMMENT ON TABLE crm.contacts IS 'People, one row for one real person.';

COMMENT ON TABLE crm.crosswalk IS 'Which source records make up a golden record, and by which rule or person.';

COMMENT ON VIEW crm.custom_field_values IS 'Custom fields of golden records, one row for each value.';

COMMENT ON TABLE crm.deal_contacts IS 'Which contacts take part in which deals.';

COMMENT ON TABLE crm.deal_products IS 'Product rows of deals.';

COMMENT ON TABLE crm.deal_stage_history IS 'Every stage a deal has been in, from the CRMs'' own histories where they keep one, else from observed changes.';

COMMENT ON TABLE crm.deals IS 'Deals of all connected CRMs.';

COMMENT ON VIEW crm.freshness IS 'How fresh each entity of each connection is.';

COMMENT ON VIEW crm.funnel IS 'How many deals stand in each stage, and what they are worth, by currency.';

COMMENT ON TABLE crm.golden_redirects IS 'Golden ids that were merged into others and keep redirecting; one step always leads to the living record.';

COMMENT ON VIEW crm.lost_reasons IS 'Why deals were lost, by pipeline, month and currency.';

COMMENT ON VIEW crm.open_conflicts IS 'What sides of a conflict say that a person has to decide, a row for each side: crm-pipeline conflicts take ID SIDE.';

COMMENT ON VIEW crm.open_reviews IS 'Pairs of records that may be one thing: crm-pipeline match merge --review ID, or match split --review ID.';

COMMENT ON VIEW crm.open_tasks IS 'Tasks still to be done, with whose they are and what they are about.';

COMMENT ON VIEW crm.owner_load IS 'What each user has on the table: open deals and tasks.';

COMMENT ON TABLE crm.pipelines IS 'Pipelines of all connected CRMs.';

COMMENT ON TABLE crm.products IS 'Products of all catalogues.';

COMMENT ON TABLE crm.stages IS 'Stages of all pipelines; category says what a stage means.';

COMMENT ON TABLE crm.tasks IS 'Tasks of all connected CRMs.';

COMMENT ON TABLE crm.tombstones IS 'Golden records that were taken away, as merged or parted; one that lives again has none.';

COMMENT ON TABLE crm.users IS 'Users of all connected CRMs.';

COMMENT ON VIEW crm.value_history IS 'What each source said of a golden record, and when. On 1 March: SELECT connection, field, value FROM crm.value_history WHERE golden_id = ''…'' AND timestamptz ''2026-03-01'' >= valid_from AND timestamptz ''2026-03-01'' < valid_until; all of one field: … AND field = ''position'' ORDER BY valid_from.';

COMMENT ON VIEW crm.value_origins IS 'Where each golden value comes from and what the others say. One record: SELECT field, value, connection, rule, others FROM crm.value_origins WHERE golden_id = ''…''; all phones the portal alone knows: SELECT * FROM crm.value_origins WHERE field = ''phone'' AND connection = ''portal'' AND rule = ''only''.';

COMMENT ON TABLE raw.records IS 'Landing: the current payload of every record, as the CRM sent it.';

COMMENT ON TABLE source.communications IS 'Calls, messages, meetings and notes: amoCRM notes, Bitrix24 activities and timeline comments.';

COMMENT ON TABLE source.companies IS 'Companies of one connection, cleaned and typed.';

COMMENT ON TABLE source.contact_companies IS 'Which contacts belong to which companies.';

COMMENT ON TABLE source.contact_points IS 'Phones, e-mails, web addresses and messengers of contacts and companies.';

COMMENT ON TABLE source.contacts IS 'People of one connection, cleaned and typed.';

COMMENT ON TABLE source.custom_fields IS 'Definitions of custom fields, used to type and label their values.';

COMMENT ON TABLE source.deal_contacts IS 'Which contacts take part in which deals.';

COMMENT ON TABLE source.deal_products IS 'Product rows of deals.';

COMMENT ON TABLE source.deals IS 'Deals of one connection, cleaned and typed.';

COMMENT ON TABLE source.field_changes IS 'Every change of a field from the second version of a record on; append only.';

COMMENT ON TABLE source.pipelines IS 'Sales pipelines of the account.';

COMMENT ON TABLE source.products IS 'Catalogue products of one connection.';

COMMENT ON TABLE source.stage_changes IS 'The CRMs'' own history of deals moving between stages (amoCRM events, Bitrix24 stage history).';

COMMENT ON TABLE source.stages IS 'Stages of the pipelines. amoCRM shares the ids 142 and 143 among pipelines, so its key is pipeline:status.';

COMMENT ON TABLE source.task_targets IS 'What tasks are about; Bitrix24 allows several.';

COMMENT ON TABLE source.tasks IS 'Tasks of one connection.';

COMMENT ON TABLE source.users IS 'Users of the CRM account; deals, contacts and tasks refer to them as owners.';

COMMENT ON TABLE sync.api_user_crm_users IS 'Which golden users an API user is: whose records are its own.';

COMMENT ON TABLE sync.api_users IS 'Who may log in to the API.';

COMMENT ON TABLE sync.audit_log IS 'Who did what: connecting, pausing, removing, key rotation, every human decision.';

COMMENT ON TABLE sync.bases IS 'What all sides of a golden record last agreed on, of fields they differ in now. Of fields they agree in, the golden value itself is the base.';

COMMENT ON TABLE sync.conflicts IS 'Fields that were changed to different values on two sides since they last agreed, and what came of it.';

COMMENT ON TABLE sync.connections IS 'Authorised accounts of a CRM. Secrets are encrypted with AES-256-GCM and bound to their row.';

COMMENT ON TABLE sync.cursors IS 'Where the next incremental extract of one stream begins, and how far an unfinished walk has come.';

COMMENT ON TABLE sync.database IS 'One row: which database this is, and from when on it knows what was taken away.';

COMMENT ON TABLE sync.devices IS 'One login on one device: the family of refresh tokens that came of it. Revoked, all its tokens are void at once.';

COMMENT ON TABLE sync.golden_queue IS 'Golden records whose values are to be chosen again, because a source record of theirs changed, came or left.';

COMMENT ON TABLE sync.inbox IS 'Hints from webhooks: something happened to a record, so it is read again. Nothing else of a delivery is believed.';

COMMENT ON TABLE sync.match_decisions IS 'What people decided about two source records: one thing, or not. Never overridden by a rule; a later decision revokes an earlier one.';

COMMENT ON TABLE sync.match_keys IS 'What source records can be recognised by, beside the phones and e-mails in source.contact_points.';

COMMENT ON TABLE sync.match_reviews IS 'Pairs of source records a rule would not decide about: a person says whether they are one thing.';

COMMENT ON TABLE sync.migrations IS 'Schema changes applied to this database, in order; written by `crm-pipeline migrate`.';

COMMENT ON TABLE sync.missing_references IS 'Source records that refer to a record not yet known; reconciled again when it appears.';

COMMENT ON TABLE sync.oauth_states IS 'Consents an administrator was sent to a CRM for, until the browser comes back. Each is good once.';

COMMENT ON TABLE sync.operating_time IS 'Bitrix24''s operating seconds per method, as its answers tell them.';

COMMENT ON TABLE sync.operation_changes IS 'Which outgoing changes carry what an operation asked for.';

COMMENT ON TABLE sync.operations IS 'What people and apps asked for, once per id, and what became of it at the door.';

COMMENT ON TABLE sync.outgoing_attempts IS 'What was tried with outgoing changes that did not settle at the first attempt as applied.';

COMMENT ON TABLE sync.outgoing_changes IS 'Changes connections should receive, and what became of each. A change ends as applied, merged, conflict, rejected, dead or cancelled, never silently.';

COMMENT ON TABLE sync.quarantine IS 'Raw records that could not be normalized; replayable.';

COMMENT ON TABLE sync.rate_budget IS 'One row per vendor meter, shared by all processes.';

COMMENT ON TABLE sync.reconcile_queue IS 'Source records changed since they were last reconciled.';

COMMENT ON TABLE sync.refresh_tokens IS 'Refresh tokens given out. Each is good once; one that comes again was stolen or copied, and its device is revoked.';

COMMENT ON TABLE sync.resemblance_blocks IS 'Coarse keys of golden contacts: those with an equal one are compared, unless many have it.';

COMMENT ON TABLE sync.suggestion_queue IS 'Golden contacts that changed since it was looked for others who resemble them.';

COMMENT ON TABLE sync.sync_runs IS 'History of syncs per connection and entity.';

COMMENT ON TABLE sync.sync_status IS 'One row per connection and entity: how fresh it is and how it went.';

COMMENT ON TABLE sync.visible_records IS 'What users of scope own could see when they last read: what they see no more is told as deleted, what is new as changed.';

COMMENT ON TABLE sync.walk_seen IS 'External ids a complete walk has seen so far; what it has not seen in the end is gone.';

COMMENT ON TABLE sync.webhooks IS 'The secret address at which a connection''s CRM delivers, and whether the CRM knows it.';

COMMENT ON COLUMN crm.communications.id IS 'Golden id; stays stable through re-matching.';

COMMENT ON COLUMN crm.communications.kind IS 'call, sms, email, chat, meeting, note or other.';

COMMENT ON COLUMN crm.communications.direction IS 'in, out, or null when it has none.';

COMMENT ON COLUMN crm.communications.body IS 'Text as sent, may hold HTML or BB code.';

COMMENT ON COLUMN crm.communications.body_text IS 'The same as plain text.';

COMMENT ON COLUMN crm.communications.happened_at IS 'When it took place.';

COMMENT ON COLUMN crm.communications.duration_seconds IS 'Length of a call in seconds.';

COMMENT ON COLUMN crm.communications.author_id IS 'User who wrote or called (crm.users.id).';

COMMENT ON COLUMN crm.communications.target_entity IS 'Entity it belongs to: contacts, companies or deals.';

COMMENT ON COLUMN crm.communications.target_id IS 'Golden record it is about; its table is crm.<target_entity>.';

COMMENT ON COLUMN crm.communications.recording_url IS 'Address of the call''s recording.';

COMMENT ON COLUMN crm.communications.provenance IS 'Field → which connection''s value stands here, and by which rule.';

COMMENT ON COLUMN crm.communications.source_count IS 'How many source records make up this one.';

COMMENT ON COLUMN crm.communications.custom_fields IS 'Custom fields by connection and field key.';

COMMENT ON COLUMN crm.communications.created_at IS 'When the first of its source records was created in its CRM.';

COMMENT ON COLUMN crm.communications.updated_at IS 'When one of its source records last changed in its CRM.';

COMMENT ON COLUMN crm.communications.deleted_at IS 'Tombstone: set when the last source record is gone.';

COMMENT ON COLUMN crm.communications.reconciled_at IS 'When this row was last written by reconciling.';

COMMENT ON COLUMN crm.communications.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';

COMMENT ON COLUMN crm.companies.id IS 'Golden id; stays stable through re-matching.';

COMMENT ON COLUMN crm.companies.name IS 'Name.';

COMMENT ON COLUMN crm.companies.tax_id IS 'Tax id (INN), digits only.';

COMMENT ON COLUMN crm.companies.website IS 'Web site.';

COMMENT ON COLUMN crm.companies.owner_id IS 'Responsible user (crm.users.id).';

COMMENT ON COLUMN crm.companies.is_own IS 'Bitrix24''s records of the portal owner''s own companies: kept, flagged.';

COMMENT ON COLUMN crm.companies.tags IS 'Tags, sorted.';

COMMENT ON COLUMN crm.companies.provenance IS 'Field → which connection''s value stands here, and by which rule.';

COMMENT ON COLUMN crm.companies.source_count IS 'How many source records make up this one.';

COMMENT ON COLUMN crm.companies.custom_fields IS 'Custom fields by connection and field key.';

COMMENT ON COLUMN crm.companies.created_at IS 'When the first of its source records was created in its CRM.';

COMMENT ON COLUMN crm.companies.updated_at IS 'When one of its source records last changed in its CRM.';

COMMENT ON COLUMN crm.companies.deleted_at IS 'Tombstone: set when the last source record is gone.';

COMMENT ON COLUMN crm.companies.reconciled_at IS 'When this row was last written by reconciling.';

COMMENT ON COLUMN crm.companies.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';

COMMENT ON COLUMN crm.contact_companies.contact_id IS 'Contact (crm.contacts.id).';

COMMENT ON COLUMN crm.contact_companies.company_id IS 'Company (crm.companies.id).';

COMMENT ON COLUMN crm.contact_companies.is_primary IS 'Whether it is the contact''s main company.';

COMMENT ON COLUMN crm.contact_points.entity IS 'contacts or companies.';

COMMENT ON COLUMN crm.contact_points.golden_id IS 'Contact or company (crm.<entity>.id).';

COMMENT ON COLUMN crm.contact_points.kind IS 'phone, email, web or messenger.';

COMMENT ON COLUMN crm.contact_points.value IS 'Normalized value: E.164 phone, lower-case e-mail.';

COMMENT ON COLUMN crm.contact_points.label IS 'The CRM''s own type, such as WORK or MOB.';

COMMENT ON COLUMN crm.contact_points.is_primary IS 'First of its kind.';

COMMENT ON COLUMN crm.contact_points."position" IS 'Order.';

COMMENT ON COLUMN crm.contact_timeline.contact_id IS 'Contact (crm.contacts.id).';

COMMENT ON COLUMN crm.contact_timeline.happened_at IS 'When it happened; of a task, when it was completed or is due.';

COMMENT ON COLUMN crm.contact_timeline.kind IS 'call, sms, email, chat, meeting, note, other, task or stage.';

COMMENT ON COLUMN crm.contact_timeline.direction IS 'in or out, when there is one.';

COMMENT ON COLUMN crm.contact_timeline.what IS 'Plain text.';

COMMENT ON COLUMN crm.contact_timeline.who IS 'Name of the user.';

COMMENT ON COLUMN crm.contact_timeline.record_id IS 'Record it comes from.';

COMMENT ON COLUMN crm.contact_timeline.entity IS 'Entity of that record.';

COMMENT ON COLUMN crm.contacts.id IS 'Golden id; stays stable through re-matching.';

COMMENT ON COLUMN crm.contacts.name IS 'Full name as shown in the CRM.';

COMMENT ON COLUMN crm.contacts.first_name IS 'First name.';

COMMENT ON COLUMN crm.contacts.last_name IS 'Last name.';

COMMENT ON COLUMN crm.contacts.middle_name IS 'Patronymic or middle name.';

COMMENT ON COLUMN crm.contacts.company_id IS 'Company (crm.companies.id).';

COMMENT ON COLUMN crm.contacts.owner_id IS 'Responsible user (crm.users.id).';

COMMENT ON COLUMN crm.contacts."position" IS 'Position in the company.';

COMMENT ON COLUMN crm.contacts.birthday IS 'Birthday, a calendar day without time zone.';

COMMENT ON COLUMN crm.contacts.tags IS 'Tags, sorted.';

COMMENT ON COLUMN crm.contacts.provenance IS 'Field → which connection''s value stands here, and by which rule.';

COMMENT ON COLUMN crm.contacts.source_count IS 'How many source records make up this one.';

COMMENT ON COLUMN crm.contacts.custom_fields IS 'Custom fields by connection and field key.';

COMMENT ON COLUMN crm.contacts.created_at IS 'When the first of its source records was created in its CRM.';

COMMENT ON COLUMN crm.contacts.updated_at IS 'When one of its source records last changed in its CRM.';

COMMENT ON COLUMN crm.contacts.deleted_at IS 'Tombstone: set when the last source record is gone.';

COMMENT ON COLUMN crm.contacts.reconciled_at IS 'When this row was last written by reconciling.';

COMMENT ON COLUMN crm.contacts.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';

COMMENT ON COLUMN crm.crosswalk.golden_id IS 'Golden record (crm.<entity>.id).';

COMMENT ON COLUMN crm.crosswalk.entity IS 'Entity.';

COMMENT ON COLUMN crm.crosswalk.connection_id IS 'Connection of the source record.';

COMMENT ON COLUMN crm.crosswalk.external_id IS 'Identifier of the source record.';

COMMENT ON COLUMN crm.crosswalk.rule IS 'Rule that linked it; identity: it stands alone.';

COMMENT ON COLUMN crm.crosswalk.decided_by IS 'pipeline, or the person who decided.';

COMMENT ON COLUMN crm.crosswalk.decided_at IS 'When it was linked.';

COMMENT ON COLUMN crm.custom_field_values.entity IS 'Entity.';

COMMENT ON COLUMN crm.custom_field_values.record_id IS 'Golden record.';

COMMENT ON COLUMN crm.custom_field_values.connection IS 'Name of the connection whose field it is.';

COMMENT ON COLUMN crm.custom_field_values.field_key IS 'Key of the field in its CRM.';

COMMENT ON COLUMN crm.custom_field_values.field IS 'Name of the field.';

COMMENT ON COLUMN crm.custom_field_values.type IS 'Type of the field.';

COMMENT ON COLUMN crm.custom_field_values.value IS 'Value: a label for lists, a list for multiple fields.';

COMMENT ON COLUMN crm.custom_field_values.value_text IS 'Value as text.';

COMMENT ON COLUMN crm.deal_contacts.deal_id IS 'Deal (crm.deals.id).';

COMMENT ON COLUMN crm.deal_contacts.contact_id IS 'Contact (crm.contacts.id).';

COMMENT ON COLUMN crm.deal_contacts.is_main IS 'Whether it is the deal''s main contact.';

COMMENT ON COLUMN crm.deal_contacts."position" IS 'Order.';

COMMENT ON COLUMN crm.deal_products.deal_id IS 'Deal (crm.deals.id).';

COMMENT ON COLUMN crm.deal_products."position" IS 'Order of the row within the deal.';

COMMENT ON COLUMN crm.deal_products.product_id IS 'Product (crm.products.id); null for a row typed by hand.';

COMMENT ON COLUMN crm.deal_products.product_name IS 'Name on the row.';

COMMENT ON COLUMN crm.deal_products.quantity IS 'Quantity.';

COMMENT ON COLUMN crm.deal_products.price IS 'Price of one unit in the deal''s currency.';

COMMENT ON COLUMN crm.deal_products.discount IS 'Discount on one unit, in money.';

COMMENT ON COLUMN crm.deal_stage_history.deal_id IS 'Deal (crm.deals.id).';

COMMENT ON COLUMN crm.deal_stage_history.changed_at IS 'When the deal entered the stage.';

COMMENT ON COLUMN crm.deal_stage_history.pipeline_id IS 'Pipeline entered (crm.pipelines.id).';

COMMENT ON COLUMN crm.deal_stage_history.stage_id IS 'Stage entered (crm.stages.id).';

COMMENT ON COLUMN crm.deal_stage_history.from_stage_id IS 'Stage left, when known.';

COMMENT ON COLUMN crm.deal_stage_history.category IS 'open, won or lost, of the stage entered.';

COMMENT ON COLUMN crm.deal_stage_history.origin IS 'crm: the CRM''s own history; observed: seen as a change between two syncs.';

COMMENT ON COLUMN crm.deal_stage_history.event_key IS 'Connection and event this row comes from.';

COMMENT ON COLUMN crm.deal_stage_history.author_id IS 'User who moved the deal (crm.users.id), when known.';

COMMENT ON COLUMN crm.deals.id IS 'Golden id; stays stable through re-matching.';

COMMENT ON COLUMN crm.deals.title IS 'Title.';

COMMENT ON COLUMN crm.deals.amount IS 'Value of the deal.';

COMMENT ON COLUMN crm.deals.currency IS 'Currency of the amount, ISO 4217.';

COMMENT ON COLUMN crm.deals.pipeline_id IS 'Pipeline (crm.pipelines.id).';

COMMENT ON COLUMN crm.deals.stage_id IS 'Stage (crm.stages.id).';

COMMENT ON COLUMN crm.deals.stage_category IS 'open, won or lost.';

COMMENT ON COLUMN crm.deals.company_id IS 'Company (crm.companies.id).';

COMMENT ON COLUMN crm.deals.owner_id IS 'Responsible user (crm.users.id).';

COMMENT ON COLUMN crm.deals.closed_at IS 'When it was won or lost.';

COMMENT ON COLUMN crm.deals.loss_reason IS 'Why it was lost.';

COMMENT ON COLUMN crm.deals.tags IS 'Tags, sorted.';

COMMENT ON COLUMN crm.deals.provenance IS 'Field → which connection''s value stands here, and by which rule.';

COMMENT ON COLUMN crm.deals.source_count IS 'How many source records make up this one.';

COMMENT ON COLUMN crm.deals.custom_fields IS 'Custom fields by connection and field key.';

COMMENT ON COLUMN crm.deals.created_at IS 'When the first of its source records was created in its CRM.';

COMMENT ON COLUMN crm.deals.updated_at IS 'When one of its source records last changed in its CRM.';

COMMENT ON COLUMN crm.deals.deleted_at IS 'Tombstone: set when the last source record is gone.';

COMMENT ON COLUMN crm.deals.reconciled_at IS 'When this row was last written by reconciling.';

COMMENT ON COLUMN crm.deals.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';

COMMENT ON COLUMN crm.freshness.connection IS 'Name of the connection.';

COMMENT ON COLUMN crm.freshness.crm IS 'Kind of system.';

COMMENT ON COLUMN crm.freshness.status IS 'Status of the connection; only an active one is synced.';

COMMENT ON COLUMN crm.freshness.entity IS 'Entity.';

COMMENT ON COLUMN crm.freshness.last_success_at IS 'When it was last synced without an error.';

COMMENT ON COLUMN crm.freshness.age IS 'How long ago that was.';

COMMENT ON COLUMN crm.freshness.lag_seconds IS 'How old the data was at that moment.';

COMMENT ON COLUMN crm.freshness.last_error IS 'Last error, null after a success.';

COMMENT ON COLUMN crm.freshness.what_to_do IS 'What a person should do about it.';

COMMENT ON COLUMN crm.funnel.pipeline IS 'Name of the pipeline.';

COMMENT ON COLUMN crm.funnel.stage IS 'Name of the stage.';

COMMENT ON COLUMN crm.funnel.stage_sort IS 'Order of the stage within its pipeline.';

COMMENT ON COLUMN crm.funnel.category IS 'open, won or lost.';

COMMENT ON COLUMN crm.funnel.currency IS 'Currency of the amounts.';

COMMENT ON COLUMN crm.funnel.deals IS 'Number of deals.';

COMMENT ON COLUMN crm.funnel.amount IS 'Sum of their amounts.';

COMMENT ON COLUMN crm.funnel.idle_30_days IS 'How many of them have not changed for 30 days.';

COMMENT ON COLUMN crm.funnel.pipeline_id IS 'Pipeline (crm.pipelines.id).';

COMMENT ON COLUMN crm.funnel.stage_id IS 'Stage (crm.stages.id).';

COMMENT ON COLUMN crm.golden_redirects.old_id IS 'Golden id that is no more.';

COMMENT ON COLUMN crm.golden_redirects.entity IS 'Entity of both.';

COMMENT ON COLUMN crm.golden_redirects.new_id IS 'Golden record that stands for it now (crm.<entity>.id).';

COMMENT ON COLUMN crm.golden_redirects.since IS 'When they were merged.';

COMMENT ON COLUMN crm.lost_reasons.reason IS 'Reason given.';

COMMENT ON COLUMN crm.lost_reasons.pipeline IS 'Name of the pipeline.';

COMMENT ON COLUMN crm.lost_reasons.month IS 'First day of the month in which they were closed (UTC).';

COMMENT ON COLUMN crm.lost_reasons.currency IS 'Currency of the amounts.';

COMMENT ON COLUMN crm.lost_reasons.deals IS 'Number of deals.';

COMMENT ON COLUMN crm.lost_reasons.amount IS 'Sum of their amounts.';

COMMENT ON COLUMN crm.lost_reasons.pipeline_id IS 'Pipeline (crm.pipelines.id).';

COMMENT ON COLUMN crm.open_conflicts.id IS 'Conflict (sync.conflicts.id).';

COMMENT ON COLUMN crm.open_conflicts.entity IS 'Entity.';

COMMENT ON COLUMN crm.open_conflicts.golden_id IS 'Golden record (crm.<entity>.id).';

COMMENT ON COLUMN crm.open_conflicts.name IS 'What the record is called.';

COMMENT ON COLUMN crm.open_conflicts.field IS 'Field, or group of fields that go together, such as name.';

COMMENT ON COLUMN crm.open_conflicts.side IS 'Who says it: a connection, with the record''s id where it has two.';

COMMENT ON COLUMN crm.open_conflicts.value IS 'What that side says, by column.';

COMMENT ON COLUMN crm.open_conflicts.changed_at IS 'When that side changed it.';

COMMENT ON COLUMN crm.open_conflicts.base_value IS 'What all sides last agreed on, by column; null when they never did.';

COMMENT ON COLUMN crm.open_conflicts.stands IS 'Whether this side''s value stands until a person decides.';

COMMENT ON COLUMN crm.open_conflicts.seen_at IS 'When the conflict was first seen.';

COMMENT ON COLUMN crm.open_reviews.id IS 'Review (sync.match_reviews.id).';

COMMENT ON COLUMN crm.open_reviews.entity IS 'Entity of both records.';

COMMENT ON COLUMN crm.open_reviews.record IS 'The one record: connection:external id.';

COMMENT ON COLUMN crm.open_reviews.name IS 'What it is called there.';

COMMENT ON COLUMN crm.open_reviews.other_record IS 'The other record.';

COMMENT ON COLUMN crm.open_reviews.other_name IS 'What that is called there.';

COMMENT ON COLUMN crm.open_reviews.reason IS 'contradiction, several_candidates, one_connection or resemblance.';

COMMENT ON COLUMN crm.open_reviews.explanation IS 'Why they may be one, and what speaks against it.';

COMMENT ON COLUMN crm.open_reviews.rule IS 'Rule that brought them together, or resemblance.';

COMMENT ON COLUMN crm.open_reviews.score IS 'How alike they are, 0 to 1, of suggestions.';

COMMENT ON COLUMN crm.open_reviews.features IS 'What the score is made of: feature → 0 to 1.';

COMMENT ON COLUMN crm.open_reviews.created_at IS 'When it came up.';

COMMENT ON COLUMN crm.open_tasks.id IS 'Task (crm.tasks.id).';

COMMENT ON COLUMN crm.open_tasks.title IS 'Title.';

COMMENT ON COLUMN crm.open_tasks.body IS 'Text.';

COMMENT ON COLUMN crm.open_tasks.kind IS 'Kind of task, as the CRM calls it.';

COMMENT ON COLUMN crm.open_tasks.due_at IS 'Deadline.';

COMMENT ON COLUMN crm.open_tasks.is_overdue IS 'Whether the deadline has passed.';

COMMENT ON COLUMN crm.open_tasks.owner IS 'Name of the user it is assigned to.';

COMMENT ON COLUMN crm.open_tasks.target_entity IS 'Entity of the record it is about.';

COMMENT ON COLUMN crm.open_tasks.target IS 'Title or name of the record it is about.';

COMMENT ON COLUMN crm.open_tasks.owner_id IS 'User it is assigned to (crm.users.id).';

COMMENT ON COLUMN crm.open_tasks.target_id IS 'Record it is about.';

COMMENT ON COLUMN crm.owner_load.owner_id IS 'User (crm.users.id).';

COMMENT ON COLUMN crm.owner_load.owner IS 'Name of the user.';

COMMENT ON COLUMN crm.owner_load.is_active IS 'Whether the user may log in.';

COMMENT ON COLUMN crm.owner_load.open_deals IS 'Number of open deals.';

COMMENT ON COLUMN crm.owner_load.open_amount IS 'Sum of their amounts, currencies not told apart.';

COMMENT ON COLUMN crm.owner_load.open_tasks IS 'Number of tasks to be done.';

COMMENT ON COLUMN crm.owner_load.overdue_tasks IS 'How many of them are overdue.';

COMMENT ON COLUMN crm.pipelines.id IS 'Golden id; stays stable through re-matching.';

COMMENT ON COLUMN crm.pipelines.name IS 'Name.';

COMMENT ON COLUMN crm.pipelines.sort IS 'Order in the CRM.';

COMMENT ON COLUMN crm.pipelines.is_main IS 'Whether new deals land here by default.';

COMMENT ON COLUMN crm.pipelines.is_archived IS 'Whether it is archived.';

COMMENT ON COLUMN crm.pipelines.provenance IS 'Field → which connection''s value stands here, and by which rule.';

COMMENT ON COLUMN crm.pipelines.source_count IS 'How many source records make up this one.';

COMMENT ON COLUMN crm.pipelines.custom_fields IS 'Custom fields by connection and field key.';

COMMENT ON COLUMN crm.pipelines.created_at IS 'When the first of its source records was created in its CRM.';

COMMENT ON COLUMN crm.pipelines.updated_at IS 'When one of its source records last changed in its CRM.';

COMMENT ON COLUMN crm.pipelines.deleted_at IS 'Tombstone: set when the last source record is gone.';

COMMENT ON COLUMN crm.pipelines.reconciled_at IS 'When this row was last written by reconciling.';

COMMENT ON COLUMN crm.pipelines.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';

COMMENT ON COLUMN crm.products.id IS 'Golden id; stays stable through re-matching.';

COMMENT ON COLUMN crm.products.name IS 'Name.';

COMMENT ON COLUMN crm.products.sku IS 'Article (SKU).';

COMMENT ON COLUMN crm.products.price IS 'Base price.';

COMMENT ON COLUMN crm.products.currency IS 'Currency of the price, ISO 4217.';

COMMENT ON COLUMN crm.products.is_active IS 'Whether it is sold.';

COMMENT ON COLUMN crm.products.provenance IS 'Field → which connection''s value stands here, and by which rule.';

COMMENT ON COLUMN crm.products.source_count IS 'How many source records make up this one.';

COMMENT ON COLUMN crm.products.custom_fields IS 'Custom fields by connection and field key.';

COMMENT ON COLUMN crm.products.created_at IS 'When the first of its source records was created in its CRM.';

COMMENT ON COLUMN crm.products.updated_at IS 'When one of its source records last changed in its CRM.';

COMMENT ON COLUMN crm.products.deleted_at IS 'Tombstone: set when the last source record is gone.';

COMMENT ON COLUMN crm.products.reconciled_at IS 'When this row was last written by reconciling.';

COMMENT ON COLUMN crm.products.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';

COMMENT ON COLUMN crm.stages.id IS 'Golden id; stays stable through re-matching.';

COMMENT ON COLUMN crm.stages.name IS 'Name.';

COMMENT ON COLUMN crm.stages.sort IS 'Order within the pipeline.';

COMMENT ON COLUMN crm.stages.pipeline_id IS 'Pipeline (crm.pipelines.id).';

COMMENT ON COLUMN crm.stages.category IS 'What the stage means: open, won or lost.';

COMMENT ON COLUMN crm.stages.color IS 'Colour in the CRM.';

COMMENT ON COLUMN crm.stages.provenance IS 'Field → which connection''s value stands here, and by which rule.';

COMMENT ON COLUMN crm.stages.source_count IS 'How many source records make up this one.';

COMMENT ON COLUMN crm.stages.custom_fields IS 'Custom fields by connection and field key.';

COMMENT ON COLUMN crm.stages.created_at IS 'When the first of its source records was created in its CRM.';

COMMENT ON COLUMN crm.stages.updated_at IS 'When one of its source records last changed in its CRM.';

COMMENT ON COLUMN crm.stages.deleted_at IS 'Tombstone: set when the last source record is gone.';

COMMENT ON COLUMN crm.stages.reconciled_at IS 'When this row was last written by reconciling.';

COMMENT ON COLUMN crm.stages.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';

COMMENT ON COLUMN crm.tasks.id IS 'Golden id; stays stable through re-matching.';

COMMENT ON COLUMN crm.tasks.title IS 'What is to be done.';

COMMENT ON COLUMN crm.tasks.body IS 'Longer description as sent, may hold BB code or HTML.';

COMMENT ON COLUMN crm.tasks.kind IS 'Type of task: call, meeting, or the CRM''s own name.';

COMMENT ON COLUMN crm.tasks.due_at IS 'Deadline.';

COMMENT ON COLUMN crm.tasks.is_completed IS 'Whether it is done.';

COMMENT ON COLUMN crm.tasks.completed_at IS 'When it was done.';

COMMENT ON COLUMN crm.tasks.owner_id IS 'Responsible user (crm.users.id).';

COMMENT ON COLUMN crm.tasks.target_entity IS 'Entity the task is about; the first when there are several (see source.task_targets).';

COMMENT ON COLUMN crm.tasks.target_id IS 'Golden record it is about; its table is crm.<target_entity>.';

COMMENT ON COLUMN crm.tasks.provenance IS 'Field → which connection''s value stands here, and by which rule.';

COMMENT ON COLUMN crm.tasks.source_count IS 'How many source records make up this one.';

COMMENT ON COLUMN crm.tasks.custom_fields IS 'Custom fields by connection and field key.';

COMMENT ON COLUMN crm.tasks.created_at IS 'When the first of its source records was created in its CRM.';

COMMENT ON COLUMN crm.tasks.updated_at IS 'When one of its source records last changed in its CRM.';

COMMENT ON COLUMN crm.tasks.deleted_at IS 'Tombstone: set when the last source record is gone.';

COMMENT ON COLUMN crm.tasks.reconciled_at IS 'When this row was last written by reconciling.';

COMMENT ON COLUMN crm.tasks.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';

COMMENT ON COLUMN crm.tombstones.entity IS 'Entity.';

COMMENT ON COLUMN crm.tombstones.id IS 'Golden id that is no more.';

COMMENT ON COLUMN crm.tombstones.changed_xid IS 'Transaction that took it away.';

COMMENT ON COLUMN crm.tombstones.gone_at IS 'When it was taken away.';

COMMENT ON COLUMN crm.tombstones.new_id IS 'Golden record it was merged into, when it was.';

COMMENT ON COLUMN crm.users.id IS 'Golden id; stays stable through re-matching.';

COMMENT ON COLUMN crm.users.name IS 'Full name.';

COMMENT ON COLUMN crm.users.email IS 'E-mail, lower case.';

COMMENT ON COLUMN crm.users.is_active IS 'Whether the user may log in.';

COMMENT ON COLUMN crm.users.is_admin IS 'Whether the user administers the account.';

COMMENT ON COLUMN crm.users.provenance IS 'Field → which connection''s value stands here, and by which rule.';

COMMENT ON COLUMN crm.users.source_count IS 'How many source records make up this one.';

COMMENT ON COLUMN crm.users.custom_fields IS 'Custom fields by connection and field key.';

COMMENT ON COLUMN crm.users.created_at IS 'When the first of its source records was created in its CRM.';

COMMENT ON COLUMN crm.users.updated_at IS 'When one of its source records last changed in its CRM.';

COMMENT ON COLUMN crm.users.deleted_at IS 'Tombstone: set when the last source record is gone.';

COMMENT ON COLUMN crm.users.reconciled_at IS 'When this row was last written by reconciling.';

COMMENT ON COLUMN crm.users.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';

COMMENT ON COLUMN crm.value_history.entity IS 'Entity.';

COMMENT ON COLUMN crm.value_history.golden_id IS 'Golden record the source record belongs to now (crm.<entity>.id).';

COMMENT ON COLUMN crm.value_history.connection IS 'Connection that said it.';

COMMENT ON COLUMN crm.value_history.external_id IS 'Record of that connection.';

COMMENT ON COLUMN crm.value_history.field IS 'Column of source.<entity>, custom_fields.<key>, or the name of a child set such as phones.';

COMMENT ON COLUMN crm.value_history.value IS 'What was said, as text; a child set as JSON; null after a field was cleared.';

COMMENT ON COLUMN crm.value_history.valid_from IS 'Since when, by the CRM''s clock; of the oldest value we know, when the first version we saw had last changed.';

COMMENT ON COLUMN crm.value_history.valid_until IS 'Until when, not including it; infinity while it is still said.';

COMMENT ON COLUMN crm.value_origins.entity IS 'Entity.';

COMMENT ON COLUMN crm.value_origins.golden_id IS 'Golden record (crm.<entity>.id).';

COMMENT ON COLUMN crm.value_origins.field IS 'Column of the golden record; of its phones, e-mails, web addresses and messengers the kind: phone, email, web, messenger.';

COMMENT ON COLUMN crm.value_origins.value IS 'Golden value as text.';

COMMENT ON COLUMN crm.value_origins.connection IS 'Connection it comes from; of a value several agree on, who said it first; null where nobody says anything.';

COMMENT ON COLUMN crm.value_origins.external_id IS 'Record of that connection.';

COMMENT ON COLUMN crm.value_origins.rule IS 'Why it stands: only (nobody else says anything), agreed (all say the same), changed (one side changed it), person, or the rule that decided.';

COMMENT ON COLUMN crm.value_origins.since IS 'Since when that connection says so, by its CRM''s clock; of a phone or e-mail the first version of the record we saw.';

COMMENT ON COLUMN crm.value_origins.others IS 'What others say instead: connection (with the record''s id where one has several) → value.';

COMMENT ON COLUMN raw.records.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN raw.records.entity IS 'Raw kind: an entity, or stage_changes.';

COMMENT ON COLUMN raw.records.external_id IS 'Identifier in the CRM.';

COMMENT ON COLUMN raw.records.payload IS 'Payload as sent; null when only the deletion is known.';

COMMENT ON COLUMN raw.records.content_hash IS 'Fingerprint of the payload; an unchanged one costs no write.';

COMMENT ON COLUMN raw.records.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN raw.records.remote_updated_at IS 'When it last changed, by the CRM''s clock.';

COMMENT ON COLUMN raw.records.fetched_at IS 'When this payload was read.';

COMMENT ON COLUMN raw.records.deleted_at IS 'Tombstone: when it was found to be deleted.';

COMMENT ON COLUMN source.communications.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.communications.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.communications.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.communications.kind IS 'call, sms, email, chat, meeting, note or other.';

COMMENT ON COLUMN source.communications.direction IS 'in, out, or null when it has none.';

COMMENT ON COLUMN source.communications.body IS 'Text as sent, may hold HTML or BB code.';

COMMENT ON COLUMN source.communications.body_text IS 'The same as plain text.';

COMMENT ON COLUMN source.communications.happened_at IS 'When it took place.';

COMMENT ON COLUMN source.communications.duration_seconds IS 'Length of a call in seconds.';

COMMENT ON COLUMN source.communications.author_external_id IS 'User who wrote or called (source.users.external_id).';

COMMENT ON COLUMN source.communications.target_entity IS 'Entity it belongs to: contacts, companies or deals.';

COMMENT ON COLUMN source.communications.target_external_id IS 'Record it belongs to.';

COMMENT ON COLUMN source.communications.recording_url IS 'Address of the call''s recording.';

COMMENT ON COLUMN source.communications.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.communications.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.communications.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.communications.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.communications.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';

COMMENT ON COLUMN source.companies.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.companies.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.companies.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.companies.name IS 'Name.';

COMMENT ON COLUMN source.companies.tax_id IS 'Tax id (INN), digits only.';

COMMENT ON COLUMN source.companies.website IS 'Web site.';

COMMENT ON COLUMN source.companies.owner_external_id IS 'Responsible user in the CRM (source.users.external_id).';

COMMENT ON COLUMN source.companies.is_own IS 'Bitrix24''s records of the portal owner''s own companies: kept, flagged.';

COMMENT ON COLUMN source.companies.tags IS 'Tags, sorted.';

COMMENT ON COLUMN source.companies.originator_id IS 'Bitrix24 ORIGINATOR_ID: the outside system that made the record.';

COMMENT ON COLUMN source.companies.origin_id IS 'Bitrix24 ORIGIN_ID: the record''s identifier in that outside system.';

COMMENT ON COLUMN source.companies.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.companies.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.companies.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.companies.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.companies.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';

COMMENT ON COLUMN source.contact_companies.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.contact_companies.contact_external_id IS 'Contact.';

COMMENT ON COLUMN source.contact_companies.company_external_id IS 'Company.';

COMMENT ON COLUMN source.contact_companies.is_primary IS 'Whether it is the contact''s main company.';

COMMENT ON COLUMN source.contact_points.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.contact_points.entity IS 'contacts or companies.';

COMMENT ON COLUMN source.contact_points.external_id IS 'Owner of the contact point (contacts or companies external_id).';

COMMENT ON COLUMN source.contact_points.kind IS 'phone, email, web or messenger.';

COMMENT ON COLUMN source.contact_points.value IS 'Normalized value: E.164 phone, lower-case e-mail.';

COMMENT ON COLUMN source.contact_points.original IS 'Value as it stands in the CRM.';

COMMENT ON COLUMN source.contact_points.label IS 'The CRM''s own type, such as WORK or MOB.';

COMMENT ON COLUMN source.contact_points.is_primary IS 'First of its kind.';

COMMENT ON COLUMN source.contact_points."position" IS 'Order in the CRM.';

COMMENT ON COLUMN source.contact_points.remote_value_id IS 'The CRM''s id of this value (Bitrix24 needs it to change one).';

COMMENT ON COLUMN source.contacts.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.contacts.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.contacts.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.contacts.name IS 'Full name as shown in the CRM.';

COMMENT ON COLUMN source.contacts.first_name IS 'First name.';

COMMENT ON COLUMN source.contacts.last_name IS 'Last name.';

COMMENT ON COLUMN source.contacts.middle_name IS 'Patronymic or middle name.';

COMMENT ON COLUMN source.contacts.company_external_id IS 'Main company (source.companies.external_id).';

COMMENT ON COLUMN source.contacts.owner_external_id IS 'Responsible user in the CRM (source.users.external_id).';

COMMENT ON COLUMN source.contacts."position" IS 'Position in the company.';

COMMENT ON COLUMN source.contacts.birthday IS 'Birthday, a calendar day without time zone.';

COMMENT ON COLUMN source.contacts.tags IS 'Tags, sorted.';

COMMENT ON COLUMN source.contacts.originator_id IS 'Bitrix24 ORIGINATOR_ID: the outside system that made the record.';

COMMENT ON COLUMN source.contacts.origin_id IS 'Bitrix24 ORIGIN_ID: the record''s identifier in that outside system.';

COMMENT ON COLUMN source.contacts.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.contacts.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.contacts.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.contacts.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.contacts.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';

COMMENT ON COLUMN source.custom_fields.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.custom_fields.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.custom_fields.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.custom_fields.entity IS 'Entity the field belongs to.';

COMMENT ON COLUMN source.custom_fields.field_key IS 'Key under which values stand in custom_fields: amoCRM field id, Bitrix24 UF_ name.';

COMMENT ON COLUMN source.custom_fields.name IS 'Label people see.';

COMMENT ON COLUMN source.custom_fields.kind IS 'Our type: text, number, money, boolean, date, datetime, enum, link, file, json.';

COMMENT ON COLUMN source.custom_fields.remote_type IS 'Type as the CRM names it.';

COMMENT ON COLUMN source.custom_fields.is_multiple IS 'Whether it holds several values.';

COMMENT ON COLUMN source.custom_fields.options IS 'Choices of an enum: id → label.';

COMMENT ON COLUMN source.custom_fields.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.custom_fields.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.custom_fields.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.custom_fields.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.deal_contacts.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.deal_contacts.deal_external_id IS 'Deal.';

COMMENT ON COLUMN source.deal_contacts.contact_external_id IS 'Contact.';

COMMENT ON COLUMN source.deal_contacts.is_main IS 'Whether it is the deal''s main contact.';

COMMENT ON COLUMN source.deal_contacts."position" IS 'Order in the CRM.';

COMMENT ON COLUMN source.deal_products.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.deal_products.deal_external_id IS 'Deal.';

COMMENT ON COLUMN source.deal_products."position" IS 'Order of the row within the deal.';

COMMENT ON COLUMN source.deal_products.product_external_id IS 'Product (source.products.external_id); null for a row typed by hand.';

COMMENT ON COLUMN source.deal_products.product_name IS 'Name on the row.';

COMMENT ON COLUMN source.deal_products.quantity IS 'Quantity.';

COMMENT ON COLUMN source.deal_products.price IS 'Price of one unit in the deal''s currency; the product''s own price where the CRM keeps none on the row.';

COMMENT ON COLUMN source.deal_products.discount IS 'Discount on one unit, in money.';

COMMENT ON COLUMN source.deal_products.row_external_id IS 'The CRM''s id of the row.';

COMMENT ON COLUMN source.deals.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.deals.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.deals.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.deals.title IS 'Title.';

COMMENT ON COLUMN source.deals.amount IS 'Value of the deal; null when the CRM holds none.';

COMMENT ON COLUMN source.deals.currency IS 'Currency of the amount, ISO 4217.';

COMMENT ON COLUMN source.deals.pipeline_external_id IS 'Pipeline (source.pipelines.external_id).';

COMMENT ON COLUMN source.deals.stage_external_id IS 'Stage (source.stages.external_id).';

COMMENT ON COLUMN source.deals.stage_category IS 'open, won or lost.';

COMMENT ON COLUMN source.deals.company_external_id IS 'Company (source.companies.external_id).';

COMMENT ON COLUMN source.deals.owner_external_id IS 'Responsible user in the CRM (source.users.external_id).';

COMMENT ON COLUMN source.deals.closed_at IS 'When it was won or lost.';

COMMENT ON COLUMN source.deals.loss_reason IS 'Why it was lost.';

COMMENT ON COLUMN source.deals.tags IS 'Tags, sorted.';

COMMENT ON COLUMN source.deals.originator_id IS 'Bitrix24 ORIGINATOR_ID: the outside system that made the record.';

COMMENT ON COLUMN source.deals.origin_id IS 'Bitrix24 ORIGIN_ID: the record''s identifier in that outside system.';

COMMENT ON COLUMN source.deals.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.deals.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.deals.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.deals.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.deals.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';

COMMENT ON COLUMN source.field_changes.id IS 'Order in which changes were seen.';

COMMENT ON COLUMN source.field_changes.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.field_changes.entity IS 'Entity.';

COMMENT ON COLUMN source.field_changes.external_id IS 'Record.';

COMMENT ON COLUMN source.field_changes.field IS 'Column of source.<entity>, custom_fields.<key>, or the name of a child set such as phones.';

COMMENT ON COLUMN source.field_changes.old_value IS 'Value before.';

COMMENT ON COLUMN source.field_changes.new_value IS 'Value after.';

COMMENT ON COLUMN source.field_changes.changed_at IS 'When it changed in the CRM (the record''s modification time).';

COMMENT ON COLUMN source.field_changes.seen_at IS 'When the pipeline saw it.';

COMMENT ON COLUMN source.field_changes.is_own_write IS 'Whether it was the pipeline''s own write coming back.';

COMMENT ON COLUMN source.pipelines.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.pipelines.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.pipelines.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.pipelines.name IS 'Name.';

COMMENT ON COLUMN source.pipelines.sort IS 'Order in the CRM.';

COMMENT ON COLUMN source.pipelines.is_main IS 'Whether new deals land here by default.';

COMMENT ON COLUMN source.pipelines.is_archived IS 'Whether it is archived.';

COMMENT ON COLUMN source.pipelines.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.pipelines.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.pipelines.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.pipelines.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.pipelines.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';

COMMENT ON COLUMN source.products.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.products.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.products.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.products.name IS 'Name.';

COMMENT ON COLUMN source.products.sku IS 'Article (SKU).';

COMMENT ON COLUMN source.products.price IS 'Base price.';

COMMENT ON COLUMN source.products.currency IS 'Currency of the price, ISO 4217.';

COMMENT ON COLUMN source.products.is_active IS 'Whether it is sold.';

COMMENT ON COLUMN source.products.catalog_external_id IS 'Catalogue in the CRM.';

COMMENT ON COLUMN source.products.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.products.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.products.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.products.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.products.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';

COMMENT ON COLUMN source.stage_changes.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.stage_changes.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.stage_changes.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.stage_changes.deal_external_id IS 'Deal that moved.';

COMMENT ON COLUMN source.stage_changes.pipeline_external_id IS 'Pipeline it moved to.';

COMMENT ON COLUMN source.stage_changes.stage_external_id IS 'Stage it moved to.';

COMMENT ON COLUMN source.stage_changes.from_pipeline_external_id IS 'Pipeline it came from, when known.';

COMMENT ON COLUMN source.stage_changes.from_stage_external_id IS 'Stage it came from, when known.';

COMMENT ON COLUMN source.stage_changes.changed_at IS 'When it moved, by the CRM''s clock.';

COMMENT ON COLUMN source.stage_changes.author_external_id IS 'User who moved it.';

COMMENT ON COLUMN source.stage_changes.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.stage_changes.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.stage_changes.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.stage_changes.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.stages.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.stages.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.stages.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.stages.name IS 'Name.';

COMMENT ON COLUMN source.stages.sort IS 'Order within the pipeline.';

COMMENT ON COLUMN source.stages.pipeline_external_id IS 'Pipeline (source.pipelines.external_id).';

COMMENT ON COLUMN source.stages.category IS 'What the stage means: open, won or lost.';

COMMENT ON COLUMN source.stages.color IS 'Colour in the CRM.';

COMMENT ON COLUMN source.stages.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.stages.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.stages.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.stages.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.stages.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';

COMMENT ON COLUMN source.task_targets.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.task_targets.task_external_id IS 'Task.';

COMMENT ON COLUMN source.task_targets.target_entity IS 'contacts, companies or deals.';

COMMENT ON COLUMN source.task_targets.target_external_id IS 'Record the task is about.';

COMMENT ON COLUMN source.tasks.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.tasks.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.tasks.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.tasks.title IS 'What is to be done.';

COMMENT ON COLUMN source.tasks.body IS 'Longer description as sent, may hold BB code or HTML.';

COMMENT ON COLUMN source.tasks.kind IS 'Type of task: call, meeting, or the CRM''s own name.';

COMMENT ON COLUMN source.tasks.due_at IS 'Deadline.';

COMMENT ON COLUMN source.tasks.is_completed IS 'Whether it is done.';

COMMENT ON COLUMN source.tasks.completed_at IS 'When it was done.';

COMMENT ON COLUMN source.tasks.owner_external_id IS 'Responsible user in the CRM (source.users.external_id).';

COMMENT ON COLUMN source.tasks.target_entity IS 'Entity the task is about; the first when there are several (see source.task_targets).';

COMMENT ON COLUMN source.tasks.target_external_id IS 'Record the task is about.';

COMMENT ON COLUMN source.tasks.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.tasks.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.tasks.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.tasks.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.tasks.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';

COMMENT ON COLUMN source.users.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN source.users.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';

COMMENT ON COLUMN source.users.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';

COMMENT ON COLUMN source.users.name IS 'Full name.';

COMMENT ON COLUMN source.users.email IS 'E-mail, lower case.';

COMMENT ON COLUMN source.users.is_active IS 'Whether the user may log in.';

COMMENT ON COLUMN source.users.is_admin IS 'Whether the user administers the account.';

COMMENT ON COLUMN source.users.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';

COMMENT ON COLUMN source.users.remote_created_at IS 'When the record was created, by the CRM''s clock.';

COMMENT ON COLUMN source.users.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';

COMMENT ON COLUMN source.users.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

COMMENT ON COLUMN source.users.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';

COMMENT ON COLUMN sync.api_user_crm_users.user_id IS 'API user.';

COMMENT ON COLUMN sync.api_user_crm_users.golden_id IS 'Golden user (crm.users.id), as linked; a merged one is followed when it is read.';

COMMENT ON COLUMN sync.api_users.id IS 'User.';

COMMENT ON COLUMN sync.api_users.username IS 'What the user types to log in; upper and lower case are the same.';

COMMENT ON COLUMN sync.api_users.password_hash IS 'Argon2id hash of the password.';

COMMENT ON COLUMN sync.api_users.role IS 'admin: everything; operator: status, retries, conflicts; agent: reads and edits from the mobile app.';

COMMENT ON COLUMN sync.api_users.scope IS 'Of an agent: own, only what it is responsible for through its golden users; all: every record.';

COMMENT ON COLUMN sync.api_users.failed_logins IS 'Wrong passwords since the last right one.';

COMMENT ON COLUMN sync.api_users.locked_until IS 'Until when logins are refused, longer after every further wrong password.';

COMMENT ON COLUMN sync.api_users.disabled_at IS 'Since when this user may not log in nor use a token.';

COMMENT ON COLUMN sync.api_users.created_at IS 'When the user was added.';

COMMENT ON COLUMN sync.audit_log.id IS 'Identifier.';

COMMENT ON COLUMN sync.audit_log.at IS 'When.';

COMMENT ON COLUMN sync.audit_log.actor IS 'Person or process.';

COMMENT ON COLUMN sync.audit_log.action IS 'What was done.';

COMMENT ON COLUMN sync.audit_log.subject IS 'To what.';

COMMENT ON COLUMN sync.audit_log.detail IS 'Details (no secrets).';

COMMENT ON COLUMN sync.bases.entity IS 'Entity.';

COMMENT ON COLUMN sync.bases.golden_id IS 'Golden record (crm.<entity>.id).';

COMMENT ON COLUMN sync.bases.field IS 'Field, or group of fields that go together, such as name.';

COMMENT ON COLUMN sync.bases.value IS 'Values of the group''s columns, in their order.';

COMMENT ON COLUMN sync.bases.agreed_at IS 'Until when they are known to have agreed.';

COMMENT ON COLUMN sync.bases.said IS 'Side → values it said when the base was made, of those that said something else: saying it still is no change. A side is connection:external id.';

COMMENT ON COLUMN sync.conflicts.id IS 'Number a person settles it by.';

COMMENT ON COLUMN sync.conflicts.entity IS 'Entity.';

COMMENT ON COLUMN sync.conflicts.golden_id IS 'Golden record (crm.<entity>.id).';

COMMENT ON COLUMN sync.conflicts.field IS 'Field, or group of fields that go together, such as name.';

COMMENT ON COLUMN sync.conflicts.base_value IS 'What all sides last agreed on, by column; null when they never did.';

COMMENT ON COLUMN sync.conflicts."values" IS 'Side → {value: by column, changed_at}; a side is a connection''s name, with the record''s id where it has two.';

COMMENT ON COLUMN sync.conflicts.rule IS 'Rule that decided, or review: none may.';

COMMENT ON COLUMN sync.conflicts.chosen IS 'Side whose value stands.';

COMMENT ON COLUMN sync.conflicts.state IS 'decided: a rule or person decided; open: a person has to; overturned: a person decided against the rule.';

COMMENT ON COLUMN sync.conflicts.decided_by IS 'pipeline, or the person who decided; null while open.';

COMMENT ON COLUMN sync.conflicts.decided_at IS 'When it was decided.';

COMMENT ON COLUMN sync.conflicts.seen_at IS 'When the conflict was first seen.';

COMMENT ON COLUMN sync.conflicts.superseded_at IS 'When the values changed again or the sides agreed; null while it stands.';

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

COMMENT ON COLUMN sync.connections.settle_seconds IS 'Seconds after which a request whose answer was lost cannot be applied any more; null: the connector''s own.';

COMMENT ON COLUMN sync.cursors.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN sync.cursors.entity IS 'Entity the stream belongs to.';

COMMENT ON COLUMN sync.cursors.stream IS 'List of the CRM.';

COMMENT ON COLUMN sync.cursors.watermark IS 'The CRM''s clock at the start of the last finished walk; null until one has finished.';

COMMENT ON COLUMN sync.cursors.walk_mode IS 'Mode of the unfinished walk; null when none is under way.';

COMMENT ON COLUMN sync.cursors.walk_started_at IS 'The CRM''s clock when the unfinished walk began.';

COMMENT ON COLUMN sync.cursors.walk_began_at IS 'Our own clock when the walk began: what was landed later cannot be missing from it.';

COMMENT ON COLUMN sync.cursors.walk_state IS 'Where the unfinished walk goes on.';

COMMENT ON COLUMN sync.cursors.updated_at IS 'When this row was last written.';

COMMENT ON COLUMN sync.database.is_one IS 'There is one row.';

COMMENT ON COLUMN sync.database.epoch IS 'Random, another one on another server; clients'' cursors are bound to it.';

COMMENT ON COLUMN sync.database.retention IS 'How long tombstones are kept; a client that stays away for longer reads everything anew.';

COMMENT ON COLUMN sync.database.forgotten_xid IS 'Tombstones of transactions up to this one are forgotten.';

COMMENT ON COLUMN sync.database.server IS 'Server the versions (changed_xid) are of; elsewhere, as after a restore, they mean nothing and are stamped anew.';

COMMENT ON COLUMN sync.database.forgotten_at IS 'What was taken away until then is forgotten; null: nothing is.';

COMMENT ON COLUMN sync.devices.id IS 'Device, as access tokens name it.';

COMMENT ON COLUMN sync.devices.user_id IS 'Whose.';

COMMENT ON COLUMN sync.devices.name IS 'What the device calls itself.';

COMMENT ON COLUMN sync.devices.created_at IS 'When it logged in.';

COMMENT ON COLUMN sync.devices.last_seen_at IS 'When it last logged in or refreshed.';

COMMENT ON COLUMN sync.devices.expires_at IS 'Until when its newest refresh token is good.';

COMMENT ON COLUMN sync.devices.revoked_at IS 'When its tokens became void.';

COMMENT ON COLUMN sync.devices.revoked_because IS 'logout: by itself; revoked: by the user or an admin; reuse: a used refresh token came again; password: the password was changed; disabled: the user was.';

COMMENT ON COLUMN sync.golden_queue.entity IS 'Entity.';

COMMENT ON COLUMN sync.golden_queue.golden_id IS 'Golden record (crm.<entity>.id).';

COMMENT ON COLUMN sync.inbox.id IS 'Order of arrival.';

COMMENT ON COLUMN sync.inbox.connection_id IS 'Connection whose address it came to.';

COMMENT ON COLUMN sync.inbox.received_at IS 'When it came; a repetition of what was looked into long ago counts anew.';

COMMENT ON COLUMN sync.inbox.entity IS 'Entity of the record; null when the delivery was about nothing we keep.';

COMMENT ON COLUMN sync.inbox.external_id IS 'Record.';

COMMENT ON COLUMN sync.inbox.action IS 'What is said to have happened, in the CRM''s word.';

COMMENT ON COLUMN sync.inbox.dedup_key IS 'What the same hint is recognised by when it is delivered again.';

COMMENT ON COLUMN sync.inbox.body_digest IS 'SHA-256 of the body it came in.';

COMMENT ON COLUMN sync.inbox.state IS 'new: the record is to be read again; done: it was; ignored: about nothing we keep.';

COMMENT ON COLUMN sync.inbox.taken_at IS 'When a process began to read it; taken again when that process has not finished for long.';

COMMENT ON COLUMN sync.inbox.done_at IS 'When the record had been read again.';

COMMENT ON COLUMN sync.match_decisions.id IS 'Order in which they were decided.';

COMMENT ON COLUMN sync.match_decisions.entity IS 'Entity of both records.';

COMMENT ON COLUMN sync.match_decisions.verdict IS 'together: they are one thing; apart: they are not.';

COMMENT ON COLUMN sync.match_decisions.connection_id IS 'Connection of the one record.';

COMMENT ON COLUMN sync.match_decisions.external_id IS 'Identifier of the one record.';

COMMENT ON COLUMN sync.match_decisions.other_connection_id IS 'Connection of the other record.';

COMMENT ON COLUMN sync.match_decisions.other_external_id IS 'Identifier of the other record.';

COMMENT ON COLUMN sync.match_decisions.reason IS 'Why, in the words of who decided.';

COMMENT ON COLUMN sync.match_decisions.decided_by IS 'Who decided.';

COMMENT ON COLUMN sync.match_decisions.decided_at IS 'When.';

COMMENT ON COLUMN sync.match_decisions.revoked_at IS 'When a later decision about the same two took its place; null while it holds.';

COMMENT ON COLUMN sync.match_keys.entity IS 'Entity.';

COMMENT ON COLUMN sync.match_keys.connection_id IS 'Connection of the source record.';

COMMENT ON COLUMN sync.match_keys.external_id IS 'Identifier of the source record.';

COMMENT ON COLUMN sync.match_keys.rule IS 'Rule the key belongs to: marker, external_id, tax_id, domain, sku, name, mapping.';

COMMENT ON COLUMN sync.match_keys.key IS 'Normalized key; equal keys mean the same thing.';

COMMENT ON COLUMN sync.match_reviews.id IS 'Number a person answers it by.';

COMMENT ON COLUMN sync.match_reviews.entity IS 'Entity of both records.';

COMMENT ON COLUMN sync.match_reviews.connection_id IS 'Connection of the one record.';

COMMENT ON COLUMN sync.match_reviews.external_id IS 'Identifier of the one record.';

COMMENT ON COLUMN sync.match_reviews.other_connection_id IS 'Connection of the other record.';

COMMENT ON COLUMN sync.match_reviews.other_external_id IS 'Identifier of the other record.';

COMMENT ON COLUMN sync.match_reviews.rule IS 'Rule that brought them together, or resemblance.';

COMMENT ON COLUMN sync.match_reviews.reason IS 'contradiction: their names speak against it; several_candidates: more than one fits; one_connection: both are of one connection; resemblance: alike without a common key.';

COMMENT ON COLUMN sync.match_reviews.explanation IS 'The same as a sentence.';

COMMENT ON COLUMN sync.match_reviews.score IS 'How alike they are, 0 to 1, of suggestions.';

COMMENT ON COLUMN sync.match_reviews.features IS 'What the score is made of: feature → 0 to 1.';

COMMENT ON COLUMN sync.match_reviews.state IS 'open: waits for a person; merged, kept_apart: decided; obsolete: the records changed and the question is gone.';

COMMENT ON COLUMN sync.match_reviews.created_at IS 'When it came up.';

COMMENT ON COLUMN sync.match_reviews.decided_by IS 'Who decided.';

COMMENT ON COLUMN sync.match_reviews.decided_at IS 'When it was decided or became obsolete.';

COMMENT ON COLUMN sync.migrations.version IS 'Number of the file in sql/migrations.';

COMMENT ON COLUMN sync.migrations.name IS 'Name of the file without its number.';

COMMENT ON COLUMN sync.migrations.checksum IS 'SHA-256 of the file as applied; a file edited later is refused.';

COMMENT ON COLUMN sync.migrations.applied_at IS 'When it was applied.';

COMMENT ON COLUMN sync.missing_references.connection_id IS 'Connection of both records.';

COMMENT ON COLUMN sync.missing_references.missing_entity IS 'Entity referred to.';

COMMENT ON COLUMN sync.missing_references.missing_external_id IS 'Record referred to.';

COMMENT ON COLUMN sync.missing_references.entity IS 'Entity of the record that refers to it.';

COMMENT ON COLUMN sync.missing_references.external_id IS 'Record that refers to it.';

COMMENT ON COLUMN sync.oauth_states.state_hash IS 'SHA-256 of the state the browser carries.';

COMMENT ON COLUMN sync.oauth_states.user_id IS 'Who asked.';

COMMENT ON COLUMN sync.oauth_states.settings IS 'What is needed to finish, encrypted with AES-256-GCM and bound to this row; empty once it was used.';

COMMENT ON COLUMN sync.oauth_states.created_at IS 'When it was asked for.';

COMMENT ON COLUMN sync.oauth_states.expires_at IS 'Until when it is good.';

COMMENT ON COLUMN sync.oauth_states.used_at IS 'When it was used up.';

COMMENT ON COLUMN sync.operating_time.meter IS 'Portal and credential.';

COMMENT ON COLUMN sync.operating_time.method IS 'REST method.';

COMMENT ON COLUMN sync.operating_time.used_seconds IS 'Seconds used in the current ten minutes.';

COMMENT ON COLUMN sync.operating_time.reset_at IS 'When the oldest of them is forgotten.';

COMMENT ON COLUMN sync.operating_time.parked_until IS 'The method is refused until then.';

COMMENT ON COLUMN sync.operation_changes.operation_id IS 'Operation (sync.operations.id).';

COMMENT ON COLUMN sync.operation_changes.change_id IS 'Change (sync.outgoing_changes.id).';

COMMENT ON COLUMN sync.operation_changes.changed_xid IS 'Transaction that linked them.';

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

COMMENT ON COLUMN sync.operations.changed_xid IS 'Transaction that took the operation, or last changed its status.';

COMMENT ON COLUMN sync.outgoing_attempts.id IS 'Order.';

COMMENT ON COLUMN sync.outgoing_attempts.change_id IS 'Change (sync.outgoing_changes.id).';

COMMENT ON COLUMN sync.outgoing_attempts.at IS 'When.';

COMMENT ON COLUMN sync.outgoing_attempts.attempt IS 'Which attempt, from 1.';

COMMENT ON COLUMN sync.outgoing_attempts.outcome IS 'State it led to; pending: tried again later.';

COMMENT ON COLUMN sync.outgoing_attempts.code IS 'One word: the vendor''s code or ours.';

COMMENT ON COLUMN sync.outgoing_attempts.detail IS 'The same as a sentence.';

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

COMMENT ON COLUMN sync.outgoing_changes.changed_xid IS 'Transaction that last moved the change to another state, or put it off.';

COMMENT ON COLUMN sync.quarantine.id IS 'Identifier.';

COMMENT ON COLUMN sync.quarantine.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN sync.quarantine.entity IS 'Raw kind.';

COMMENT ON COLUMN sync.quarantine.external_id IS 'Record.';

COMMENT ON COLUMN sync.quarantine.reason IS 'What could not be read.';

COMMENT ON COLUMN sync.quarantine.payload IS 'Payload as the CRM sent it.';

COMMENT ON COLUMN sync.quarantine.attempts IS 'How often it was tried.';

COMMENT ON COLUMN sync.quarantine.first_seen_at IS 'When it was first put here.';

COMMENT ON COLUMN sync.quarantine.last_tried_at IS 'When it was last tried.';

COMMENT ON COLUMN sync.rate_budget.meter IS 'Which limit: CRM and integration or portal.';

COMMENT ON COLUMN sync.rate_budget.next_at IS 'Theoretical arrival time of the next request (GCRA).';

COMMENT ON COLUMN sync.rate_budget.paused_until IS 'Nobody sends before: the CRM said so.';

COMMENT ON COLUMN sync.rate_budget.granted IS 'Requests granted so far.';

COMMENT ON COLUMN sync.rate_budget.refused IS 'Refusals (429, 503) so far.';

COMMENT ON COLUMN sync.rate_budget.updated_at IS 'Last use.';

COMMENT ON COLUMN sync.reconcile_queue.id IS 'Order.';

COMMENT ON COLUMN sync.reconcile_queue.entity IS 'Entity.';

COMMENT ON COLUMN sync.reconcile_queue.connection_id IS 'Connection.';

COMMENT ON COLUMN sync.reconcile_queue.external_id IS 'Record.';

COMMENT ON COLUMN sync.refresh_tokens.token_hash IS 'SHA-256 of the token; the token itself is kept nowhere.';

COMMENT ON COLUMN sync.refresh_tokens.device_id IS 'Device it was given to.';

COMMENT ON COLUMN sync.refresh_tokens.created_at IS 'When it was given out.';

COMMENT ON COLUMN sync.refresh_tokens.expires_at IS 'Until when it is good.';

COMMENT ON COLUMN sync.refresh_tokens.used_at IS 'When it was exchanged for the next one.';

COMMENT ON COLUMN sync.resemblance_blocks.block IS 'Coarse key, such as surname and given name in one spelling.';

COMMENT ON COLUMN sync.resemblance_blocks.golden_id IS 'Golden record (crm.contacts.id).';

COMMENT ON COLUMN sync.suggestion_queue.golden_id IS 'Golden record (crm.contacts.id).';

COMMENT ON COLUMN sync.sync_runs.id IS 'Identifier.';

COMMENT ON COLUMN sync.sync_runs.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN sync.sync_runs.entity IS 'Entity.';

COMMENT ON COLUMN sync.sync_runs.mode IS 'Mode.';

COMMENT ON COLUMN sync.sync_runs.started_at IS 'Start.';

COMMENT ON COLUMN sync.sync_runs.finished_at IS 'End.';

COMMENT ON COLUMN sync.sync_runs.counts IS 'Counts: read, inserted, updated, unchanged, deleted, quarantined, requests.';

COMMENT ON COLUMN sync.sync_runs.error IS 'Error, when it failed.';

COMMENT ON COLUMN sync.sync_runs.run_id IS 'Dagster run, when it was one.';

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

COMMENT ON COLUMN sync.visible_records.user_id IS 'API user.';

COMMENT ON COLUMN sync.visible_records.entity IS 'Entity.';

COMMENT ON COLUMN sync.visible_records.id IS 'Golden record.';

COMMENT ON COLUMN sync.visible_records.is_visible IS 'Whether the user sees it; false: it did once.';

COMMENT ON COLUMN sync.visible_records.changed_xid IS 'Transaction that noticed.';

COMMENT ON COLUMN sync.visible_records.changed_at IS 'When it was noticed.';

COMMENT ON COLUMN sync.walk_seen.connection_id IS 'Connection the record comes from.';

COMMENT ON COLUMN sync.walk_seen.stream IS 'List of the CRM.';

COMMENT ON COLUMN sync.walk_seen.kind IS 'Raw kind.';

COMMENT ON COLUMN sync.walk_seen.external_id IS 'Identifier.';

COMMENT ON COLUMN sync.webhooks.connection_id IS 'Connection.';

COMMENT ON COLUMN sync.webhooks.token_hash IS 'SHA-256 of the secret part of the address: what a delivery is recognised by.';

COMMENT ON COLUMN sync.webhooks.token_sealed IS 'The secret part, encrypted with AES-256-GCM and bound to this row: what is told to the CRM.';

COMMENT ON COLUMN sync.webhooks.state IS 'unregistered: the CRM was not told; registered: it delivers; refused: it does not, detail says why.';

COMMENT ON COLUMN sync.webhooks.detail IS 'What a person should know about it.';

COMMENT ON COLUMN sync.webhooks.checked_at IS 'When the CRM was last asked about it.';

COMMENT ON COLUMN sync.webhooks.created_at IS 'When the address was made up.';

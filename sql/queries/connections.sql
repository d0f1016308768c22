-- name: listed
-- Every connection to a CRM that was not removed, in order of its name; not one whose new credentials are being tried.
SELECT id, crm, name, base_url, direction, status, status_reason, status_changed_at, interval_seconds, stable_id, account,
       token_expires_at, next_due_at, failures, created_at, requests_per_second, request_burst, settle_seconds
FROM sync.connections WHERE status <> 'removed' AND crm <> 'app' AND right(name, 7) <> '--trial' ORDER BY name;

-- name: by_name
-- One connection, removed ones too.
SELECT id, crm, name, base_url, direction, status, status_reason, status_changed_at, interval_seconds, stable_id, account,
       token_expires_at, next_due_at, failures, created_at, requests_per_second, request_burst, settle_seconds
FROM sync.connections WHERE name = %(name)s;

-- name: by_id
-- One connection, removed ones too.
SELECT id, crm, name, base_url, direction, status, status_reason, status_changed_at, interval_seconds, stable_id, account,
       token_expires_at, next_due_at, failures, created_at, requests_per_second, request_burst, settle_seconds
FROM sync.connections WHERE id = %(id)s;

-- name: by_account
-- Which connection an account of a CRM has.
SELECT id, crm, name, base_url, direction, status, status_reason, status_changed_at, interval_seconds, stable_id, account,
       token_expires_at, next_due_at, failures, created_at, requests_per_second, request_burst, settle_seconds
FROM sync.connections WHERE crm = %(crm)s AND stable_id = %(stable_id)s AND status <> 'removed';

-- name: former_by_account
-- Which connection an account of a CRM has or had last.
SELECT id, crm, name, base_url, direction, status, status_reason, status_changed_at, interval_seconds, stable_id, account,
       token_expires_at, next_due_at, failures, created_at, requests_per_second, request_burst, settle_seconds
FROM sync.connections WHERE crm = %(crm)s AND stable_id = %(stable_id)s
ORDER BY status = 'removed', status_changed_at DESC, id DESC LIMIT 1;

-- name: rename
-- Give a connection that was never used its name.
UPDATE sync.connections SET name = %(name)s WHERE id = %(id)s;

-- name: add
-- Add a connection that has not been checked yet.
INSERT INTO sync.connections (crm, name, base_url, status, status_reason)
VALUES (%(crm)s, %(name)s, %(base_url)s, 'broken', 'Not checked yet.') RETURNING id;

-- name: delete_unchecked
-- Take away a connection that never was checked, so never had data.
DELETE FROM sync.connections WHERE id = %(id)s AND stable_id IS NULL;

-- name: adopt
-- Note what the account check found; data and cursors stay, and so does what was provided for writing.
UPDATE sync.connections SET
    base_url = %(base_url)s, stable_id = %(stable_id)s,
    account = %(account)s::jsonb || CASE WHEN account ? 'prepared' THEN jsonb_build_object(
        'prepared', account -> 'prepared', 'facts', COALESCE(%(account)s::jsonb -> 'facts', '{}') || (account -> 'prepared')
    ) ELSE '{}' END
WHERE id = %(id)s;

-- name: keep_prepared
-- Keep what was provided for writing among the facts; later checks leave it.
UPDATE sync.connections SET account = account || jsonb_build_object(
    'prepared', COALESCE(account -> 'prepared', '{}') || %(facts)s::jsonb, 'facts', COALESCE(account -> 'facts', '{}') || %(facts)s::jsonb)
WHERE id = %(id)s;

-- name: activate
-- Let a connection work again, and at once.
UPDATE sync.connections SET
    status = 'active', status_reason = NULL, failures = 0, next_due_at = now(),
    status_changed_at = CASE WHEN status = 'active' THEN status_changed_at ELSE now() END
WHERE id = %(id)s;

-- name: set_status
-- Change the status, with the reason a person reads.
UPDATE sync.connections SET
    status = %(status)s, status_reason = %(reason)s,
    status_changed_at = CASE WHEN status = %(status)s THEN status_changed_at ELSE now() END
WHERE id = %(id)s;

-- name: remove
-- Disconnect: the secrets go, the data stays.
UPDATE sync.connections SET
    status = 'removed', status_reason = NULL, status_changed_at = now(), secrets = NULL, token_expires_at = NULL
WHERE id = %(id)s;

-- name: set_direction
-- Read only, or two way.
UPDATE sync.connections SET direction = %(value)s WHERE id = %(id)s;

-- name: set_interval
-- Seconds between syncs; the next one comes no later than that from now.
UPDATE sync.connections SET
    interval_seconds = %(value)s, next_due_at = LEAST(next_due_at, now() + make_interval(secs => %(value)s))
WHERE id = %(id)s;

-- name: set_rate
-- Requests per second, where the account's plan differs from the vendor's usual one.
UPDATE sync.connections SET requests_per_second = %(value)s WHERE id = %(id)s;

-- name: set_burst
-- Requests at once, where the account's plan differs from the vendor's usual one.
UPDATE sync.connections SET request_burst = %(value)s WHERE id = %(id)s;

-- name: set_settle_seconds
-- After how long a request whose answer was lost is not applied any more.
UPDATE sync.connections SET settle_seconds = %(value)s WHERE id = %(id)s;

-- name: succeeded
-- A sync went well: active, and due again after its interval.
UPDATE sync.connections SET
    failures = 0, next_due_at = now() + make_interval(secs => interval_seconds),
    status_changed_at = CASE WHEN status IN ('active', 'paused', 'removed') THEN status_changed_at ELSE now() END,
    status_reason = CASE WHEN status IN ('paused', 'removed') THEN status_reason END,
    status = CASE WHEN status IN ('paused', 'removed') THEN status ELSE 'active' END
WHERE id = %(id)s;

-- name: failed
-- A sync failed: due again later with every failure, at most after an hour or when the CRM says.
UPDATE sync.connections SET
    failures = failures + 1,
    next_due_at = GREATEST(now() + make_interval(secs => LEAST(GREATEST(3600, interval_seconds), interval_seconds * 2 ^ LEAST(failures, 16))),
                           %(not_before)s::timestamptz)
WHERE id = %(id)s;

-- name: secrets
-- The encrypted secrets of a connection.
SELECT secrets FROM sync.connections WHERE id = %(id)s;

-- name: lock_secrets
-- The encrypted secrets, nobody else renewing them meanwhile.
SELECT secrets FROM sync.connections WHERE id = %(id)s FOR NO KEY UPDATE;

-- name: lock_secrets_now
-- The encrypted secrets, unless somebody else is renewing them: nobody waits.
SELECT secrets FROM sync.connections WHERE id = %(id)s FOR NO KEY UPDATE SKIP LOCKED;

-- name: save_secrets
-- Keep encrypted secrets and when their access token expires.
UPDATE sync.connections SET secrets = %(secrets)s, token_expires_at = to_timestamp(%(expires_at)s) WHERE id = %(id)s;

-- name: all_secrets
-- The encrypted secrets of every connection that has any.
SELECT id, secrets FROM sync.connections WHERE secrets IS NOT NULL AND status <> 'removed';

-- name: with_secrets
-- Every connection that has secrets.
SELECT id FROM sync.connections WHERE secrets IS NOT NULL ORDER BY id;

-- name: standings
-- How connections stand: entity by entity the last success and error, what waits, how their CRM delivers.
SELECT c.id,
       (SELECT min(s.last_success_at) FROM sync.sync_status s WHERE s.connection_id = c.id) AS last_success_at,
       COALESCE((SELECT jsonb_object_agg(s.entity, jsonb_build_object(
                     'last_success_at', s.last_success_at, 'last_mode', s.last_mode, 'read', s.read_count, 'inserted', s.inserted,
                     'updated', s.updated, 'deleted', s.deleted, 'quarantined', s.quarantined, 'last_error', s.last_error,
                     'what_to_do', s.what_to_do))
                 FROM sync.sync_status s WHERE s.connection_id = c.id), '{}') AS entities,
       (SELECT count(*) FROM sync.outgoing_changes o WHERE o.connection_id = c.id AND o.settled_at IS NULL) AS outgoing_waiting,
       (SELECT count(*) FROM sync.inbox i WHERE i.connection_id = c.id AND i.state = 'new') AS hints_waiting,
       w.state AS webhook_state, w.detail AS webhook_detail,
       (SELECT max(i.received_at) FROM sync.inbox i WHERE i.connection_id = c.id) AS webhook_received_at
FROM sync.connections c
LEFT JOIN sync.webhooks w ON w.connection_id = c.id
WHERE c.id = ANY(%(ids)s::integer[]);

-- name: live_records
-- How many live records a connection has, entity by entity.
SELECT 'companies' AS entity, count(*) AS live FROM source.companies WHERE connection_id = %(id)s AND deleted_at IS NULL
UNION ALL SELECT 'contacts', count(*) FROM source.contacts WHERE connection_id = %(id)s AND deleted_at IS NULL
UNION ALL SELECT 'deals', count(*) FROM source.deals WHERE connection_id = %(id)s AND deleted_at IS NULL
UNION ALL SELECT 'tasks', count(*) FROM source.tasks WHERE connection_id = %(id)s AND deleted_at IS NULL
UNION ALL SELECT 'communications', count(*) FROM source.communications WHERE connection_id = %(id)s AND deleted_at IS NULL
UNION ALL SELECT 'products', count(*) FROM source.products WHERE connection_id = %(id)s AND deleted_at IS NULL;

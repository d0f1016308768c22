-- name: door
-- The connection a delivery to this address is for.
SELECT c.id, c.crm, c.name, c.status, c.stable_id
FROM sync.webhooks w
JOIN sync.connections c ON c.id = w.connection_id
WHERE w.token_hash = %(token_hash)s AND w.connection_id = %(connection_id)s AND c.status <> 'removed';

-- name: be_quick
-- This session serves deliveries: it waits for nothing longer than their sender does.
SELECT set_config('lock_timeout', %(ms)s, false), set_config('statement_timeout', %(ms)s, false), set_config('TimeZone', 'UTC', false);

-- name: make_webhook
-- Give a connection its address, unless it has one.
INSERT INTO sync.webhooks (connection_id, token_hash, token_sealed)
VALUES (%(connection_id)s, %(token_hash)s, %(token_sealed)s)
ON CONFLICT (connection_id) DO NOTHING;

-- name: webhook
-- The address of a connection, encrypted, and how it stands.
SELECT w.token_sealed, w.state, w.detail, w.checked_at,
       (SELECT max(received_at) FROM sync.inbox i WHERE i.connection_id = w.connection_id) AS last_received_at
FROM sync.webhooks w WHERE w.connection_id = %(connection_id)s;

-- name: note_webhook
-- Note what the CRM said about a connection's address.
UPDATE sync.webhooks SET state = %(state)s, detail = %(detail)s, checked_at = now() WHERE connection_id = %(connection_id)s;

-- name: drop_webhook
-- Forget the address of a connection: deliveries to it are unknown from now on.
DELETE FROM sync.webhooks WHERE connection_id = %(connection_id)s;

-- name: sealed_webhooks
-- Every address, to be encrypted anew.
SELECT connection_id, token_sealed FROM sync.webhooks ORDER BY connection_id FOR NO KEY UPDATE;

-- name: seal_webhook
-- Keep an address encrypted with a newer key.
UPDATE sync.webhooks SET token_sealed = %(token_sealed)s WHERE connection_id = %(connection_id)s;

-- name: put
-- Keep hints, each once; one that came again is new again when it may be about something later, or after a day.
INSERT INTO sync.inbox AS i (connection_id, entity, external_id, action, dedup_key, body_digest, state)
SELECT %(connection_id)s, h.entity, h.external_id, h.action, h.dedup_key, %(body_digest)s, h.state
FROM jsonb_to_recordset(%(hints)s::jsonb) AS h(entity text, external_id text, action text, dedup_key text, state text)
ORDER BY h.dedup_key
ON CONFLICT (connection_id, dedup_key) DO UPDATE SET
    state = EXCLUDED.state, received_at = now(), taken_at = NULL, done_at = NULL, body_digest = EXCLUDED.body_digest
WHERE i.state <> 'ignored' AND (%(wakes)s OR i.received_at < now() - interval '1 day')
RETURNING id;

-- name: waiting
-- Connections that may be read and have hints nobody is reading; of each the first.
SELECT c.name, c.crm, w.id AS first_id, round(extract(epoch FROM w.received_at) * 1000)::bigint AS since
FROM sync.connections c
CROSS JOIN LATERAL (
    SELECT i.id, i.received_at FROM sync.inbox i
    WHERE i.connection_id = c.id AND i.state = 'new'
      AND (i.taken_at IS NULL OR i.taken_at < now() - make_interval(secs => %(lease)s))
    ORDER BY i.id LIMIT 1
) w
WHERE c.status = 'active' AND c.name = ANY(%(known)s::text[]) AND c.name <> ALL(%(busy)s::text[])
ORDER BY w.id
LIMIT %(limit)s;

-- name: take
-- Take hints of a connection, the oldest first; those a process took that died meanwhile are taken again.
WITH waiting AS (
    SELECT id FROM sync.inbox
    WHERE connection_id = %(connection_id)s AND state = 'new'
      AND (taken_at IS NULL OR taken_at < now() - make_interval(secs => %(lease)s))
    ORDER BY id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE sync.inbox i SET taken_at = clock_timestamp()
FROM waiting w WHERE i.id = w.id
RETURNING i.id, i.entity, i.external_id, i.taken_at;

-- name: give_back
-- Let hints be taken again at once.
UPDATE sync.inbox SET taken_at = NULL WHERE id = ANY(%(ids)s::bigint[]) AND state = 'new';

-- name: finish
-- The records were read again; what came for them since then waits on.
UPDATE sync.inbox i SET state = 'done', done_at = now()
FROM unnest(%(ids)s::bigint[], %(taken)s::timestamptz[]) AS t(id, taken_at)
WHERE i.id = t.id AND i.taken_at = t.taken_at AND i.state = 'new';

-- name: purge
-- Forget hints that were looked into, or that nobody could look into, long ago.
DELETE FROM sync.inbox
WHERE received_at < now() - make_interval(days => CASE WHEN state = 'new' THEN %(new_days)s ELSE %(done_days)s END);

-- name: put
-- Keep a payload that could not be normalized, with the reason.
INSERT INTO sync.quarantine AS q (connection_id, entity, external_id, reason, payload)
VALUES (%(connection_id)s, %(kind)s, %(external_id)s, %(reason)s, %(payload)s::jsonb)
ON CONFLICT (connection_id, entity, external_id) DO UPDATE SET
    reason = EXCLUDED.reason, payload = EXCLUDED.payload, attempts = q.attempts + 1, last_tried_at = now();

-- name: release
-- Let go of records that could be normalized, or are gone.
DELETE FROM sync.quarantine WHERE connection_id = %(connection_id)s AND entity = %(kind)s AND external_id = ANY(%(ids)s);

-- name: listed
-- What lies in quarantine, newest first.
SELECT c.name AS connection, q.entity, q.external_id, q.reason, q.attempts, q.first_seen_at, q.last_tried_at
FROM sync.quarantine q JOIN sync.connections c ON c.id = q.connection_id
ORDER BY q.last_tried_at DESC LIMIT %(limit)s;

-- name: kinds
-- Which kinds of a connection have something in quarantine.
SELECT DISTINCT entity FROM sync.quarantine WHERE connection_id = %(connection_id)s ORDER BY entity;

-- name: claim_due
-- Take the connections that are due, the longest waiting first, and put each off by its own interval.
WITH due AS (
    SELECT id, next_due_at
    FROM sync.connections
    WHERE status = 'active' AND next_due_at <= now() AND name = ANY(%(known)s::text[]) AND name <> ALL(%(busy)s::text[])
      AND id <> ALL(%(written)s::integer[])
    ORDER BY next_due_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE sync.connections c
SET next_due_at = now() + make_interval(secs => c.interval_seconds)
FROM due
WHERE c.id = due.id
RETURNING c.name, c.crm, round(extract(epoch FROM due.next_due_at) * 1000)::bigint AS due,
    NOT EXISTS (SELECT FROM sync.cursors k
                WHERE k.connection_id = c.id AND k.watermark IS NOT NULL AND position('@' IN k.stream) = 0) AS is_new;

-- name: hurry
-- Let connections be due at once, whose sync died with its process.
UPDATE sync.connections SET next_due_at = now() WHERE name = ANY(%(names)s::text[]);

-- name: due_drains
-- Connections with an outgoing change whose turn has come, or that a dead process holds; of each the first, and since when.
SELECT c.name, c.crm, d.id AS change_id, round(extract(epoch FROM d.since) * 1000)::bigint AS since,
    extract(epoch FROM c.status_changed_at)::float8 AS active_since
FROM sync.connections c
CROSS JOIN LATERAL (
    SELECT w.id, w.lane, w.since FROM (
        (SELECT o.id, o.lane, o.next_attempt_at AS since
         FROM sync.outgoing_changes o
         WHERE o.connection_id = c.id AND o.state = 'pending' AND o.next_attempt_at <= now() AND NOT EXISTS (
             SELECT FROM sync.outgoing_changes e
             WHERE e.connection_id = o.connection_id AND e.entity = o.entity AND e.golden_id = o.golden_id
               AND e.settled_at IS NULL AND (e.id < o.id OR e.state = 'in_flight'))
         ORDER BY o.lane DESC, o.id LIMIT 1)
        UNION ALL
        (SELECT o.id, o.lane, o.lease_until
         FROM sync.outgoing_changes o
         WHERE o.connection_id = c.id AND o.state = 'in_flight' AND o.lease_until < now()
         ORDER BY o.id LIMIT 1)
    ) w
    ORDER BY w.lane DESC, w.id LIMIT 1
) d
WHERE c.status = 'active' AND c.direction = 'two_way'
  AND c.name = ANY(%(known)s::text[]) AND c.name <> ALL(%(busy)s::text[])
ORDER BY d.lane DESC, d.since, c.name
LIMIT %(limit)s;

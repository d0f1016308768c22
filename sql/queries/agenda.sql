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

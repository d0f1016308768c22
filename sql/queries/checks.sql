-- name: freshness
-- How each connection of a CRM stands with one entity: its status, age, last error and what to do.
SELECT c.name AS connection, c.status, s.last_success_at, coalesce(s.last_error, c.status_reason, '') AS error,
    coalesce(s.what_to_do, '') AS what_to_do,
    round(extract(epoch FROM now() - coalesce(s.last_success_at, c.created_at)))::bigint AS age_seconds,
    c.status <> 'active' OR s.last_error IS NOT NULL AS is_failing,
    now() - coalesce(s.last_success_at, c.created_at) > make_interval(secs => greatest(3 * c.interval_seconds, 900)) AS is_stale
FROM sync.connections c
LEFT JOIN sync.sync_status s ON s.connection_id = c.id AND s.entity = %(entity)s
WHERE c.crm = %(crm)s AND c.status NOT IN ('removed', 'paused')
ORDER BY c.name;

-- name: quarantined
-- Records of one entity that could not be normalized, per connection, with the commonest reason.
SELECT c.name AS connection, count(*) AS records, mode() WITHIN GROUP (ORDER BY q.reason) AS reason
FROM sync.quarantine q
JOIN sync.connections c ON c.id = q.connection_id
WHERE c.crm = %(crm)s AND c.status <> 'removed' AND q.entity = ANY(%(kinds)s::text[])
GROUP BY c.name
ORDER BY c.name;

-- name: completeness
-- Per connection: live raw records, live source records, raw ones neither normalized nor in quarantine, source ones without raw.
SELECT c.name AS connection,
    count(*) FILTER (WHERE r.external_id IS NOT NULL) AS raw,
    count(*) FILTER (WHERE s.external_id IS NOT NULL) AS source,
    count(*) FILTER (WHERE s.external_id IS NULL AND q.id IS NULL) AS missing,
    count(*) FILTER (WHERE r.external_id IS NULL) AS surplus
FROM sync.connections c
JOIN (
    (SELECT * FROM raw.records WHERE entity = %(entity)s AND deleted_at IS NULL) AS r
    FULL JOIN (SELECT * FROM source.{entity} WHERE deleted_at IS NULL) AS s USING (connection_id, external_id)
) ON connection_id = c.id
LEFT JOIN sync.quarantine q ON q.connection_id = c.id AND q.entity = %(entity)s AND q.external_id = r.external_id
WHERE c.crm = %(crm)s AND c.status <> 'removed'
GROUP BY c.name
ORDER BY c.name;

-- name: unreconciled
-- Live source records without a living golden record, and those of them that wait in the queue.
SELECT c.name AS connection, count(*) AS records,
    count(*) FILTER (WHERE EXISTS (
        SELECT FROM sync.reconcile_queue w
        WHERE w.entity = %(entity)s AND w.connection_id = s.connection_id AND w.external_id = s.external_id)) AS waiting
FROM source.{entity} s
JOIN sync.connections c ON c.id = s.connection_id
WHERE s.deleted_at IS NULL AND c.status <> 'removed'
    AND NOT EXISTS (SELECT FROM crm.{entity} g WHERE g.id = s.golden_id AND g.deleted_at IS NULL)
GROUP BY c.name
ORDER BY c.name;

-- name: standing
-- Of one connection and entity: live rows landed and normalized, and how old the data had become before the last sync renewed it.
SELECT
    (SELECT count(*) FROM raw.records r WHERE r.connection_id = c.id AND r.entity = %(entity)s AND r.deleted_at IS NULL) AS raw,
    (SELECT count(*) FROM source.{entity} s WHERE s.connection_id = c.id AND s.deleted_at IS NULL) AS source,
    (SELECT extract(epoch FROM now() - y.started_at)::float8
     FROM sync.sync_runs y
     WHERE y.connection_id = c.id AND y.entity = %(entity)s AND y.error IS NULL AND y.mode IN ('initial', 'incremental', 'verify')
     ORDER BY y.id DESC OFFSET 1 LIMIT 1) AS lag_seconds
FROM sync.connections c
WHERE c.name = %(connection)s;

-- name: of_one_crm
-- All live source records of one CRM's connections: what expectations are tested on.
SELECT s.* FROM source.{entity} s
JOIN sync.connections c ON c.id = s.connection_id
WHERE c.crm = {crm} AND c.status <> 'removed' AND s.deleted_at IS NULL;

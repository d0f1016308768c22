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
-- All live source records of one CRM's connections: what expectations are tested on. `record` names each.
SELECT s.*, c.name || ':' || s.external_id AS record FROM source.{entity} s
JOIN sync.connections c ON c.id = s.connection_id
WHERE c.crm = {crm} AND c.status <> 'removed' AND s.deleted_at IS NULL;

-- name: golden_rows
-- All golden records of an entity that live: what expectations are tested on. `record` names each.
SELECT g.*, g.id::text AS record FROM crm.{entity} g WHERE g.deleted_at IS NULL;

-- name: points_of_one_crm
-- Phones and e-mails of one CRM's live source records, each kind in a column of its own. `record` says whose they are.
SELECT c.name || ':' || p.external_id AS record,
    CASE p.kind WHEN 'phone' THEN p.value END AS phone, CASE p.kind WHEN 'email' THEN p.value END AS email
FROM source.contact_points p
JOIN source.{entity} s ON s.connection_id = p.connection_id AND s.external_id = p.external_id AND s.deleted_at IS NULL
JOIN sync.connections c ON c.id = p.connection_id
WHERE p.entity = {name} AND c.crm = {crm} AND c.status <> 'removed';

-- name: golden_points
-- Phones and e-mails of golden records, each kind in a column of its own. `record` says whose they are.
SELECT p.golden_id::text AS record,
    CASE p.kind WHEN 'phone' THEN p.value END AS phone, CASE p.kind WHEN 'email' THEN p.value END AS email
FROM crm.contact_points p WHERE p.entity = {name};

-- name: golden_standing
-- Of one entity: living golden records, source records that make one up on average, what waits for a person.
SELECT count(*) AS golden, coalesce(round(avg(g.source_count), 4), 0)::float8 AS sources_per_golden,
    (SELECT count(*) FROM sync.match_reviews r WHERE r.entity = %(entity)s AND r.state = 'open') AS reviews_waiting,
    (SELECT count(*) FROM sync.conflicts f WHERE f.entity = %(entity)s AND f.superseded_at IS NULL AND f.state = 'open') AS conflicts_open
FROM crm.{entity} g
WHERE g.deleted_at IS NULL;

-- name: newest_open
-- The newest conflicts and reviews of one entity that wait for a person: ids only, nothing of what the records say.
SELECT * FROM (
    (SELECT 'conflict' AS kind, f.id, f.field AS about, f.golden_id::text AS records, f.seen_at AS since
     FROM sync.conflicts f WHERE f.entity = %(entity)s AND f.superseded_at IS NULL AND f.state = 'open'
     ORDER BY f.id DESC LIMIT 10)
    UNION ALL
    (SELECT 'review', r.id, r.reason, c.name || ':' || r.external_id || ' ' || o.name || ':' || r.other_external_id, r.created_at
     FROM sync.match_reviews r
     JOIN sync.connections c ON c.id = r.connection_id
     JOIN sync.connections o ON o.id = r.other_connection_id
     WHERE r.entity = %(entity)s AND r.state = 'open'
     ORDER BY r.id DESC LIMIT 10)
) w
ORDER BY since DESC, kind, id DESC LIMIT 10;

-- name: golden_waits
-- Whether golden records of an entity wait to be rebuilt.
SELECT EXISTS (SELECT FROM sync.golden_queue WHERE entity = %(entity)s) AS waits;

-- name: outgoing_ages
-- Per connection: changes that wait, those parked for another attempt, those whose turn came long ago and nobody took, and ages.
SELECT c.name AS connection, c.status, c.direction, count(*) AS waiting,
    count(*) FILTER (WHERE o.next_attempt_at > now()) AS parked,
    count(*) FILTER (WHERE l.late > %(patience)s) AS late,
    round(extract(epoch FROM now() - min(o.created_at)))::bigint AS oldest_seconds,
    coalesce(round(max(l.late)), 0)::bigint AS late_seconds
FROM sync.outgoing_changes o
JOIN sync.connections c ON c.id = o.connection_id
LEFT JOIN LATERAL (
    SELECT extract(epoch FROM now() - greatest(o.created_at, o.next_attempt_at, o.lease_until))::float8 AS late
    WHERE NOT EXISTS (
        SELECT FROM sync.outgoing_changes e
        WHERE e.connection_id = o.connection_id AND e.entity = o.entity AND e.golden_id = o.golden_id
          AND e.settled_at IS NULL AND e.id < o.id)
) l ON l.late > 0
WHERE o.settled_at IS NULL AND c.crm = %(crm)s AND c.status NOT IN ('removed', 'paused')
GROUP BY c.id
ORDER BY c.name;

-- name: outgoing_failed
-- Per connection and error: changes that ended in a state, counted and newest first; only what ended within so many seconds.
SELECT c.name AS connection, o.entity, o.error_code AS code, count(*) AS changes, max(o.id) AS newest
FROM sync.outgoing_changes o
JOIN sync.connections c ON c.id = o.connection_id
WHERE o.state = %(state)s AND c.crm = %(crm)s AND c.status <> 'removed'
  AND o.settled_at > now() - make_interval(secs => %(within)s)
GROUP BY c.name, o.entity, o.error_code
ORDER BY c.name, count(*) DESC, o.entity, o.error_code;

-- name: newest_settled
-- The changes of a connection that ended last: ids, names of fields and one word why, nothing of what the records say.
SELECT o.id AS change, o.operation, o.entity, o.golden_id::text AS record, coalesce(o.external_id, '') AS external_id,
    coalesce((SELECT string_agg(name, ', ' ORDER BY name) FROM jsonb_object_keys(o.fields) name), '') AS fields,
    o.state, coalesce(o.error_code, '') AS reason, o.settled_at AS at
FROM sync.outgoing_changes o
JOIN sync.connections c ON c.id = o.connection_id
WHERE c.name = %(connection)s AND o.settled_at IS NOT NULL
ORDER BY o.settled_at DESC, o.id DESC LIMIT 10;

-- name: prepare
-- Where what cannot be written is kept while a plan runs; gone with the transaction.
CREATE TEMPORARY TABLE plan_failing
    (connection_id integer, entity text, golden_id uuid, external_id text, operation text, field text, code text, detail text) ON COMMIT DROP;
CREATE INDEX ON plan_failing (golden_id, connection_id);

-- name: show_batch
-- Lay golden records of some connections in the batch as they stand, or all where records are created; answers the last of them.
WITH shown AS (
    SELECT g.id FROM crm.{entity} g
    WHERE g.id > %(after)s::uuid AND g.deleted_at IS NULL
      AND (%(all)s OR EXISTS (SELECT FROM crm.crosswalk x
                              WHERE x.entity = '{entity}' AND x.golden_id = g.id AND x.connection_id = ANY(%(connections)s)))
    ORDER BY g.id LIMIT %(size)s
), laid AS (
    INSERT INTO golden_batch (golden_id, is_plain) SELECT id, false FROM shown
)
SELECT max(id::text) FROM shown;

-- name: forget_failing
-- What was found about the records of the batch before is told anew.
DELETE FROM plan_failing f USING golden_batch b WHERE f.entity = '{entity}' AND f.golden_id = b.golden_id;

-- name: note_suppressed
-- What is not queued because the same ended for good before.
INSERT INTO plan_failing
SELECT n.connection_id, n.entity, n.golden_id, n.external_id, n.operation, e.field, 'refused_before',
       'Change ' || o.id || ' wanted the same and ended as ' || o.state || COALESCE(': ' || o.error_detail, '.')
FROM outgoing_plan p
JOIN outgoing_new n USING (n)
CROSS JOIN LATERAL (
    SELECT f.key AS field FROM jsonb_each(n.fields) f
    WHERE f.key <> ALL(%(never)s) AND f.value IS DISTINCT FROM COALESCE(n.base -> f.key, CASE n.operation WHEN 'create' THEN 'null'::jsonb END)
) e
JOIN LATERAL (
    SELECT c.id, c.state, c.error_detail FROM sync.outgoing_changes c
    WHERE c.connection_id = n.connection_id AND c.entity = n.entity AND c.golden_id = n.golden_id AND c.settled_at IS NOT NULL
      AND c.operation = n.operation AND (n.operation = 'create' OR (c.fields = n.fields AND c.base = n.base))
    ORDER BY c.settled_at DESC, c.id DESC LIMIT 1
) o ON true
WHERE p.verb = 'suppressed';

-- name: created
-- Golden records the batch's offer creates in a connection, or would if they had not been refused before.
SELECT golden_id::text FROM outgoing_new WHERE operation = 'create' AND connection_id = %(connection_id)s;

-- name: forget_offer
-- The batch's offer has been looked at.
DELETE FROM outgoing_plan;
DELETE FROM outgoing_new;

-- name: note_looped
-- What was stopped because it goes in circles.
INSERT INTO plan_failing
SELECT c.connection_id, c.entity, c.golden_id, c.external_id, c.operation, f.key, c.error_code, c.error_detail
FROM sync.outgoing_changes c
CROSS JOIN LATERAL jsonb_each(c.fields) f
WHERE c.xmin = pg_current_xact_id()::xid AND c.state = 'dead' AND f.key <> ALL(%(never)s) AND f.value IS DISTINCT FROM c.base -> f.key;

-- name: gather
-- Every value that would be written, and those that wait already or would be taken back, one row per field; gone with the transaction.
CREATE TEMPORARY TABLE plan_writes ON COMMIT DROP AS
SELECT c.id, c.connection_id, c.entity, c.golden_id, c.external_id, c.operation, c.origin, e.field, e.held, e.wanted,
       CASE
           WHEN NOT c.xmin = pg_current_xact_id()::xid THEN 'waiting'
           WHEN c.state = 'cancelled' THEN 'withdrawn'
           WHEN c.created_at = now() THEN 'new'
           ELSE 'joined'
       END AS status
FROM sync.outgoing_changes c
LEFT JOIN LATERAL (
    SELECT f.key AS field, COALESCE(c.requires, c.base) -> f.key AS held, f.value AS wanted
    FROM jsonb_each(c.fields) f
    WHERE f.key <> ALL(%(never)s)
      AND CASE c.operation WHEN 'create' THEN f.value NOT IN ('null', '[]')
                           ELSE f.value IS DISTINCT FROM COALESCE(c.requires, c.base) -> f.key END
      AND NOT EXISTS (
          SELECT FROM plan_failing x
          WHERE x.golden_id = c.golden_id AND x.connection_id = c.connection_id AND x.entity = c.entity AND x.field = f.key
            AND x.code = ANY(%(unsaid)s)
      )
) e ON true
WHERE c.connection_id = ANY(%(connections)s) AND (%(entity)s::text IS NULL OR c.entity = %(entity)s)
  AND (c.settled_at IS NULL OR (c.xmin = pg_current_xact_id()::xid AND c.state = 'cancelled' AND c.created_at < now()));

-- name: counts
-- How many values would be written.
SELECT k.name AS connection, w.entity, w.operation, w.field, count(*) FILTER (WHERE w.status = 'new') AS new,
       count(*) FILTER (WHERE w.status = 'joined') AS joined, count(*) FILTER (WHERE w.status = 'waiting') AS waiting,
       count(*) FILTER (WHERE w.status = 'withdrawn') AS withdrawn
FROM plan_writes w
JOIN sync.connections k ON k.id = w.connection_id
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4;

-- name: totals
-- How many changes would be sent.
SELECT status, count(DISTINCT id) FROM plan_writes GROUP BY status;

-- name: rows
-- Values that would be written, new ones first.
SELECT w.id, k.name AS connection, w.entity, w.golden_id::text, w.external_id, w.operation, w.origin, w.field, w.held, w.wanted, w.status
FROM plan_writes w
JOIN sync.connections k ON k.id = w.connection_id
ORDER BY array_position(ARRAY['new', 'joined', 'waiting', 'withdrawn'], w.status), k.name, w.entity, w.id, w.field
LIMIT %(limit)s;

-- name: failing_counts
-- How many values cannot be written, and why.
SELECT k.name AS connection, f.entity, f.operation, f.field, f.code, count(*) AS records, min(f.detail) AS reason
FROM plan_failing f
JOIN sync.connections k ON k.id = f.connection_id
WHERE f.connection_id = ANY(%(connections)s) AND (%(entity)s::text IS NULL OR f.entity = %(entity)s)
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2, 3, 4, 5;

-- name: failing_rows
-- Values that cannot be written, some of them.
SELECT k.name AS connection, f.entity, f.golden_id::text, f.external_id, f.operation, f.field, f.code, f.detail AS reason
FROM plan_failing f
JOIN sync.connections k ON k.id = f.connection_id
WHERE f.connection_id = ANY(%(connections)s) AND (%(entity)s::text IS NULL OR f.entity = %(entity)s)
ORDER BY 1, 2, f.golden_id, f.field
LIMIT %(limit)s;

-- name: about
-- What golden records are called, and where their values come from.
SELECT id::text, {title} AS name, provenance FROM crm.{entity} WHERE id = ANY(%(ids)s::uuid[]);

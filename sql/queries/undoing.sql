-- name: choose
-- Lay out the applied changes to be undone, and number their records: the one written to last comes first.
CREATE TEMPORARY TABLE undo_changes ON COMMIT DROP AS
SELECT c.id, c.connection_id, k.name AS connection, k.status = 'removed' AS is_removed, c.entity, c.golden_id, c.external_id, m.newest,
       dense_rank() OVER (ORDER BY m.newest DESC) AS record
FROM sync.outgoing_changes c
JOIN sync.connections k ON k.id = c.connection_id
CROSS JOIN LATERAL (SELECT %(since)s::timestamptz AS since, %(until)s::timestamptz AS until) p
JOIN (
    SELECT connection_id, entity, external_id, max(id) AS newest FROM sync.outgoing_changes
    WHERE state = 'applied' AND settled_at >= %(since)s GROUP BY connection_id, entity, external_id
) m ON m.connection_id = c.connection_id AND m.entity = c.entity AND m.external_id = c.external_id
WHERE c.state = 'applied' AND c.requires IS NULL AND c.origin NOT LIKE 'undo:%%' AND c.settled_at >= p.since
  AND (p.until IS NULL OR c.settled_at < p.until)
  AND (%(connection)s::text IS NULL OR k.name = %(connection)s)
  AND (%(entity)s::text IS NULL OR c.entity = %(entity)s)
  AND (%(origin)s::text IS NULL OR c.origin LIKE %(origin)s);

-- name: index_chosen
-- Let the records be taken page by page.
CREATE INDEX ON undo_changes (record, id);
ANALYZE undo_changes;

-- name: page
-- The changes of some records, of each the newest first, with what has been undone of them before.
SELECT u.record, u.id, u.connection_id, u.connection, u.is_removed, u.entity, c.golden_id::text, u.external_id, c.operation, c.fields, c.written,
       c.overwrote,
       EXISTS (SELECT FROM sync.outgoing_changes i WHERE i.idempotency_key = 'undo:' || u.id) AS is_undone,
       ARRAY(
           SELECT DISTINCT f.key
           FROM sync.outgoing_changes l
           CROSS JOIN LATERAL jsonb_each(l.fields) f
           WHERE l.entity = u.entity AND l.golden_id = u.golden_id AND l.connection_id = u.connection_id AND l.external_id = u.external_id
             AND l.id > u.id AND l.requires IS NOT NULL AND c.overwrote ? f.key AND c.overwrote -> f.key = f.value
       ) AS undone_fields
FROM undo_changes u
JOIN sync.outgoing_changes c ON c.id = u.id
WHERE u.record > %(after)s AND u.record <= %(after)s + %(size)s
ORDER BY u.record, u.id DESC;

-- name: living
-- Which of these records a connection still has.
SELECT external_id FROM source.{entity} WHERE connection_id = %(connection_id)s AND external_id = ANY(%(ids)s) AND deleted_at IS NULL;

-- name: links
-- Which golden records these records of a connection are linked with.
SELECT l.{parent}, x.golden_id::text
FROM source.{table} l
JOIN crm.crosswalk x ON x.entity = '{to}' AND x.connection_id = l.connection_id AND x.external_id = l.{column}
WHERE l.connection_id = %(connection_id)s AND l.{parent} = ANY(%(ids)s);

-- name: open_groups
-- Which groups of golden records wait for a person.
SELECT golden_id::text, field FROM sync.conflicts
WHERE entity = %(entity)s AND golden_id = ANY(%(ids)s::uuid[]) AND superseded_at IS NULL AND state = 'open';

-- name: forget_links
-- Links that were undone are not what people say in the app any more.
DELETE FROM source.{table} l
USING sync.connections c, unnest(%(records)s::text[], %(linked)s::text[]) u (record, linked)
WHERE c.crm = 'app' AND l.connection_id = c.id AND l.{parent} = u.record AND l.{column} = u.linked;

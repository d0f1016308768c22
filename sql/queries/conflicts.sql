-- name: golden_name
-- What a golden record is called, of one entity.
WHEN '{entity}' THEN (SELECT g.{title} FROM crm.{entity} g WHERE g.id = k.golden_id)

-- name: listed
-- Conflicts that stand, the open ones first.
SELECT k.id, k.entity, k.golden_id::text, {name} AS name, k.field, k.base_value, k.values, k.rule, k.chosen, k.state,
       k.decided_by, k.decided_at, k.seen_at
FROM (
    SELECT * FROM sync.conflicts
    WHERE superseded_at IS NULL AND (%(state)s = 'all' OR state = %(state)s) AND (%(entity)s::text IS NULL OR entity = %(entity)s)
    ORDER BY state <> 'open', id DESC
    LIMIT %(limit)s
) k
ORDER BY k.state <> 'open', k.id DESC;

-- name: page
-- Conflicts with what their record is called, the latest first: those of a state and entity below an id, or the one of an id.
SELECT k.id, k.entity, k.golden_id::text, {name} AS name, k.field, k.base_value, k.values, k.rule, k.chosen, k.state,
       k.decided_by, k.decided_at, k.seen_at, k.superseded_at
FROM (
    SELECT * FROM sync.conflicts
    WHERE CASE WHEN %(id)s::bigint IS NULL THEN superseded_at IS NULL ELSE id = %(id)s END
      AND (%(state)s::text IS NULL OR state = %(state)s) AND (%(entity)s::text IS NULL OR entity = %(entity)s)
      AND (%(below)s::bigint IS NULL OR id < %(below)s)
    ORDER BY id DESC
    LIMIT %(limit)s
) k
ORDER BY k.id DESC;

-- name: count_open
-- How many conflicts wait for a person, by entity.
SELECT entity, count(*) FROM sync.conflicts WHERE superseded_at IS NULL AND state = 'open' GROUP BY entity ORDER BY entity;

-- name: by_id
-- One conflict, kept from changing until the transaction ends.
SELECT k.id, k.entity, k.golden_id::text, k.field, k.values, k.rule, k.chosen, k.state, k.decided_by, k.superseded_at
FROM sync.conflicts k WHERE k.id = %(id)s FOR UPDATE;

-- name: settle
-- A person chose a side.
UPDATE sync.conflicts SET state = %(state)s, chosen = %(chosen)s, decided_by = %(who)s, decided_at = now() WHERE id = %(id)s;

-- name: queue
-- Have the golden record's values chosen again.
INSERT INTO sync.golden_queue (entity, golden_id) VALUES (%(entity)s, %(golden_id)s) ON CONFLICT DO NOTHING;

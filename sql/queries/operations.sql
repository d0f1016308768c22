-- name: one_door
-- Let uploads follow one another, so that each sees what the one before it took.
SELECT pg_advisory_xact_lock(%(class)s, 0);

-- name: known
-- What became of operations that came before.
SELECT id, actor, request, status, reason, golden_id::text, record, entity
FROM sync.operations WHERE id = ANY(%(ids)s::text[]);

-- name: temporary
-- Which golden records an actor's temporary ids stand for, and which operation made them.
SELECT record, golden_id::text, id, entity
FROM sync.operations
WHERE actor = %(actor)s AND record = ANY(%(records)s::text[]) AND action = 'create' AND status <> 'rejected';

-- name: find
-- Which of these golden records there are, where merged ones went, and which are deleted. One just made is known by its crosswalk.
SELECT w.id::text, COALESCE(r.new_id, w.id)::text, g.deleted_at IS NOT NULL
FROM unnest(%(ids)s::uuid[]) w (id)
LEFT JOIN crm.golden_redirects r ON r.old_id = w.id AND r.entity = '{entity}'
LEFT JOIN crm.{entity} g ON g.id = COALESCE(r.new_id, w.id)
WHERE g.id IS NOT NULL OR EXISTS (SELECT FROM crm.crosswalk x WHERE x.golden_id = COALESCE(r.new_id, w.id) AND x.entity = '{entity}');

-- name: stages
-- Pipeline and category of stages.
SELECT id::text, pipeline_id::text, category FROM crm.stages WHERE id = ANY(%(ids)s::uuid[]);

-- name: connections
-- The connections to CRMs, and the app's own.
SELECT id, name, crm, direction FROM sync.connections WHERE status <> 'removed';

-- name: lay
-- What holds true of these records, what the app says of them, and which connections have them.
SELECT w.id::text, to_jsonb(g) - ARRAY['provenance', 'custom_fields'] || {golden_numbers}, to_jsonb(s) || {source_numbers},
       ARRAY(SELECT DISTINCT x.connection_id FROM crm.crosswalk x
             JOIN source.{entity} o ON o.connection_id = x.connection_id AND o.external_id = x.external_id AND o.deleted_at IS NULL
             WHERE x.golden_id = w.id AND x.entity = '{entity}' AND x.connection_id <> %(app)s)
FROM unnest(%(ids)s::uuid[]) w (id)
LEFT JOIN crm.{entity} g ON g.id = w.id
LEFT JOIN source.{entity} s ON s.connection_id = %(app)s AND s.external_id = w.id::text;

-- name: lay_children
-- What the app says of the links and contact points of these records.
SELECT x.{parent}, to_jsonb(x) FROM source.{table} x
WHERE x.connection_id = %(app)s AND x.{parent} = ANY(%(ids)s::text[]) {and_entity};

-- name: points
-- The contact points that hold true of these records.
SELECT golden_id::text, kind, value, label, is_primary
FROM crm.contact_points WHERE entity = %(entity)s AND golden_id = ANY(%(ids)s::uuid[])
ORDER BY golden_id, kind, position, value;

-- name: changed_since
-- Fields of these records that somebody in a CRM changed since a version was read.
SELECT w.n, f.field
FROM unnest(%(n)s::integer[], %(ids)s::uuid[], %(versions)s::timestamptz[]) w (n, id, version)
JOIN crm.crosswalk x ON x.golden_id = w.id AND x.entity = %(entity)s AND x.connection_id <> %(app)s
JOIN source.field_changes f ON f.connection_id = x.connection_id AND f.entity = x.entity AND f.external_id = x.external_id
WHERE f.seen_at > w.version AND NOT f.is_own_write;

-- name: hold
-- Have these golden records rebuilt, and keep others from rebuilding them meanwhile.
INSERT INTO sync.golden_queue AS q (entity, golden_id)
SELECT e, g FROM unnest(%(entities)s::text[], %(ids)s::uuid[]) t (e, g) ORDER BY 1, 2
ON CONFLICT (entity, golden_id) DO UPDATE SET entity = EXCLUDED.entity;

-- name: unmatched
-- How many of the app's records still wait to be matched; waits for those somebody else is matching right now.
SELECT count(*) FROM (
    SELECT FROM sync.reconcile_queue r
    JOIN unnest(%(entities)s::text[], %(ids)s::uuid[]) t (e, g) ON r.entity = t.e AND r.external_id = t.g::text
    WHERE r.connection_id = %(app)s FOR UPDATE OF r
) w;

-- name: unbuilt
-- How many golden records still wait to be rebuilt; waits for those somebody else is rebuilding right now.
SELECT count(*) FROM (
    SELECT FROM sync.golden_queue q
    JOIN unnest(%(entities)s::text[], %(ids)s::uuid[]) t (e, g) ON q.entity = t.e AND q.golden_id = t.g FOR UPDATE OF q
) w;

-- name: keep
-- Keep what was asked for, and what became of it at the door.
INSERT INTO sync.operations (id, actor, entity, action, golden_id, record, request, status, reason)
SELECT id, %(actor)s, entity, action, golden_id, record, request, status, reason
FROM jsonb_to_recordset(%(rows)s::jsonb)
    t (id text, entity text, action text, golden_id uuid, record text, request jsonb, status text, reason text);

-- name: answer
-- Keep what became of operations once they were reconciled.
UPDATE sync.operations o SET status = t.status, reason = t.reason
FROM unnest(%(ids)s::text[], %(statuses)s::text[], %(reasons)s::text[]) t (id, status, reason)
WHERE o.id = t.id AND (o.status, o.reason) IS DISTINCT FROM (t.status, t.reason);

-- name: refer
-- Have the app know golden records its rows refer to.
INSERT INTO source.{entity} (connection_id, external_id, golden_id{marker_columns})
SELECT %(app)s, id::text, id{marker_values} FROM unnest(%(ids)s::uuid[]) t (id) ORDER BY 2
ON CONFLICT DO NOTHING;

-- name: cross
-- Write down which golden records the app's rows are about, and have the new ones matched.
WITH crossed AS (
    INSERT INTO crm.crosswalk (golden_id, entity, connection_id, external_id, rule)
    SELECT id, '{entity}', %(app)s, id::text, 'marker' FROM unnest(%(ids)s::uuid[]) t (id) ORDER BY 1
    ON CONFLICT DO NOTHING
    RETURNING external_id
)
INSERT INTO sync.reconcile_queue (entity, connection_id, external_id)
SELECT '{entity}', %(app)s, external_id FROM crossed ORDER BY external_id;

-- name: external_ids
-- What connections call golden records: the living record of each, where there are two the first.
SELECT x.golden_id::text, x.connection_id, min(x.external_id)
FROM unnest(%(ids)s::uuid[]) w (id)
JOIN crm.crosswalk x ON x.golden_id = w.id AND x.entity = '{entity}' AND x.connection_id <> %(app)s
JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id AND s.deleted_at IS NULL
GROUP BY 1, 2;

-- name: coming
-- Connections that are about to receive these golden records.
SELECT golden_id::text, connection_id FROM sync.outgoing_changes
WHERE entity = %(entity)s AND golden_id = ANY(%(ids)s::uuid[]) AND operation = 'create' AND state IN ('pending', 'in_flight');

-- name: carry
-- What is asked of a record that waits to be created somewhere is made along with it.
INSERT INTO sync.operation_changes (operation_id, change_id)
SELECT o.id, c.id
FROM sync.operations o
JOIN sync.outgoing_changes c ON c.entity = o.entity AND c.golden_id = o.golden_id
WHERE o.id = ANY(%(ids)s::text[]) AND c.operation = 'create' AND c.state = 'pending' AND c.sent_at IS NULL
ON CONFLICT DO NOTHING;

-- name: changes
-- The outgoing changes that carry operations.
SELECT operation_id, change_id FROM sync.operation_changes WHERE operation_id = ANY(%(ids)s::text[]) ORDER BY 1, 2;

-- name: current
-- What holds true of records now, by which rule, and which of their fields wait for a person.
SELECT g.id::text, to_jsonb(g) - ARRAY['provenance', 'custom_fields'] || {golden_numbers}, g.provenance, COALESCE(
           (SELECT jsonb_object_agg(c.field, c.id) FROM sync.conflicts c
            WHERE c.entity = '{entity}' AND c.golden_id = g.id AND c.superseded_at IS NULL AND c.state = 'open'), '{}')
FROM crm.{entity} g WHERE g.id = ANY(%(ids)s::uuid[]);

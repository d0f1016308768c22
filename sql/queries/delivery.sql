-- name: golden_now
-- What golden records hold now, of ids that may have been merged into others; with the groups a person has to decide about.
SELECT a.id::text AS asked_id, g.id::text AS golden_id, g.deleted_at IS NOT NULL AS is_deleted,
       (to_jsonb(g) - ARRAY['id', 'provenance', 'source_count', 'custom_fields', 'created_at', 'updated_at', 'deleted_at', 'reconciled_at'])::text
           AS fields,
       {points} AS points,
       ARRAY(SELECT c.field FROM sync.conflicts c WHERE c.entity = '{entity}' AND c.golden_id = g.id AND c.superseded_at IS NULL AND c.state = 'open')
           AS open_groups,
       (SELECT json_object_agg(p.key, p.value ->> 'since')::text FROM jsonb_each(g.provenance) p WHERE p.value ? 'since') AS since
FROM unnest(%(ids)s::uuid[]) a (id)
LEFT JOIN crm.golden_redirects r ON r.old_id = a.id
JOIN crm.{entity} g ON g.id = COALESCE(r.new_id, a.id);

-- name: golden_points
-- The contact points of a golden record, by kind.
(SELECT json_object_agg(p.kind, p.list)::text FROM (
    SELECT l.kind, json_agg(l.value ORDER BY l.position, l.value) AS list FROM crm.contact_points l
    WHERE l.entity = '{entity}' AND l.golden_id = g.id GROUP BY l.kind) p)

-- name: made_lately
-- Which records of a connection our creates have made since.
SELECT DISTINCT external_id FROM sync.outgoing_changes
WHERE connection_id = %(connection_id)s AND entity = %(entity)s AND operation = 'create' AND state = 'applied' AND settled_at >= %(since)s;

-- name: records_of
-- Which living records of a connection golden records have.
SELECT x.golden_id::text, min(x.external_id)
FROM crm.crosswalk x
JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id AND s.deleted_at IS NULL
WHERE x.entity = '{entity}' AND x.connection_id = %(connection_id)s AND x.golden_id = ANY(%(ids)s::uuid[])
GROUP BY x.golden_id;

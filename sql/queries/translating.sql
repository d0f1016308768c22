-- name: counterparts
-- Which records of a connection stand for golden ones; of stages also their pipelines.
SELECT w.id::text, s.external_id, s.deleted_at IS NULL AS is_living, {pipeline} AS pipeline
FROM unnest(%(ids)s::uuid[]) w (id)
LEFT JOIN crm.golden_redirects r ON r.old_id = w.id AND r.entity = '{entity}'
JOIN crm.crosswalk x ON x.entity = '{entity}' AND x.connection_id = %(connection_id)s AND x.golden_id = COALESCE(r.new_id, w.id)
JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
ORDER BY length(s.external_id), s.external_id;

-- name: referring
-- What records of a connection refer to as it is.
SELECT s.external_id, {columns} FROM source.{entity} s
WHERE s.connection_id = %(connection_id)s AND s.external_id = ANY(%(ids)s);

-- name: held
-- What a connection holds of records.
SELECT s.external_id, {columns}
FROM source.{entity} s
WHERE s.connection_id = %(connection_id)s AND s.external_id = ANY(%(ids)s);

-- name: held_points
-- One kind of contact points as a list.
ARRAY(SELECT p.value FROM source.contact_points p WHERE p.connection_id = s.connection_id AND p.entity = '{entity}'
      AND p.external_id = s.external_id AND p.kind = '{kind}' ORDER BY p.position, p.value)

-- name: categories
-- What golden stages mean.
SELECT id::text, category FROM crm.stages WHERE id = ANY(%(ids)s::uuid[]) AND category IS NOT NULL;

-- name: last_stages
-- A connection's own stages that end a deal.
SELECT pipeline_external_id, category, external_id FROM source.stages
WHERE connection_id = %(connection_id)s AND category IN ('won', 'lost') AND deleted_at IS NULL
ORDER BY sort NULLS LAST, length(external_id), external_id;

-- name: main_pipeline
-- The pipeline of a connection deals come to when nobody says which.
SELECT external_id FROM source.pipelines
WHERE connection_id = %(connection_id)s AND deleted_at IS NULL AND is_archived IS NOT TRUE
ORDER BY is_main DESC NULLS LAST, sort NULLS LAST, length(external_id), external_id LIMIT 1;

-- name: awaited
-- Which golden records are about to be created in a connection.
SELECT golden_id::text FROM sync.outgoing_changes
WHERE connection_id = %(connection_id)s AND entity = %(entity)s AND operation = 'create' AND settled_at IS NULL
  AND golden_id = ANY(%(ids)s::uuid[]);

-- name: names
-- How people call golden records.
SELECT id::text, {name} FROM crm.{entity} WHERE id = ANY(%(ids)s::uuid[]);

-- name: connection
-- How a connection is called.
SELECT name FROM sync.connections WHERE id = %(connection_id)s;

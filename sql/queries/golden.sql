-- name: plan_for_batches
-- Keep the plans of a batch proportional to the batch, whatever the statistics say, and never compile them.
SELECT set_config('jit', 'off', true), set_config('random_page_cost', '1', true), set_config('enable_mergejoin', 'off', true),
       set_config('enable_hashjoin', 'off', true);

-- name: make_batch
-- Where the keys of one batch wait; lives as long as the session, emptied by every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS reconcile_batch (connection_id integer, external_id text, PRIMARY KEY (connection_id, external_id))
ON COMMIT DELETE ROWS;

-- name: take_batch
-- Take the next keys of an entity from the queue; answers the last place taken, null when nothing waits.
WITH taken AS (
    DELETE FROM sync.reconcile_queue
    WHERE id = ANY(ARRAY(SELECT id FROM sync.reconcile_queue WHERE entity = %(entity)s AND id > %(after)s
                         ORDER BY id LIMIT %(size)s FOR UPDATE SKIP LOCKED))
    RETURNING id, connection_id, external_id
), kept AS (
    INSERT INTO reconcile_batch SELECT DISTINCT connection_id, external_id FROM taken
)
SELECT max(id) FROM taken;

-- name: count_batch
-- How many keys the batch has.
SELECT count(*) FROM reconcile_batch;

-- name: queue_all
-- Reconcile every source record of an entity.
INSERT INTO sync.reconcile_queue (entity, connection_id, external_id)
SELECT '{entity}', connection_id, external_id FROM source.{entity} ORDER BY connection_id, external_id;

-- name: link
-- Give source records that stand alone their golden id in the crosswalk.
INSERT INTO crm.crosswalk (golden_id, entity, connection_id, external_id, rule)
SELECT s.golden_id, '{entity}', s.connection_id, s.external_id, 'identity'
FROM reconcile_batch b
JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
ORDER BY s.golden_id
ON CONFLICT DO NOTHING;

-- name: count_deletions
-- How many golden records this batch buries.
SELECT count(*)
FROM reconcile_batch b
JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
JOIN crm.{entity} g ON g.id = s.golden_id
WHERE s.deleted_at IS NOT NULL AND g.deleted_at IS NULL;

-- name: upsert
-- Bring a batch's source records into the golden table; rows that would stay the same are not written.
INSERT INTO crm.{entity} AS g
    (id, {columns}, provenance, source_count, custom_fields, created_at, updated_at, deleted_at)
SELECT s.golden_id, {values},
       jsonb_strip_nulls(jsonb_build_object({provenance})),
       1,
       CASE WHEN s.custom_fields = '{}' THEN s.custom_fields ELSE jsonb_build_object(c.name, s.custom_fields) END,
       s.remote_created_at, s.remote_updated_at, s.deleted_at
FROM reconcile_batch b
JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
JOIN (SELECT id, name, jsonb_build_object('connection', name, 'rule', 'identity') AS origin FROM sync.connections) c
    ON c.id = s.connection_id
{joins}
ON CONFLICT (id) DO UPDATE SET {assignments}, reconciled_at = now()
WHERE ({old_values}) IS DISTINCT FROM ({new_values})
RETURNING g.xmax = 0;

-- name: join_reference
-- One reference of a golden record, found by its crosswalk.
LEFT JOIN crm.crosswalk {alias} ON {alias}.entity = {to} AND {alias}.connection_id = {side}.connection_id AND {alias}.external_id = {side}.{column}

-- name: note_missing
-- Remember which records of the batch refer to records not known yet.
INSERT INTO sync.missing_references (connection_id, missing_entity, missing_external_id, entity, external_id)
SELECT s.connection_id, v.missing_entity, v.missing_external_id, '{entity}', s.external_id
FROM reconcile_batch b
JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
JOIN crm.{entity} g ON g.id = s.golden_id
CROSS JOIN LATERAL (VALUES {references}) v (missing_entity, missing_external_id, found)
WHERE v.missing_external_id IS NOT NULL AND v.missing_entity IS NOT NULL AND v.found IS NULL
ORDER BY 1, 2, 3, 5
ON CONFLICT DO NOTHING;

-- name: note_missing_links
-- Remember which link rows of the batch lead to records not known yet.
INSERT INTO sync.missing_references (connection_id, missing_entity, missing_external_id, entity, external_id)
SELECT DISTINCT l.connection_id, '{to}', l.{to_column}, '{entity}', b.external_id
FROM reconcile_batch b
JOIN source.{table} l ON l.connection_id = b.connection_id AND l.{parent} = b.external_id
LEFT JOIN crm.crosswalk r ON r.entity = '{to}' AND r.connection_id = l.connection_id AND r.external_id = l.{to_column}
WHERE l.{to_column} IS NOT NULL AND r.golden_id IS NULL
ORDER BY 1, 2, 3, 5
ON CONFLICT DO NOTHING;

-- name: wake_dependents
-- Queue the records that refer to those of this batch and could not find them before.
WITH found AS (
    DELETE FROM sync.missing_references m
    USING reconcile_batch b
    WHERE m.connection_id = b.connection_id AND m.missing_entity = '{entity}' AND m.missing_external_id = b.external_id
      AND EXISTS (SELECT FROM source.{entity} s WHERE s.connection_id = b.connection_id AND s.external_id = b.external_id)
    RETURNING m.entity, m.connection_id, m.external_id
)
INSERT INTO sync.reconcile_queue (entity, connection_id, external_id)
SELECT DISTINCT entity, connection_id, external_id FROM found ORDER BY 1, 2, 3;

-- name: make_wanted
-- Where the golden link rows of one batch are laid out before they are compared.
CREATE TEMPORARY TABLE IF NOT EXISTS wanted_{table} (LIKE crm.{table} INCLUDING DEFAULTS, PRIMARY KEY ({key})) ON COMMIT DELETE ROWS;

-- name: want_links
-- Lay out what the golden link rows of a batch should be; of two rows that become one, the first stays.
INSERT INTO wanted_{table} ({columns})
SELECT DISTINCT ON ({key}) {selected}
FROM reconcile_batch b
JOIN source.{entity} o ON o.connection_id = b.connection_id AND o.external_id = b.external_id
JOIN source.{table} l ON l.connection_id = b.connection_id AND l.{parent} = b.external_id {and_entity}
{join}
ORDER BY {key}, {first};

-- name: remove_links
-- Take away golden link rows of a batch that should not be there any more.
DELETE FROM crm.{table} t
WHERE t.{owner} = ANY(ARRAY(
        SELECT o.golden_id FROM reconcile_batch b
        JOIN source.{entity} o ON o.connection_id = b.connection_id AND o.external_id = b.external_id
    )) {and_entity_of_old}
    AND NOT EXISTS (SELECT FROM wanted_{table} w WHERE {same_key});

-- name: upsert_links
-- Bring the golden link rows of a batch in; rows that would stay the same are not written.
INSERT INTO crm.{table} AS t ({columns})
SELECT {columns} FROM wanted_{table}
ON CONFLICT ({key}) DO UPDATE SET {assignments}
WHERE ROW({old_values}) IS DISTINCT FROM ROW({new_values});

-- name: want_stage_history
-- Lay out the stage history of a batch's deals: the CRM's own where it has one, else the changes observed between syncs.
WITH owners AS (
    SELECT d.golden_id, d.connection_id, d.external_id, d.stage_external_id, COALESCE(d.remote_created_at, d.remote_updated_at) AS born_at,
           EXISTS (SELECT FROM source.stage_changes h WHERE h.connection_id = d.connection_id AND h.deal_external_id = d.external_id
                   AND h.deleted_at IS NULL) AS has_own
    FROM reconcile_batch b
    JOIN source.deals d ON d.connection_id = b.connection_id AND d.external_id = b.external_id
), events AS (
    SELECT o.golden_id AS deal_id, h.changed_at, h.connection_id, h.pipeline_external_id, h.stage_external_id,
           h.from_stage_external_id, 'crm' AS origin, h.connection_id || ':' || h.external_id AS event_key, h.author_external_id
    FROM owners o
    JOIN source.stage_changes h ON h.connection_id = o.connection_id AND h.deal_external_id = o.external_id
    WHERE h.deleted_at IS NULL
    UNION ALL
    SELECT o.golden_id, o.born_at, o.connection_id, NULL, COALESCE(m.stage, o.stage_external_id), NULL, 'observed',
           o.connection_id || ':observed:0', NULL
    FROM owners o
    LEFT JOIN LATERAL (
        SELECT f.old_value #>> '{}' AS stage FROM source.field_changes f
        WHERE f.connection_id = o.connection_id AND f.entity = 'deals' AND f.external_id = o.external_id AND f.field = 'stage_external_id'
        ORDER BY f.id LIMIT 1
    ) m ON true
    WHERE NOT o.has_own AND o.born_at IS NOT NULL AND COALESCE(m.stage, o.stage_external_id) IS NOT NULL
    UNION ALL
    SELECT o.golden_id, COALESCE(m.changed_at, m.seen_at), o.connection_id, NULL, m.new_value #>> '{}', m.old_value #>> '{}', 'observed',
           o.connection_id || ':observed:' || m.turn, NULL
    FROM owners o
    JOIN LATERAL (
        SELECT f.*, row_number() OVER (ORDER BY f.id) AS turn FROM source.field_changes f
        WHERE f.connection_id = o.connection_id AND f.entity = 'deals' AND f.external_id = o.external_id AND f.field = 'stage_external_id'
    ) m ON true
    WHERE NOT o.has_own
)
INSERT INTO wanted_deal_stage_history
    (deal_id, changed_at, pipeline_id, stage_id, from_stage_id, category, origin, event_key, author_id)
SELECT x.deal_id, x.changed_at, p.golden_id, s.golden_id, f.golden_id, t.category, x.origin, x.event_key, a.golden_id
FROM events x
LEFT JOIN source.stages t ON t.connection_id = x.connection_id AND t.external_id = x.stage_external_id
LEFT JOIN crm.crosswalk s ON s.entity = 'stages' AND s.connection_id = x.connection_id AND s.external_id = x.stage_external_id
LEFT JOIN crm.crosswalk f ON f.entity = 'stages' AND f.connection_id = x.connection_id AND f.external_id = x.from_stage_external_id
LEFT JOIN crm.crosswalk p ON p.entity = 'pipelines' AND p.connection_id = x.connection_id
    AND p.external_id = COALESCE(x.pipeline_external_id, t.pipeline_external_id)
LEFT JOIN crm.crosswalk a ON a.entity = 'users' AND a.connection_id = x.connection_id AND a.external_id = x.author_external_id;

-- name: remove_orphans
-- Take away golden records no source record stands behind, when rebuilding.
DELETE FROM crm.{entity} g WHERE NOT EXISTS (SELECT FROM crm.crosswalk x WHERE x.golden_id = g.id);

-- name: remove_orphan_links
-- Take away crosswalk rows no source record stands behind, when rebuilding.
DELETE FROM crm.crosswalk x
WHERE x.entity = '{entity}'
  AND NOT EXISTS (SELECT FROM source.{entity} s WHERE s.connection_id = x.connection_id AND s.external_id = x.external_id);

-- name: remove_orphan_children
-- Take away link rows whose owner is no golden record, when rebuilding.
DELETE FROM crm.{table} t WHERE {of_entity} NOT EXISTS (SELECT FROM crm.{entity} g WHERE g.id = t.{owner});

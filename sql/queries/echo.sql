-- name: hold_landing
-- Let nobody else land records of this connection until the transaction ends: an older page must not overtake a newer version.
SELECT pg_advisory_xact_lock(%(class)s, %(connection_id)s);

-- name: make_written
-- Where what was written waits to become what we know of the records; emptied by every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS written_records
    (external_id text PRIMARY KEY, golden_id uuid, patch jsonb, points jsonb, updated_at timestamptz, said_at timestamptz, is_own boolean,
     is_new boolean)
ON COMMIT DELETE ROWS;

-- name: empty_written
-- Begin with nothing laid out.
DELETE FROM written_records;

-- name: log_written
-- Note the fields that were written. A write of ours counts as said when its value was first said elsewhere, just after that.
INSERT INTO source.field_changes (connection_id, entity, external_id, field, old_value, new_value, changed_at, is_own_write)
SELECT s.connection_id, '{entity}', s.external_id, e.key, NULLIF(old.entry -> e.key, 'null'), NULLIF(new.entry -> e.key, 'null'),
       CASE WHEN w.is_own THEN w.said_at + interval '1 microsecond' ELSE w.updated_at END, w.is_own
FROM written_records w
JOIN source.{entity} s ON s.connection_id = %(connection_id)s AND s.external_id = w.external_id
CROSS JOIN LATERAL (SELECT to_jsonb(s) AS entry OFFSET 0) old
CROSS JOIN LATERAL (SELECT to_jsonb(jsonb_populate_record(s, w.patch)) AS entry OFFSET 0) new
CROSS JOIN LATERAL jsonb_each(w.patch) e
WHERE NOT w.is_new AND old.entry -> e.key IS DISTINCT FROM new.entry -> e.key
ORDER BY s.external_id, e.key;

-- name: patch_source
-- Have the source records hold what was written.
UPDATE source.{entity} s
SET ({columns}) = (SELECT {columns} FROM jsonb_populate_record(s, w.patch)),
    first_updated_at = COALESCE(s.first_updated_at, s.remote_updated_at),
    remote_updated_at = GREATEST(s.remote_updated_at, w.updated_at)
FROM written_records w
WHERE s.connection_id = %(connection_id)s AND s.external_id = w.external_id AND NOT w.is_new;

-- name: mark_raw
-- Have the next reading of these records count as news, and older ones as old news.
UPDATE raw.records r
SET content_hash = %(hash)s, remote_updated_at = GREATEST(r.remote_updated_at, w.updated_at)
FROM written_records w
WHERE r.connection_id = %(connection_id)s AND r.entity = '{entity}' AND r.external_id = w.external_id AND NOT w.is_new;

-- name: add_raw
-- Know of records we made before they are read for the first time.
INSERT INTO raw.records (connection_id, entity, external_id, payload, content_hash, remote_created_at, remote_updated_at)
SELECT %(connection_id)s, '{entity}', w.external_id, NULL, %(hash)s, w.updated_at, w.updated_at
FROM written_records w WHERE w.is_new
ORDER BY w.external_id
ON CONFLICT DO NOTHING;

-- name: add_source
-- Hold what records we made hold, unless they were read already.
INSERT INTO source.{entity} (connection_id, external_id, golden_id, {columns}, {markers} remote_created_at, remote_updated_at)
SELECT %(connection_id)s, w.external_id, w.golden_id, {picked}, {marker_values} w.updated_at, w.updated_at
FROM written_records w
CROSS JOIN LATERAL jsonb_populate_record(NULL::source.{entity}, {defaults}::jsonb || w.patch) p
WHERE w.is_new
ORDER BY w.external_id
ON CONFLICT DO NOTHING;

-- name: log_points
-- Note the phones, e-mails and web addresses that were written, as reading them would.
INSERT INTO source.field_changes (connection_id, entity, external_id, field, old_value, new_value, changed_at, is_own_write)
SELECT %(connection_id)s, '{entity}', w.external_id, CASE k.key WHEN 'webs' THEN 'contact_points' ELSE k.key END, o.old_rows, n.new_rows,
       CASE WHEN w.is_own THEN w.said_at + interval '1 microsecond' ELSE w.updated_at END, w.is_own
FROM written_records w
CROSS JOIN LATERAL jsonb_each(w.points) k
LEFT JOIN LATERAL (
    SELECT jsonb_agg(e.entry ORDER BY e.entry) AS old_rows, jsonb_object_agg(e.entry ->> 'value', e.entry) AS by_value
    FROM (SELECT to_jsonb(p) - ARRAY['connection_id', 'entity', 'external_id', 'position', 'remote_value_id'] AS entry
          FROM source.contact_points p
          WHERE p.connection_id = %(connection_id)s AND p.entity = '{entity}' AND p.external_id = w.external_id
            AND p.kind = %(kinds)s::jsonb ->> k.key) e
) o ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(e.entry ORDER BY e.entry) AS new_rows
    FROM (SELECT COALESCE(o.by_value -> v.value, jsonb_build_object('kind', %(kinds)s::jsonb ->> k.key, 'value', v.value, 'label', NULL,
                 'original', v.value, 'is_primary', o.by_value IS NULL AND v.place = 1)) AS entry
          FROM jsonb_array_elements_text(k.value) WITH ORDINALITY v (value, place)) e
) n ON true
WHERE NOT w.is_new AND o.old_rows IS DISTINCT FROM n.new_rows
ORDER BY w.external_id, k.key;

-- name: remove_points
-- Take away contact points that were taken off.
DELETE FROM source.contact_points p
USING written_records w, jsonb_each(w.points) k
WHERE p.connection_id = %(connection_id)s AND p.entity = '{entity}' AND p.external_id = w.external_id
  AND p.kind = %(kinds)s::jsonb ->> k.key AND NOT k.value ? p.value;

-- name: add_points
-- Hold the contact points that were put on.
INSERT INTO source.contact_points (connection_id, entity, external_id, kind, value, original, is_primary, position)
SELECT %(connection_id)s, '{entity}', w.external_id, %(kinds)s::jsonb ->> k.key, v.value, v.value, v.place = 1 AND o.kind IS NULL, v.place - 1
FROM written_records w
CROSS JOIN LATERAL jsonb_each(w.points) k
CROSS JOIN LATERAL jsonb_array_elements_text(k.value) WITH ORDINALITY v (value, place)
LEFT JOIN LATERAL (
    SELECT p.kind FROM source.contact_points p
    WHERE p.connection_id = %(connection_id)s AND p.entity = '{entity}' AND p.external_id = w.external_id
      AND p.kind = %(kinds)s::jsonb ->> k.key LIMIT 1
) o ON true
ORDER BY 3, 4, 5
ON CONFLICT DO NOTHING;

-- name: cross_new
-- Records we made belong to the golden records they were made for.
INSERT INTO crm.crosswalk AS x (golden_id, entity, connection_id, external_id, rule)
SELECT w.golden_id, '{entity}', %(connection_id)s, w.external_id, 'marker'
FROM written_records w WHERE w.is_new
ORDER BY w.external_id
ON CONFLICT (entity, connection_id, external_id) DO NOTHING;

-- name: adopt_new
-- Records we made that were read before we knew them bring along whoever shares the golden record they were given then.
WITH strays AS (
    SELECT DISTINCT x.golden_id AS old_id, w.golden_id
    FROM written_records w
    JOIN crm.crosswalk x ON x.entity = '{entity}' AND x.connection_id = %(connection_id)s AND x.external_id = w.external_id
    WHERE w.is_new AND x.golden_id <> w.golden_id
), held AS (
    SELECT x.connection_id, x.external_id, s.golden_id
    FROM strays s JOIN crm.crosswalk x ON x.entity = '{entity}' AND x.golden_id = s.old_id
    ORDER BY x.connection_id, x.external_id
    FOR UPDATE OF x
), moved AS (
    UPDATE crm.crosswalk x SET golden_id = h.golden_id, rule = 'marker', decided_by = 'pipeline', decided_at = now()
    FROM held h
    WHERE x.entity = '{entity}' AND x.connection_id = h.connection_id AND x.external_id = h.external_id
), redirected AS (
    INSERT INTO crm.golden_redirects AS r (old_id, entity, new_id)
    SELECT old_id, '{entity}', golden_id FROM strays ORDER BY old_id
    ON CONFLICT (old_id) DO UPDATE SET new_id = EXCLUDED.new_id, since = EXCLUDED.since
)
INSERT INTO sync.golden_queue (entity, golden_id)
SELECT '{entity}', old_id FROM strays ORDER BY old_id
ON CONFLICT DO NOTHING;

-- name: keep_together
-- No later match parts a record we made from the one it was made for, also where the CRM has no place for our marker.
INSERT INTO sync.match_decisions (entity, verdict, connection_id, external_id, other_connection_id, other_external_id, reason, decided_by)
SELECT '{entity}', 'together', p.connection_id, p.external_id, p.other_connection_id, p.other_external_id, 'made for it by the outgoing queue',
       'pipeline'
FROM written_records w
CROSS JOIN LATERAL (
    SELECT x.connection_id, x.external_id FROM crm.crosswalk x
    JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    WHERE x.entity = '{entity}' AND x.golden_id = w.golden_id
      AND (x.connection_id, x.external_id) <> (%(connection_id)s, w.external_id)
    ORDER BY s.deleted_at IS NOT NULL, x.connection_id, x.external_id LIMIT 1
) c
CROSS JOIN LATERAL (
    SELECT c.connection_id, c.external_id, %(connection_id)s AS other_connection_id, w.external_id AS other_external_id
    WHERE (c.connection_id, c.external_id) < (%(connection_id)s, w.external_id)
    UNION ALL
    SELECT %(connection_id)s, w.external_id, c.connection_id, c.external_id
    WHERE (c.connection_id, c.external_id) > (%(connection_id)s, w.external_id)
) p
WHERE w.is_new
ORDER BY 3, 4, 5, 6
ON CONFLICT DO NOTHING;

-- name: queue_written
-- Have the golden records of what was written looked at again.
INSERT INTO sync.golden_queue (entity, golden_id)
SELECT DISTINCT '{entity}', COALESCE(x.golden_id, w.golden_id)
FROM written_records w
LEFT JOIN crm.crosswalk x ON x.entity = '{entity}' AND x.connection_id = %(connection_id)s AND x.external_id = w.external_id
ORDER BY 2
ON CONFLICT DO NOTHING;

-- name: queue_new
-- Have records we made matched once, so that what refers to them finds them.
INSERT INTO sync.reconcile_queue (entity, connection_id, external_id)
SELECT '{entity}', %(connection_id)s, w.external_id FROM written_records w WHERE w.is_new ORDER BY w.external_id;

-- name: standing
-- Which database this is, up to which transaction everything is settled, and what is forgotten.
SELECT md5(concat_ws('/', d.epoch, s.system_identifier, o.oid))::text, pg_snapshot_xmin(pg_current_snapshot())::text, d.forgotten_xid::text
FROM sync.database d, pg_control_system() s, pg_database o WHERE o.datname = current_database();

-- name: changes
-- A page of one entity's changes as JSON text, with their places.
SELECT g.place::text, g.id::text, CASE
    WHEN g.deleted_at IS NULL AND {here} THEN '{"entity":"{entity}","op":"upsert","id":"' || g.id || '","version":' || to_json(g.reconciled_at)
        || ',"record":' || row_to_json(r) || '}'
    WHEN NOT %(initial)s THEN '{"entity":"{entity}","op":"delete","id":"' || g.id || '","version":' || to_json(g.reconciled_at) || ',"record":null}'
    END
FROM ({rows}) g
CROSS JOIN LATERAL ({record}) r
ORDER BY g.place, g.id;

-- name: here
-- Whether a record has a source in the CRM that is asked for.
(%(crm)s::text IS NULL OR EXISTS (
    SELECT FROM crm.crosswalk x JOIN sync.connections c ON c.id = x.connection_id
    WHERE x.golden_id = g.id AND x.entity = '{entity}' AND c.crm = %(crm)s))

-- name: rows_all
-- Changed records, for who sees all.
SELECT g.*, g.changed_xid AS place FROM crm.{entity} g
WHERE (g.changed_xid, g.id) > (%(xid)s::xid8, %(id)s::uuid) AND g.changed_xid < %(high)s::xid8
ORDER BY g.changed_xid, g.id LIMIT %(limit)s

-- name: rows_own
-- Changed records, and those that came in sight, for who sees only its own.
SELECT * FROM (
    SELECT g.*, GREATEST(g.changed_xid, v.changed_xid) AS place FROM sync.visible_records v JOIN crm.{entity} g ON g.id = v.id
    WHERE v.user_id = %(user)s AND v.entity = '{entity}' AND v.is_visible
) g
WHERE (g.place, g.id) > (%(xid)s::xid8, %(id)s::uuid) AND g.place < %(high)s::xid8
ORDER BY g.place, g.id LIMIT %(limit)s

-- name: tombstones
-- Records that were taken away; of a person held to its own only those everybody sees.
SELECT t.changed_xid::text, t.id::text,
       '{"entity":"' || t.entity || '","op":"delete","id":"' || t.id || '","version":' || to_json(t.gone_at) || ',"record":null'
       || CASE WHEN t.new_id IS NULL THEN '' ELSE ',"merged_into":"' || t.new_id || '"' END || '}'
FROM crm.tombstones t
WHERE NOT %(initial)s AND (t.changed_xid, t.id) > (%(xid)s::xid8, %(id)s::uuid) AND t.changed_xid < %(high)s::xid8
  AND (%(user)s IS NULL OR t.entity = ANY(%(open)s::text[]))
ORDER BY t.changed_xid, t.id LIMIT %(limit)s;

-- name: withdrawn
-- Records a person saw and does not see any more.
SELECT v.changed_xid::text, v.id::text,
       '{"entity":"' || v.entity || '","op":"delete","id":"' || v.id || '","version":' || to_json(v.changed_at) || ',"record":null}'
FROM sync.visible_records v
WHERE NOT %(initial)s AND v.user_id = %(user)s AND NOT v.is_visible
  AND (v.changed_xid, v.id) > (%(xid)s::xid8, %(id)s::uuid) AND v.changed_xid < %(high)s::xid8
ORDER BY v.changed_xid, v.id LIMIT %(limit)s;

-- name: since
-- The first transaction that changed something since a time, an hour earlier for those that took long; null: none did.
SELECT min(x.xid)::text FROM (
    {sources}
) x;

-- name: since_of_entity
-- Of one entity.
SELECT changed_xid::text::numeric AS xid FROM crm.{entity} WHERE reconciled_at >= %(since)s - interval '1 hour'

-- name: since_of_tombstones
-- Of what was taken away.
SELECT changed_xid::text::numeric AS xid FROM crm.tombstones WHERE gone_at >= %(since)s - interval '1 hour'

-- name: since_of_sight
-- Of what came in sight of a person, or went.
SELECT changed_xid::text::numeric AS xid FROM sync.visible_records WHERE user_id = %(user)s AND changed_at >= %(since)s - interval '1 hour'

-- name: forget
-- Forget tombstones, and what people see no more, after the retention; cursors from before are void.
WITH gone AS (
    DELETE FROM crm.tombstones t USING sync.database d WHERE t.gone_at < now() - d.retention RETURNING t.changed_xid
), unseen AS (
    DELETE FROM sync.visible_records v USING sync.database d
    WHERE NOT v.is_visible AND v.changed_at < now() - d.retention RETURNING v.changed_xid
), last AS (
    SELECT changed_xid FROM (SELECT changed_xid FROM gone UNION ALL SELECT changed_xid FROM unseen) a ORDER BY changed_xid DESC LIMIT 1
)
UPDATE sync.database d SET forgotten_xid = GREATEST(d.forgotten_xid, l.changed_xid) FROM last l;

-- name: checksum
-- Count and sum of one entity's records as a client that read everything holds them; only while nothing is being written.
SELECT count(*), (COALESCE(sum(('x' || left(md5(g.id || ' ' || (to_json(g.reconciled_at) #>> '{}')), 15))::bit(60)::bigint), 0) %% 1152921504606846976)::text,
       COALESCE(bool_or(g.changed_xid >= %(high)s::xid8), false)
FROM crm.{entity} g
WHERE g.deleted_at IS NULL AND {here}
  AND (%(user)s IS NULL OR '{entity}' = ANY(%(open)s::text[]) OR EXISTS (
      SELECT FROM sync.visible_records v WHERE v.user_id = %(user)s AND v.entity = '{entity}' AND v.id = g.id AND v.is_visible));

-- name: standing
-- Which database this is, whether its versions are of this server, up to which transaction all is settled, and what is forgotten.
SELECT d.epoch::text, COALESCE(d.server = sync.server_identity(), false), pg_snapshot_xmin(pg_current_snapshot())::text,
       d.forgotten_xid::text, d.forgotten_at
FROM sync.database d;

-- name: tide
-- Up to which transaction all is settled.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: adopt
-- Have versions be of this server.
SELECT sync.adopt_server();

-- name: news
-- Which steps of a round have something to tell; one question instead of one per step.
SELECT {steps};

-- name: news_of_entity
-- Whether records of an entity changed.
EXISTS (SELECT FROM crm.{step} g WHERE g.changed_xid >= %(low)s::xid8 AND g.changed_xid < %(high)s::xid8)

-- name: news_of_sight
-- Or came in sight of a person.
OR EXISTS (SELECT FROM sync.visible_records v WHERE v.user_id = %(user)s AND v.entity = '{step}'
           AND v.changed_xid >= %(low)s::xid8 AND v.changed_xid < %(high)s::xid8)

-- name: news_of_operations
-- Whether an operation may have moved.
EXISTS (SELECT FROM sync.operations o WHERE o.actor = %(actor)s AND o.changed_xid >= %(low)s::xid8)
OR EXISTS (SELECT FROM sync.operation_changes l WHERE l.changed_xid >= %(low)s::xid8)
OR EXISTS (SELECT FROM sync.outgoing_changes c WHERE c.changed_xid >= %(low)s::xid8)

-- name: news_of_withdrawn
-- Whether something went out of sight.
EXISTS (SELECT FROM sync.visible_records v WHERE v.user_id = %(user)s AND NOT v.is_visible
        AND v.changed_xid >= %(low)s::xid8 AND v.changed_xid < %(high)s::xid8)

-- name: news_of_tombstones
-- Whether records were taken away.
EXISTS (SELECT FROM crm.tombstones t WHERE t.changed_xid >= %(low)s::xid8 AND t.changed_xid < %(high)s::xid8)

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
-- Records that were taken away, and which record stands for them now; of a person held to its own only those everybody sees.
SELECT t.changed_xid::text, t.id::text,
       '{"entity":"' || t.entity || '","op":"delete","id":"' || t.id || '","version":' || to_json(t.gone_at) || ',"record":null'
       || COALESCE(',"merged_into":"' || COALESCE(r.new_id, t.new_id) || '"', '') || '}'
FROM crm.tombstones t LEFT JOIN crm.golden_redirects r ON r.old_id = t.id
WHERE NOT %(initial)s AND (t.changed_xid, t.id) > (%(xid)s::xid8, %(id)s::uuid) AND t.changed_xid < %(high)s::xid8
  AND (%(user)s IS NULL OR t.entity = ANY(%(open)s::text[]))
ORDER BY t.changed_xid, t.id LIMIT %(limit)s;

-- name: withdrawn
-- Records a person saw and does not see any more; also those that are gone, and into which of those it sees they were merged.
SELECT v.changed_xid::text, v.id::text,
       '{"entity":"' || v.entity || '","op":"delete","id":"' || v.id || '","version":' || to_json(v.changed_at) || ',"record":null'
       || COALESCE(',"merged_into":"' || n.id || '"', '') || '}'
FROM sync.visible_records v
LEFT JOIN crm.golden_redirects r ON r.old_id = v.id
LEFT JOIN sync.visible_records n ON n.user_id = v.user_id AND n.entity = v.entity AND n.id = r.new_id AND n.is_visible
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
SELECT changed_xid::text::numeric AS xid FROM crm.{entity} WHERE reconciled_at >= %(since)s::timestamptz - interval '1 hour'

-- name: since_of_tombstones
-- Of what was taken away.
SELECT changed_xid::text::numeric AS xid FROM crm.tombstones WHERE gone_at >= %(since)s::timestamptz - interval '1 hour'

-- name: since_of_sight
-- Of what came in sight of a person, or went.
SELECT changed_xid::text::numeric AS xid FROM sync.visible_records
WHERE user_id = %(user)s AND changed_at >= %(since)s::timestamptz - interval '1 hour'

-- name: since_of_operations
-- Of what a person uploaded.
SELECT changed_xid::text::numeric AS xid FROM sync.operations
WHERE actor = %(actor)s AND received_at >= %(since)s::timestamptz - interval '1 hour'
UNION ALL
SELECT c.changed_xid::text::numeric FROM sync.operations p
JOIN sync.operation_changes l ON l.operation_id = p.id JOIN sync.outgoing_changes c ON c.id = l.change_id
WHERE p.actor = %(actor)s
  AND GREATEST(c.created_at, c.sent_at, c.settled_at, c.next_attempt_at) >= %(since)s::timestamptz - interval '1 hour'

-- name: forget
-- Forget tombstones, and what people see no more, after the retention; cursors from before are void. Answers how many.
WITH gone AS (
    DELETE FROM crm.tombstones t USING sync.database d WHERE t.gone_at < now() - d.retention RETURNING t.changed_xid, t.gone_at AS at
), unseen AS (
    DELETE FROM sync.visible_records v USING sync.database d
    WHERE NOT v.is_visible AND v.changed_at < now() - d.retention RETURNING v.changed_xid, v.changed_at AS at
), forgotten AS (
    SELECT * FROM gone UNION ALL SELECT * FROM unseen
), noted AS (
    UPDATE sync.database d SET forgotten_at = GREATEST(d.forgotten_at, (SELECT max(at) FROM forgotten)),
        forgotten_xid = GREATEST(d.forgotten_xid, (SELECT changed_xid FROM forgotten ORDER BY changed_xid DESC LIMIT 1))
    WHERE EXISTS (SELECT FROM forgotten)
)
SELECT count(*) FROM forgotten;

-- name: checksum
-- Count and sum of one entity's records as a client that read up to a transaction holds them, but for those that changed since.
SELECT count(*), (COALESCE(sum(('x' || left(md5(g.id || ' ' || (to_json(g.reconciled_at) #>> '{}')), 15))::bit(60)::bigint), 0) %% 1152921504606846976)::text
FROM crm.{entity} g {join}
WHERE g.deleted_at IS NULL AND g.changed_xid < %(high)s::xid8 AND g.id <> ALL(%(unsettled)s::uuid[]) AND {here};

-- name: checksum_join
-- Of a person held to its own.
JOIN sync.visible_records v ON v.user_id = %(user)s AND v.entity = '{entity}' AND v.id = g.id AND v.is_visible AND v.changed_xid < %(high)s::xid8

-- name: unsettled
-- Records of one entity that changed since, or are about to: a client may hold other versions of them.
SELECT u.id::text FROM (
    SELECT g.id FROM crm.{entity} g WHERE g.changed_xid >= %(high)s::xid8
    UNION SELECT t.id FROM crm.tombstones t WHERE t.entity = '{entity}' AND t.changed_xid >= %(high)s::xid8
    UNION SELECT v.id FROM sync.visible_records v WHERE v.user_id = %(user)s AND v.entity = '{entity}' AND v.changed_xid >= %(high)s::xid8
    UNION SELECT q.golden_id FROM sync.golden_queue q WHERE q.entity = '{entity}' AND %(crm)s::text IS NOT NULL
) u {seen}
LIMIT %(limit)s;

-- name: unsettled_seen
-- Of a person held to its own: what it saw once.
WHERE EXISTS (SELECT FROM sync.visible_records s WHERE s.user_id = %(user)s AND s.entity = '{entity}' AND s.id = u.id)

-- name: source_name
-- What a source record is called, of one entity.
WHEN '{entity}' THEN (SELECT n.{title} FROM source.{entity} n WHERE n.connection_id = {of}connection_id AND n.external_id = {of}external_id)

-- name: reviews
-- Questions about pairs of records, the oldest first; of suggestions the likeliest first.
SELECT r.id, r.entity, c.name || ':' || r.external_id AS record, {name} AS name,
       o.name || ':' || r.other_external_id AS other_record, {other_name} AS other_name,
       r.reason, r.rule, r.explanation, r.score, r.features, r.state, r.created_at, r.decided_by, r.decided_at
FROM (
    SELECT * FROM sync.match_reviews
    WHERE (%(entity)s::text IS NULL OR entity = %(entity)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
      AND (%(state)s = 'all' OR state = %(state)s)
    ORDER BY score DESC NULLS FIRST, id
    LIMIT %(limit)s
) r
JOIN sync.connections c ON c.id = r.connection_id
JOIN sync.connections o ON o.id = r.other_connection_id
ORDER BY r.score DESC NULLS FIRST, r.id;

-- name: count_reviews
-- How many questions wait for a person, by entity.
SELECT entity, count(*) FROM sync.match_reviews WHERE state = 'open' GROUP BY entity ORDER BY entity;

-- name: find_records
-- A source record by the name a person gives it: of every entity that has one with this identifier.
SELECT x.entity, x.connection_id, c.name AS connection, x.external_id, x.golden_id::text
FROM sync.connections c
JOIN crm.crosswalk x ON x.connection_id = c.id AND x.external_id = %(external_id)s AND x.entity = ANY(%(entities)s::text[])
WHERE c.name = %(connection)s
ORDER BY array_position(%(entities)s::text[], x.entity);

-- name: find_golden
-- The source records of golden ids; a merged id stands for what it was merged into.
SELECT x.entity, x.connection_id, c.name AS connection, x.external_id, x.golden_id::text
FROM unnest(%(ids)s::uuid[]) w (id)
LEFT JOIN crm.golden_redirects r ON r.old_id = w.id
JOIN crm.crosswalk x ON x.golden_id = COALESCE(r.new_id, w.id)
JOIN sync.connections c ON c.id = x.connection_id
ORDER BY c.name, x.external_id;

-- name: is_deleted
-- Whether a source record is deleted in its CRM.
SELECT deleted_at IS NOT NULL FROM source.{entity} WHERE connection_id = %(connection_id)s AND external_id = %(external_id)s;

-- name: reviews_by_id
-- The questions with these ids, each with both records.
SELECT r.id, r.state, r.decided_by, r.entity, r.connection_id, c.name AS connection, r.external_id, r.other_connection_id,
       o.name AS other_connection, r.other_external_id, x.golden_id::text, y.golden_id::text AS other_golden_id
FROM sync.match_reviews r
JOIN sync.connections c ON c.id = r.connection_id
JOIN sync.connections o ON o.id = r.other_connection_id
LEFT JOIN crm.crosswalk x ON x.entity = r.entity AND x.connection_id = r.connection_id AND x.external_id = r.external_id
LEFT JOIN crm.crosswalk y ON y.entity = r.entity AND y.connection_id = r.other_connection_id AND y.external_id = r.other_external_id
WHERE r.id = ANY(%(ids)s::bigint[])
ORDER BY r.id;

-- name: make_pairs
-- Where the pairs a person decides about, and the links of a bulk decision, are laid out; emptied by every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS decision_pairs
    (entity text, connection_id integer, external_id text, other_connection_id integer, other_external_id text,
     PRIMARY KEY (entity, connection_id, external_id, other_connection_id, other_external_id)) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS decision_links
    (entity text, connection_id integer, external_id text, golden_id uuid, linked_at timestamptz) ON COMMIT DELETE ROWS;

-- name: empty
-- Begin with nothing laid out.
DELETE FROM decision_pairs;
DELETE FROM decision_links;

-- name: ask_pairs
-- Lay out pairs, the smaller record of each first.
INSERT INTO decision_pairs
SELECT p.entity, x.connection_id, x.external_id, y.connection_id, y.external_id
FROM unnest(%(entities)s::text[], %(connections)s::integer[], %(records)s::text[], %(other_connections)s::integer[], %(other_records)s::text[])
    p (entity, connection_id, external_id, other_connection_id, other_external_id)
CROSS JOIN LATERAL (
    SELECT v.* FROM (VALUES (p.connection_id, p.external_id), (p.other_connection_id, p.other_external_id)) v (connection_id, external_id)
    ORDER BY 1, 2 LIMIT 1
) x
CROSS JOIN LATERAL (
    SELECT v.* FROM (VALUES (p.connection_id, p.external_id), (p.other_connection_id, p.other_external_id)) v (connection_id, external_id)
    ORDER BY 1 DESC, 2 DESC LIMIT 1
) y
WHERE (x.connection_id, x.external_id) <> (y.connection_id, y.external_id)
ON CONFLICT DO NOTHING;

-- name: find_links
-- Lay out the links a rule made in a period.
INSERT INTO decision_links
SELECT x.entity, x.connection_id, x.external_id, x.golden_id, x.decided_at
FROM crm.crosswalk x
WHERE x.rule = %(rule)s AND x.decided_at >= COALESCE(%(since)s::timestamptz, '-infinity') AND x.decided_at < COALESCE(%(until)s::timestamptz, 'infinity')
  AND (%(entity)s::text IS NULL OR x.entity = %(entity)s);

-- name: part_links
-- Pair what was linked with all others of its golden record; with a connection, only where one of both is its own.
INSERT INTO decision_pairs
SELECT l.entity, CASE WHEN (l.connection_id, l.external_id) < (x.connection_id, x.external_id) THEN l.connection_id ELSE x.connection_id END,
       CASE WHEN (l.connection_id, l.external_id) < (x.connection_id, x.external_id) THEN l.external_id ELSE x.external_id END,
       CASE WHEN (l.connection_id, l.external_id) < (x.connection_id, x.external_id) THEN x.connection_id ELSE l.connection_id END,
       CASE WHEN (l.connection_id, l.external_id) < (x.connection_id, x.external_id) THEN x.external_id ELSE l.external_id END
FROM decision_links l
JOIN crm.crosswalk x ON x.golden_id = l.golden_id AND x.entity = l.entity
    AND (x.connection_id, x.external_id) <> (l.connection_id, l.external_id)
WHERE %(connection_id)s::integer IS NULL OR %(connection_id)s IN (l.connection_id, x.connection_id)
ON CONFLICT DO NOTHING;

-- name: find_merges
-- Pair what people merged in a period.
INSERT INTO decision_pairs
SELECT d.entity, d.connection_id, d.external_id, d.other_connection_id, d.other_external_id
FROM sync.match_decisions d
WHERE d.verdict = 'together' AND d.revoked_at IS NULL
  AND d.decided_at >= COALESCE(%(since)s::timestamptz, '-infinity') AND d.decided_at < COALESCE(%(until)s::timestamptz, 'infinity')
  AND (%(entity)s::text IS NULL OR d.entity = %(entity)s)
  AND (%(connection_id)s::integer IS NULL OR %(connection_id)s IN (d.connection_id, d.other_connection_id))
ON CONFLICT DO NOTHING;

-- name: find_answers
-- Pair what was merged to answer these questions.
INSERT INTO decision_pairs
SELECT d.entity, d.connection_id, d.external_id, d.other_connection_id, d.other_external_id
FROM sync.match_reviews r
JOIN crm.crosswalk o ON o.entity = r.entity AND o.connection_id = r.connection_id AND o.external_id = r.external_id
JOIN crm.crosswalk x ON x.golden_id = o.golden_id
JOIN sync.match_decisions d ON d.entity = x.entity AND d.connection_id = x.connection_id AND d.external_id = x.external_id
WHERE r.id = ANY(%(ids)s::bigint[]) AND r.state = 'merged'
  AND d.verdict = 'together' AND d.revoked_at IS NULL AND d.decided_at = r.decided_at
ON CONFLICT DO NOTHING;

-- name: count_pairs
-- What the pairs come to, by entity: pairs, records and golden records.
SELECT p.entity, count(DISTINCT (p.connection_id, p.external_id, p.other_connection_id, p.other_external_id)) AS pairs,
       count(DISTINCT (v.connection_id, v.external_id)) AS records, count(DISTINCT x.golden_id) AS golden_records
FROM decision_pairs p
CROSS JOIN LATERAL (VALUES (p.connection_id, p.external_id), (p.other_connection_id, p.other_external_id)) v (connection_id, external_id)
LEFT JOIN crm.crosswalk x ON x.entity = p.entity AND x.connection_id = v.connection_id AND x.external_id = v.external_id
GROUP BY p.entity ORDER BY p.entity;

-- name: show_pairs
-- Some of the pairs, with what both are called.
SELECT r.entity, c.name || ':' || r.external_id AS record, {name} AS name,
       o.name || ':' || r.other_external_id AS other_record, {other_name} AS other_name, x.golden_id::text
FROM (SELECT * FROM decision_pairs ORDER BY 1, 2, 3, 4, 5 LIMIT %(limit)s) r
JOIN sync.connections c ON c.id = r.connection_id
JOIN sync.connections o ON o.id = r.other_connection_id
LEFT JOIN crm.crosswalk x ON x.entity = r.entity AND x.connection_id = r.connection_id AND x.external_id = r.external_id
ORDER BY r.entity, r.connection_id, r.external_id, r.other_connection_id, r.other_external_id;

-- name: revoke
-- A decision to the contrary about the same two does not hold any more.
UPDATE sync.match_decisions d SET revoked_at = now()
FROM decision_pairs p
WHERE d.entity = p.entity AND d.connection_id = p.connection_id AND d.external_id = p.external_id
  AND d.other_connection_id = p.other_connection_id AND d.other_external_id = p.other_external_id
  AND d.revoked_at IS NULL AND d.verdict <> %(verdict)s;

-- name: revoke_between
-- Who merges golden records takes back that some of their records were kept apart.
UPDATE sync.match_decisions d SET revoked_at = now()
FROM crm.crosswalk x
JOIN crm.crosswalk y ON y.entity = x.entity AND y.golden_id <> x.golden_id
WHERE x.golden_id = ANY(%(golden_ids)s::uuid[]) AND y.golden_id = ANY(%(golden_ids)s::uuid[])
  AND d.entity = x.entity AND d.connection_id = x.connection_id AND d.external_id = x.external_id
  AND d.other_connection_id = y.connection_id AND d.other_external_id = y.external_id
  AND d.revoked_at IS NULL AND d.verdict = 'apart';

-- name: decide
-- Write down what was decided about the pairs; what holds already is not written again.
INSERT INTO sync.match_decisions (entity, verdict, connection_id, external_id, other_connection_id, other_external_id, reason, decided_by)
SELECT entity, %(verdict)s, connection_id, external_id, other_connection_id, other_external_id, %(reason)s, %(who)s
FROM decision_pairs
ORDER BY 1, 3, 4, 5, 6
ON CONFLICT DO NOTHING;

-- name: take_merges_back
-- Merges of the pairs do not hold any more. Answers when they had been made.
WITH taken AS (
    UPDATE sync.match_decisions d SET revoked_at = now()
    FROM decision_pairs p
    WHERE d.entity = p.entity AND d.connection_id = p.connection_id AND d.external_id = p.external_id
      AND d.other_connection_id = p.other_connection_id AND d.other_external_id = p.other_external_id
      AND d.revoked_at IS NULL AND d.verdict = 'together'
    RETURNING d.decided_at
)
SELECT DISTINCT decided_at FROM taken;

-- name: restore_apart
-- What those merges had taken back holds again.
INSERT INTO sync.match_decisions (entity, verdict, connection_id, external_id, other_connection_id, other_external_id, reason, decided_by)
SELECT entity, verdict, connection_id, external_id, other_connection_id, other_external_id, reason, decided_by
FROM sync.match_decisions
WHERE verdict = 'apart' AND revoked_at = ANY(%(moments)s::timestamptz[])
ORDER BY id
ON CONFLICT DO NOTHING;

-- name: settle_reviews
-- Questions about the pairs are answered.
UPDATE sync.match_reviews r SET state = %(state)s, decided_by = %(who)s, decided_at = now()
FROM decision_pairs p
WHERE r.entity = p.entity AND r.connection_id = p.connection_id AND r.external_id = p.external_id
  AND r.other_connection_id = p.other_connection_id AND r.other_external_id = p.other_external_id
  AND r.state NOT IN (%(state)s, 'obsolete');

-- name: reopen_reviews
-- Questions that were answered by a merge which is taken back are open again.
UPDATE sync.match_reviews r SET state = 'open', decided_by = NULL, decided_at = NULL
FROM decision_pairs p
WHERE r.entity = p.entity AND r.connection_id = p.connection_id AND r.external_id = p.external_id
  AND r.other_connection_id = p.other_connection_id AND r.other_external_id = p.other_external_id
  AND r.state = 'merged';

-- name: queue
-- Have the records of the pairs reconciled.
INSERT INTO sync.reconcile_queue (entity, connection_id, external_id)
SELECT DISTINCT p.entity, v.connection_id, v.external_id
FROM decision_pairs p
CROSS JOIN LATERAL (VALUES (p.connection_id, p.external_id), (p.other_connection_id, p.other_external_id)) v (connection_id, external_id)
ORDER BY 1, 2, 3;

-- name: where_now
-- Which golden records source records belong to now.
SELECT x.golden_id::text, array_agg(c.name || ':' || x.external_id ORDER BY c.name, x.external_id) AS records
FROM unnest(%(entities)s::text[], %(connections)s::integer[], %(records)s::text[]) w (entity, connection_id, external_id)
JOIN crm.crosswalk x ON x.entity = w.entity AND x.connection_id = w.connection_id AND x.external_id = w.external_id
JOIN sync.connections c ON c.id = x.connection_id
GROUP BY x.golden_id ORDER BY x.golden_id;

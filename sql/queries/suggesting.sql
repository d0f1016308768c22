-- name: queue
-- Have it looked for contacts who resemble the batch's.
INSERT INTO sync.suggestion_queue SELECT golden_id FROM golden_batch ORDER BY golden_id ON CONFLICT DO NOTHING;

-- name: make_batch
-- Where the golden contacts of one batch, their coarse keys, and those worth comparing wait.
CREATE TEMPORARY TABLE IF NOT EXISTS suggest_batch (golden_id uuid PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS suggest_blocks (block text, golden_id uuid) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS suggest_pairs (a uuid, b uuid) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS suggest_found (a uuid, b uuid, score double precision, features jsonb, explanation text) ON COMMIT DELETE ROWS;

-- name: take
-- Take the next contacts; answers how many.
WITH taken AS (
    DELETE FROM sync.suggestion_queue
    WHERE golden_id = ANY(ARRAY(SELECT golden_id FROM sync.suggestion_queue ORDER BY golden_id LIMIT %(size)s FOR UPDATE SKIP LOCKED))
    RETURNING golden_id
), kept AS (
    INSERT INTO suggest_batch SELECT golden_id FROM taken RETURNING 1
)
SELECT count(*) FROM kept;

-- name: analyze
-- Tell the planner how large what was just laid out is.
ANALYZE {table};

-- name: people
-- What is compared of the living contacts of a list.
SELECT g.id::text, g.name, g.first_name, g.last_name, g.middle_name, c.name AS company, g.position, g.birthday::text,
       ARRAY(SELECT p.value FROM crm.contact_points p WHERE p.entity = 'contacts' AND p.golden_id = g.id AND p.kind = 'email' ORDER BY p.value),
       ARRAY(SELECT p.value FROM crm.contact_points p WHERE p.entity = 'contacts' AND p.golden_id = g.id AND p.kind = 'phone' ORDER BY p.value)
FROM {list} l
JOIN crm.contacts g ON g.id = l.golden_id AND g.deleted_at IS NULL
LEFT JOIN crm.companies c ON c.id = g.company_id;

-- name: compared
-- Everybody of the pairs, once.
(SELECT a AS golden_id FROM suggest_pairs UNION SELECT b FROM suggest_pairs)

-- name: drop_blocks
-- Forget the coarse keys the batch had.
DELETE FROM sync.resemblance_blocks r USING suggest_batch b WHERE r.golden_id = b.golden_id;

-- name: put_blocks
-- Keep the coarse keys the batch has.
INSERT INTO sync.resemblance_blocks SELECT block, golden_id FROM suggest_blocks ORDER BY block, golden_id ON CONFLICT DO NOTHING;

-- name: pair
-- Pair the batch with whom it shares a coarse key that few have.
INSERT INTO suggest_pairs
SELECT DISTINCT least(b.golden_id, o.golden_id), greatest(b.golden_id, o.golden_id)
FROM suggest_blocks b
CROSS JOIN LATERAL (
    SELECT r.golden_id, count(*) OVER () AS sharers
    FROM (SELECT golden_id FROM sync.resemblance_blocks r WHERE r.block = b.block LIMIT %(most)s + 1) r
) o
WHERE o.sharers <= %(most)s AND o.golden_id <> b.golden_id;

-- name: namesakes
-- How many contacts have the full name of those of the pairs (stops counting at fifty).
SELECT b.golden_id::text, max(n.sharers)
FROM {list} l
JOIN sync.resemblance_blocks b ON b.golden_id = l.golden_id AND b.block LIKE 'n %%'
CROSS JOIN LATERAL (SELECT count(*) AS sharers FROM (SELECT FROM sync.resemblance_blocks r WHERE r.block = b.block LIMIT 50) r) n
GROUP BY b.golden_id;

-- name: pairs
-- The pairs worth comparing, as they were laid out.
SELECT a::text, b::text FROM suggest_pairs;

-- name: close
-- Suggestions about the batch that do not come up again are obsolete.
UPDATE sync.match_reviews r SET state = 'obsolete', decided_at = now()
FROM suggest_batch t
JOIN crm.crosswalk x ON x.golden_id = t.golden_id AND x.entity = 'contacts'
WHERE r.entity = 'contacts' AND r.state = 'open' AND r.reason = 'resemblance'
  AND (x.connection_id, x.external_id) IN ((r.connection_id, r.external_id), (r.other_connection_id, r.other_external_id))
  AND NOT EXISTS (
      SELECT FROM suggest_found f
      JOIN crm.crosswalk p ON p.golden_id = f.a AND p.entity = 'contacts'
      JOIN crm.crosswalk q ON q.golden_id = f.b AND q.entity = 'contacts'
      WHERE ((p.connection_id, p.external_id) = (r.connection_id, r.external_id) AND (q.connection_id, q.external_id) = (r.other_connection_id, r.other_external_id))
         OR ((q.connection_id, q.external_id) = (r.connection_id, r.external_id) AND (p.connection_id, p.external_id) = (r.other_connection_id, r.other_external_id))
  );

-- name: suggest
-- Ask people about contacts who resemble each other, by one record of each; what was decided or asked already is left.
INSERT INTO sync.match_reviews AS r
    (entity, connection_id, external_id, other_connection_id, other_external_id, rule, reason, explanation, score, features)
SELECT 'contacts', v.one_connection, v.one_id, v.two_connection, v.two_id, 'resemblance', 'resemblance', f.explanation, f.score, f.features
FROM suggest_found f
CROSS JOIN LATERAL (
    SELECT x.connection_id, x.external_id FROM crm.crosswalk x WHERE x.golden_id = f.a AND x.entity = 'contacts' ORDER BY 1, 2 LIMIT 1
) x
CROSS JOIN LATERAL (
    SELECT y.connection_id, y.external_id FROM crm.crosswalk y WHERE y.golden_id = f.b AND y.entity = 'contacts' ORDER BY 1, 2 LIMIT 1
) y
CROSS JOIN LATERAL (
    SELECT x.connection_id AS one_connection, x.external_id AS one_id, y.connection_id AS two_connection, y.external_id AS two_id
    WHERE (x.connection_id, x.external_id) < (y.connection_id, y.external_id)
    UNION ALL
    SELECT y.connection_id, y.external_id, x.connection_id, x.external_id WHERE (x.connection_id, x.external_id) > (y.connection_id, y.external_id)
) v
WHERE NOT EXISTS (
    SELECT FROM crm.crosswalk p
    JOIN sync.match_decisions d ON d.entity = 'contacts' AND d.revoked_at IS NULL
        AND (p.connection_id, p.external_id) IN ((d.connection_id, d.external_id), (d.other_connection_id, d.other_external_id))
    JOIN crm.crosswalk q ON q.golden_id = f.b AND q.entity = 'contacts'
        AND (q.connection_id, q.external_id) IN ((d.connection_id, d.external_id), (d.other_connection_id, d.other_external_id))
    WHERE p.golden_id = f.a AND p.entity = 'contacts'
)
ORDER BY 2, 3, 4, 5
ON CONFLICT (entity, connection_id, external_id, other_connection_id, other_external_id) DO UPDATE SET
    rule = EXCLUDED.rule, reason = EXCLUDED.reason, explanation = EXCLUDED.explanation, score = EXCLUDED.score,
    features = EXCLUDED.features, state = 'open', decided_at = NULL
WHERE r.state = 'obsolete'
RETURNING r.id;

-- name: make_agreed
-- Where what was agreed waits to be compared with what is known already; emptied by every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS agreed_bases
    (golden_id uuid, field text, value jsonb, said jsonb, target text, since timestamptz) ON COMMIT DELETE ROWS;

-- name: empty_agreed
-- Begin with nothing agreed.
DELETE FROM agreed_bases;

-- name: agree
-- Make what was written the base; who said something else then may go on saying it, so may the target where it cannot hold it all.
INSERT INTO sync.bases AS b (entity, golden_id, field, value, said, agreed_at)
SELECT DISTINCT ON (a.golden_id, a.field) '{entity}', a.golden_id, a.field, a.value,
       CASE WHEN a.target IS NULL THEN a.said
            WHEN t.value IS NULL OR t.value = a.value THEN a.said - a.target
            ELSE a.said || jsonb_build_object(a.target, t.value) END, now()
FROM agreed_bases a
LEFT JOIN LATERAL (
    SELECT CASE a.field {side_values} END AS value
    FROM sync.connections c
    JOIN source.{entity} s ON s.connection_id = c.id AND s.external_id = substr(a.target, length(c.name) + 2)
    {joins}
    WHERE c.name = split_part(a.target, ':', 1)
) t ON true
ORDER BY a.golden_id, a.field
ON CONFLICT (entity, golden_id, field) DO UPDATE SET value = EXCLUDED.value, said = EXCLUDED.said, agreed_at = EXCLUDED.agreed_at;

-- name: agree_known
-- A base that has the same value already, or was agreed on later than this was decided, stays, and so does who said otherwise.
UPDATE agreed_bases a SET value = b.value, said = b.said
FROM sync.bases b
WHERE b.entity = '{entity}' AND b.golden_id = a.golden_id AND b.field = a.field AND (b.value = a.value OR b.agreed_at > a.since);

-- name: stand
-- Make the golden values of these groups the base, with what the sides of CRMs say that say something else.
INSERT INTO sync.bases AS b (entity, golden_id, field, value, said, agreed_at)
SELECT '{entity}', w.golden_id, w.field, w.value, COALESCE(
           (SELECT jsonb_object_agg(o.label, o.value) FROM (
                SELECT c.name || ':' || s.external_id AS label, CASE w.field {side_values} END AS value
                FROM crm.crosswalk x
                JOIN sync.connections c ON c.id = x.connection_id AND c.crm <> 'app'
                JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
                {joins}
                WHERE x.entity = '{entity}' AND x.golden_id = w.golden_id
            ) o WHERE o.value <> w.value), '{}'), now()
FROM (
    SELECT g.id AS golden_id, t.field, CASE t.field {golden_values} END AS value
    FROM unnest(%(ids)s::uuid[], %(groups)s::text[]) t (golden_id, field)
    JOIN crm.{entity} g ON g.id = t.golden_id
) w
WHERE w.value IS NOT NULL AND NOT (%(except_open)s AND EXISTS (
    SELECT FROM sync.conflicts f WHERE f.entity = '{entity}' AND f.golden_id = w.golden_id AND f.field = w.field
        AND f.superseded_at IS NULL AND f.state = 'open'))
ORDER BY w.golden_id, w.field
ON CONFLICT (entity, golden_id, field) DO UPDATE SET value = EXCLUDED.value, said = EXCLUDED.said, agreed_at = EXCLUDED.agreed_at;

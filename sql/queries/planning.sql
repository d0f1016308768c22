-- name: snapshot
-- Remember what a golden table holds; gone with the transaction.
CREATE TEMPORARY TABLE plan_{table} ON COMMIT DROP AS SELECT * FROM crm.{table};

-- name: snapshot_questions
-- Remember which questions and conflicts stand; gone with the transaction.
CREATE TEMPORARY TABLE plan_reviews ON COMMIT DROP AS SELECT id FROM sync.match_reviews WHERE state = 'open';
CREATE TEMPORARY TABLE plan_conflicts ON COMMIT DROP AS SELECT id FROM sync.conflicts WHERE superseded_at IS NULL;

-- name: value
-- One column of a golden table, before and after.
('{column}', to_jsonb(b.{column}), to_jsonb(a.{column}))

-- name: changed_values
-- Which golden values changed: how many of each field, and some of them.
WITH changed AS (
    SELECT a.id, v.field, v.old, v.new
    FROM plan_{entity} b
    JOIN crm.{entity} a ON a.id = b.id
    CROSS JOIN LATERAL (VALUES {values}) v (field, old, new)
    WHERE ROW({old_columns}) IS DISTINCT FROM ROW({new_columns}) AND v.old IS DISTINCT FROM v.new
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY field ORDER BY id) AS place, count(*) OVER (PARTITION BY field) AS records FROM changed
)
SELECT '{entity}' AS entity, field, records, id::text AS golden_id, old, new
FROM placed WHERE place <= %(examples)s ORDER BY array_position(%(columns)s::text[], field), place;

-- name: changed_records
-- Golden records that came and went: new ones, of them such as parted from others; gone ones, of them such as were merged.
SELECT '{entity}' AS entity,
       (SELECT count(*) FROM crm.{entity} a WHERE NOT EXISTS (SELECT FROM plan_{entity} b WHERE b.id = a.id)) AS new,
       (SELECT count(DISTINCT x.golden_id) FROM crm.crosswalk x
        JOIN plan_crosswalk o ON o.entity = x.entity AND o.connection_id = x.connection_id AND o.external_id = x.external_id
        WHERE x.entity = '{entity}' AND NOT EXISTS (SELECT FROM plan_{entity} b WHERE b.id = x.golden_id)) AS parted,
       (SELECT count(*) FROM plan_{entity} b WHERE NOT EXISTS (SELECT FROM crm.{entity} a WHERE a.id = b.id)) AS gone,
       (SELECT count(*) FROM plan_{entity} b JOIN crm.golden_redirects r ON r.old_id = b.id
        WHERE NOT EXISTS (SELECT FROM crm.{entity} a WHERE a.id = b.id)) AS merged;

-- name: changed_links
-- Which source records would be linked, or no more, by which rule.
WITH changed AS (
    SELECT COALESCE(a.entity, b.entity) AS entity, COALESCE(a.connection_id, b.connection_id) AS connection_id,
           COALESCE(a.external_id, b.external_id) AS external_id, b.rule AS old_rule, b.golden_id AS old_id, a.rule AS new_rule, a.golden_id AS new_id
    FROM plan_crosswalk b
    FULL JOIN crm.crosswalk a ON a.entity = b.entity AND a.connection_id = b.connection_id AND a.external_id = b.external_id
    WHERE (a.golden_id, a.rule) IS DISTINCT FROM (b.golden_id, b.rule)
), placed AS (
    SELECT c.entity, v.rule, v.change, c.connection_id, c.external_id, v.golden_id,
           row_number() OVER (PARTITION BY c.entity, v.rule, v.change ORDER BY c.connection_id, c.external_id) AS place,
           count(*) OVER (PARTITION BY c.entity, v.rule, v.change) AS records
    FROM changed c
    CROSS JOIN LATERAL (VALUES ('removed', c.old_rule, c.old_id), ('added', c.new_rule, c.new_id)) v (change, rule, golden_id)
    WHERE v.rule <> 'identity'
)
SELECT p.entity, p.rule, p.change, p.records, n.name || ':' || p.external_id AS record, p.golden_id::text
FROM placed p JOIN sync.connections n ON n.id = p.connection_id
WHERE p.place <= %(examples)s ORDER BY p.entity, p.rule, p.change, p.place;

-- name: changed_rows
-- Which rows of a link table would come, go and change, and some of them.
WITH changed AS (
    SELECT CASE WHEN b.{owner} IS NULL THEN 'added' WHEN a.{owner} IS NULL THEN 'removed' ELSE 'changed' END AS change,
           {entity_of} AS entity, {field_of} AS field, to_jsonb(b) AS old, to_jsonb(a) AS new
    FROM plan_{table} b
    FULL JOIN crm.{table} a USING ({key})
    WHERE ROW(a.*) IS DISTINCT FROM ROW(b.*)
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY entity, field, change ORDER BY old, new) AS place,
           count(*) OVER (PARTITION BY entity, field, change) AS records
    FROM changed
)
SELECT entity, field, change, records, old, new FROM placed WHERE place <= %(examples)s ORDER BY entity, field, change, place;

-- name: points_field
-- What a person calls a kind of contact point.
CASE kind WHEN 'phone' THEN 'phones' WHEN 'email' THEN 'emails' WHEN 'web' THEN 'webs' ELSE 'messengers' END

-- name: changed_reviews
-- Which questions to people would come up, and which would be gone.
WITH changed AS (
    SELECT 'opened' AS change, r.* FROM sync.match_reviews r
    WHERE r.state = 'open' AND NOT EXISTS (SELECT FROM plan_reviews b WHERE b.id = r.id)
    UNION ALL
    SELECT 'closed', r.* FROM sync.match_reviews r JOIN plan_reviews b ON b.id = r.id WHERE r.state <> 'open'
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY entity, reason, change ORDER BY id) AS place,
           count(*) OVER (PARTITION BY entity, reason, change) AS records
    FROM changed
)
SELECT p.entity, p.reason, p.change, p.records, c.name || ':' || p.external_id AS record, o.name || ':' || p.other_external_id AS other_record,
       p.explanation
FROM placed p
JOIN sync.connections c ON c.id = p.connection_id
JOIN sync.connections o ON o.id = p.other_connection_id
WHERE p.place <= %(examples)s ORDER BY p.entity, p.reason, p.change, p.place;

-- name: changed_conflicts
-- Which conflicts would come up or be decided otherwise, and which would be gone.
WITH changed AS (
    SELECT 'new' AS change, k.* FROM sync.conflicts k
    WHERE k.superseded_at IS NULL AND NOT EXISTS (SELECT FROM plan_conflicts b WHERE b.id = k.id)
    UNION ALL
    SELECT 'gone', k.* FROM sync.conflicts k JOIN plan_conflicts b ON b.id = k.id WHERE k.superseded_at IS NOT NULL
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY entity, field, state, change ORDER BY golden_id) AS place,
           count(*) OVER (PARTITION BY entity, field, state, change) AS records
    FROM changed
)
SELECT entity, field, state, change, records, golden_id::text, rule, chosen, "values"
FROM placed WHERE place <= %(examples)s ORDER BY entity, field, state, change, place;

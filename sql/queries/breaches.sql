-- name: count
-- How many records break a rule, and the ids of the first of them. What waits to be reconciled breaks none yet.
WITH waiting AS MATERIALIZED (
    SELECT entity, golden_id FROM sync.golden_queue
    UNION
    SELECT x.entity, x.golden_id
    FROM sync.reconcile_queue q
    JOIN crm.crosswalk x ON x.entity = q.entity AND x.connection_id = q.connection_id AND x.external_id = q.external_id
), breach AS MATERIALIZED ({rule})
SELECT (SELECT count(*) FROM breach) AS breaches, ARRAY(SELECT record FROM breach ORDER BY record LIMIT %(most)s) AS records;

-- name: settled
-- Whether a golden record g does not wait to be rebuilt.
NOT EXISTS (SELECT FROM waiting w WHERE w.entity = '{entity}' AND w.golden_id = g.id)

-- name: lost_golden_reference
-- Golden records that refer, by a column or a link table, to a golden record that does not exist.
SELECT DISTINCT g.id::text AS record
FROM (SELECT {owner} AS id, {column} AS leads_to FROM crm.{table} WHERE {only}) g
WHERE g.leads_to IS NOT NULL
  AND NOT EXISTS (SELECT FROM crm.{to} t WHERE t.id = g.leads_to)
  AND NOT EXISTS (SELECT FROM waiting w WHERE w.entity = '{to}' AND w.golden_id = g.leads_to)
  AND {settled};

-- name: lost_source_reference
-- Source records that refer to one their connection does not have, though it has others of that entity.
SELECT DISTINCT c.name || ':' || s.{owner} AS record
FROM source.{table} s
JOIN sync.connections c ON c.id = s.connection_id AND c.crm = %(crm)s AND c.status <> 'removed'
WHERE s.{column} <> '' AND {only}
  AND EXISTS (SELECT FROM source.{to} a WHERE a.connection_id = s.connection_id)
  AND NOT EXISTS (SELECT FROM source.{to} t WHERE t.connection_id = s.connection_id AND t.external_id = s.{column});

-- name: lost_crosswalk
-- Rows of the crosswalk that lead to no golden record, or from no source record.
SELECT c.name || ':' || g.external_id AS record
FROM (SELECT golden_id AS id, connection_id, external_id FROM crm.crosswalk WHERE entity = '{entity}') g
JOIN sync.connections c ON c.id = g.connection_id
WHERE (NOT EXISTS (SELECT FROM crm.{entity} r WHERE r.id = g.id)
       OR NOT EXISTS (SELECT FROM source.{entity} s WHERE s.connection_id = g.connection_id AND s.external_id = g.external_id))
  AND {settled};

-- name: other_golden
-- Source records whose golden id is not that of the crosswalk.
SELECT c.name || ':' || s.external_id AS record
FROM source.{entity} s
JOIN sync.connections c ON c.id = s.connection_id
LEFT JOIN crm.crosswalk x ON x.entity = '{entity}' AND x.connection_id = s.connection_id AND x.external_id = s.external_id
WHERE x.golden_id IS DISTINCT FROM s.golden_id AND c.status <> 'removed'
  AND NOT EXISTS (
      SELECT FROM sync.reconcile_queue q
      WHERE q.entity = '{entity}' AND q.connection_id = s.connection_id AND q.external_id = s.external_id
  );

-- name: no_source
-- Golden records that no source record belongs to.
SELECT g.id::text AS record FROM crm.{entity} g
WHERE NOT EXISTS (
    SELECT FROM crm.crosswalk x
    JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    WHERE x.golden_id = g.id AND x.entity = '{entity}'
) AND {settled};

-- name: no_living_source
-- Golden records that live though all of their source records are deleted.
SELECT g.id::text AS record
FROM crm.{entity} g
JOIN crm.crosswalk x ON x.golden_id = g.id AND x.entity = '{entity}'
JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
WHERE g.deleted_at IS NULL AND {settled}
GROUP BY g.id
HAVING bool_and(s.deleted_at IS NOT NULL);

-- name: buried_alive
-- Golden records that are deleted though one of their source records lives.
SELECT DISTINCT g.id::text AS record
FROM crm.{entity} g
JOIN crm.crosswalk x ON x.golden_id = g.id AND x.entity = '{entity}'
JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
WHERE g.deleted_at IS NOT NULL AND s.deleted_at IS NULL AND {settled};

-- name: other_count
-- Golden records that do not count the living source records they have.
SELECT g.id::text AS record
FROM crm.{entity} g
JOIN crm.crosswalk x ON x.golden_id = g.id AND x.entity = '{entity}'
JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id AND s.deleted_at IS NULL
WHERE g.deleted_at IS NULL AND {settled}
GROUP BY g.id
HAVING count(*) <> g.source_count;

-- name: lost_redirect
-- Merged golden ids that do not lead, in one step, to a golden record, or that stand for one themselves.
SELECT g.id::text AS record
FROM (SELECT old_id AS id, new_id FROM crm.golden_redirects WHERE entity = '{entity}') g
WHERE (NOT EXISTS (SELECT FROM crm.{entity} r WHERE r.id = g.new_id)
       OR EXISTS (SELECT FROM crm.golden_redirects f WHERE f.old_id = g.new_id)
       OR EXISTS (SELECT FROM crm.{entity} r WHERE r.id = g.id))
  AND NOT EXISTS (SELECT FROM waiting w WHERE w.entity = '{entity}' AND w.golden_id = g.new_id)
  AND {settled};

-- name: golden_primaries
-- Golden records with two primary contact points of one kind.
SELECT DISTINCT g.id::text AS record
FROM (SELECT golden_id AS id FROM crm.contact_points WHERE entity = '{entity}' AND is_primary GROUP BY golden_id, kind HAVING count(*) > 1) g;

-- name: source_primaries
-- Source records with two primary contact points of one kind.
SELECT DISTINCT c.name || ':' || p.external_id AS record
FROM source.contact_points p
JOIN sync.connections c ON c.id = p.connection_id AND c.crm = %(crm)s AND c.status <> 'removed'
WHERE p.entity = '{entity}' AND p.is_primary
GROUP BY c.name, p.external_id, p.kind
HAVING count(*) > 1;

-- name: golden_category
-- Golden deals that are open, won or lost as no source of their stage is.
SELECT g.id::text AS record
FROM crm.deals g
JOIN crm.crosswalk x ON x.entity = 'stages' AND x.golden_id = g.stage_id
JOIN source.stages t ON t.connection_id = x.connection_id AND t.external_id = x.external_id
WHERE t.category IS NOT NULL AND g.deleted_at IS NULL AND {settled}
GROUP BY g.id
HAVING bool_and(g.stage_category IS DISTINCT FROM t.category);

-- name: source_category
-- Source deals that are open, won or lost as their stage is not.
SELECT c.name || ':' || s.external_id AS record
FROM source.deals s
JOIN sync.connections c ON c.id = s.connection_id AND c.crm = %(crm)s AND c.status <> 'removed'
JOIN source.stages t ON t.connection_id = s.connection_id AND t.external_id = s.stage_external_id
WHERE s.deleted_at IS NULL AND t.category IS NOT NULL AND s.stage_category IS DISTINCT FROM t.category;

-- name: golden_completion
-- Golden tasks that are done without a date, or have the date without being done.
SELECT g.id::text AS record FROM crm.tasks g
WHERE g.deleted_at IS NULL AND g.is_completed <> (g.completed_at IS NOT NULL);

-- name: source_completion
-- Source tasks that are done without a date, or have the date without being done.
SELECT c.name || ':' || s.external_id AS record
FROM source.tasks s
JOIN sync.connections c ON c.id = s.connection_id AND c.crm = %(crm)s AND c.status <> 'removed'
WHERE s.deleted_at IS NULL AND s.is_completed <> (s.completed_at IS NOT NULL);

-- name: golden_future
-- Golden records that were created or changed after tomorrow.
SELECT g.id::text AS record FROM crm.{entity} g
WHERE g.deleted_at IS NULL AND greatest(g.created_at, g.updated_at) > now() + interval '1 day';

-- name: source_future
-- Source records that were created or changed after tomorrow.
SELECT c.name || ':' || s.external_id AS record
FROM source.{entity} s
JOIN sync.connections c ON c.id = s.connection_id AND c.crm = %(crm)s AND c.status <> 'removed'
WHERE s.deleted_at IS NULL AND greatest(s.remote_created_at, s.remote_updated_at) > now() + interval '1 day';

-- name: amounts
-- Value of living source deals beside the golden deals that have it from them; losing sides and open conflicts count nowhere.
SELECT * FROM (
    WITH golden AS (
        SELECT g.id, g.amount, a.told ->> 'connection' AS connection, a.told ->> 'record' AS key,
               a.told IS NOT NULL AND a.told ->> 'connection' IS NULL AS is_open
        FROM crm.deals g
        CROSS JOIN LATERAL (SELECT g.provenance -> 'amount' AS told) a
        WHERE g.deleted_at IS NULL AND {settled}
    ), said AS (
        SELECT DISTINCT ON (COALESCE(x.golden_id::text, s.connection_id || ':' || s.external_id), s.connection_id)
               c.name AS connection, c.name || ':' || s.external_id AS record, x.golden_id, s.amount
        FROM source.deals s
        JOIN sync.connections c ON c.id = s.connection_id
        LEFT JOIN crm.crosswalk x ON x.entity = 'deals' AND x.connection_id = s.connection_id AND x.external_id = s.external_id
        LEFT JOIN golden g ON g.id = x.golden_id
        WHERE s.deleted_at IS NULL
          AND (g.id IS NULL OR (NOT g.is_open AND COALESCE(g.connection, c.name) = c.name))
          AND NOT EXISTS (SELECT FROM waiting w WHERE w.entity = 'deals' AND w.golden_id = x.golden_id)
          AND NOT EXISTS (
              SELECT FROM sync.reconcile_queue q
              WHERE q.entity = 'deals' AND q.connection_id = s.connection_id AND q.external_id = s.external_id
          )
        ORDER BY COALESCE(x.golden_id::text, s.connection_id || ':' || s.external_id), s.connection_id,
                 (g.key = s.external_id) DESC NULLS LAST, (s.amount = g.amount) DESC NULLS LAST
    )
    SELECT COALESCE(s.connection, g.connection) AS connection, COALESCE(g.id::text, s.record) AS record,
           COALESCE(s.amount, 0) AS source, COALESCE(g.amount, 0) AS golden
    FROM said s
    FULL JOIN (SELECT * FROM golden WHERE NOT is_open) g ON g.id = s.golden_id
) m

-- name: other_amount
-- Golden deals that are worth something else than the source they have it from says.
SELECT record FROM ({amounts}) a WHERE a.source <> a.golden;

-- name: sums
-- Value of the deals per connection: of source records, and of the golden records that have it from there.
WITH waiting AS MATERIALIZED (
    SELECT entity, golden_id FROM sync.golden_queue
    UNION
    SELECT x.entity, x.golden_id
    FROM sync.reconcile_queue q
    JOIN crm.crosswalk x ON x.entity = q.entity AND x.connection_id = q.connection_id AND x.external_id = q.external_id
)
SELECT COALESCE(a.connection, 'no connection') AS connection, count(*) AS deals,
    sum(a.source)::float8 AS source, sum(a.golden)::float8 AS golden, sum(a.source - a.golden)::float8 AS difference
FROM ({amounts}) a
GROUP BY 1
ORDER BY 1;

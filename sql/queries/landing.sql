-- name: known
-- What is already landed of these ids, to tell news from what we have.
SELECT external_id, content_hash, remote_updated_at, deleted_at IS NOT NULL AS is_deleted
FROM raw.records
WHERE connection_id = %(connection_id)s AND entity = %(kind)s AND external_id = ANY(%(ids)s);

-- name: make_incoming_records
-- Where changed payloads wait for the upsert; lives as long as the session, emptied by every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_records (LIKE raw.records INCLUDING DEFAULTS, PRIMARY KEY (entity, external_id))
ON COMMIT DELETE ROWS;

-- name: make_incoming
-- Where changed source records wait to be compared; `replaced` names the child tables that come with the record.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_{table}
(LIKE source.{table} INCLUDING DEFAULTS, replaced text[] NOT NULL DEFAULT '{}', PRIMARY KEY (external_id))
ON COMMIT DELETE ROWS;

-- name: make_incoming_child
-- Where the child rows of changed records wait.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_{table} (LIKE source.{table} INCLUDING DEFAULTS, PRIMARY KEY ({key}))
ON COMMIT DELETE ROWS;

-- name: upsert_records
-- Bring changed payloads into raw.records.
INSERT INTO raw.records AS o
    (connection_id, entity, external_id, payload, content_hash, remote_created_at, remote_updated_at, deleted_at)
SELECT connection_id, entity, external_id, payload, content_hash, remote_created_at, remote_updated_at, deleted_at
FROM incoming_records
ON CONFLICT (connection_id, entity, external_id) DO UPDATE SET
    payload = EXCLUDED.payload, content_hash = EXCLUDED.content_hash, remote_created_at = EXCLUDED.remote_created_at,
    remote_updated_at = EXCLUDED.remote_updated_at, fetched_at = EXCLUDED.fetched_at, deleted_at = EXCLUDED.deleted_at;

-- name: log_field_changes
-- Note every column and custom field in which the incoming records differ from the stored ones.
INSERT INTO source.field_changes (connection_id, entity, external_id, field, old_value, new_value, changed_at)
SELECT n.connection_id, '{table}', n.external_id, d.field, NULLIF(d.old_value, 'null'), NULLIF(d.new_value, 'null'), n.remote_updated_at
FROM incoming_{table} n
JOIN source.{table} o ON o.connection_id = n.connection_id AND o.external_id = n.external_id
CROSS JOIN LATERAL (SELECT to_jsonb(o) AS entry OFFSET 0) old
CROSS JOIN LATERAL (
    SELECT e.key AS field, old.entry -> e.key AS old_value, e.value AS new_value
    FROM jsonb_each(
        to_jsonb(n) - ARRAY['golden_id', 'remote_created_at', 'remote_updated_at', 'first_updated_at', 'custom_fields', 'replaced']
    ) e
    WHERE e.value IS DISTINCT FROM old.entry -> e.key
    UNION ALL
    SELECT 'custom_fields.' || COALESCE(a.key, b.key), a.value, b.value
    FROM jsonb_each(o.custom_fields) a
    FULL JOIN jsonb_each(n.custom_fields) b ON b.key = a.key
    WHERE o.custom_fields <> n.custom_fields AND a.value IS DISTINCT FROM b.value
) d
ORDER BY n.external_id, d.field;

-- name: log_child_changes
-- Note every set of child rows (phones, e-mails, links) in which the incoming records differ from the stored ones.
INSERT INTO source.field_changes (connection_id, entity, external_id, field, old_value, new_value, changed_at)
SELECT d.connection_id, '{entity}', d.external_id, d.field, d.old_rows, d.new_rows, d.remote_updated_at
FROM (
    SELECT n.connection_id, n.external_id, n.remote_updated_at, c.field,
           jsonb_agg(c.entry ORDER BY c.entry) FILTER (WHERE NOT c.is_new) AS old_rows,
           jsonb_agg(c.entry ORDER BY c.entry) FILTER (WHERE c.is_new) AS new_rows
    FROM incoming_{entity} n
    JOIN source.{entity} o ON o.connection_id = n.connection_id AND o.external_id = n.external_id
    CROSS JOIN LATERAL (
        SELECT {field} AS field, to_jsonb(x) - {hidden} AS entry, true AS is_new
        FROM incoming_{table} x WHERE x.connection_id = n.connection_id AND x.{parent} = n.external_id {and_entity}
        UNION ALL
        SELECT {field}, to_jsonb(x) - {hidden}, false
        FROM source.{table} x WHERE x.connection_id = n.connection_id AND x.{parent} = n.external_id {and_entity}
    ) c
    WHERE '{table}' = ANY(n.replaced)
    GROUP BY 1, 2, 3, 4
) d
WHERE d.old_rows IS DISTINCT FROM d.new_rows
ORDER BY d.external_id, d.field;

-- name: keep_first
-- What dates fields that never changed: when the first version had last changed, kept from the second version on.
, first_updated_at = COALESCE(o.first_updated_at, o.remote_updated_at)

-- name: upsert
-- Bring changed source records in; rows that would stay the same are not written. Answers which were.
INSERT INTO source.{table} AS o ({columns})
SELECT {columns} FROM incoming_{table}
ON CONFLICT (connection_id, external_id) DO UPDATE SET {assignments}{and_first}
WHERE ({old_values}) IS DISTINCT FROM ({new_values})
RETURNING external_id, xmax = 0 AS is_new;

-- name: remove_children
-- Take away child rows the incoming records no longer have. Answers whose.
DELETE FROM source.{table} o
USING incoming_{entity} n
WHERE o.connection_id = n.connection_id AND o.{parent} = n.external_id {and_entity_of_old} AND '{table}' = ANY(n.replaced)
  AND NOT EXISTS (SELECT FROM incoming_{table} x WHERE {same_key})
RETURNING o.{parent};

-- name: upsert_children
-- Bring the child rows of changed records in; rows that would stay the same are not written. Answers whose.
INSERT INTO source.{table} AS o ({columns})
SELECT {columns} FROM incoming_{table}
ON CONFLICT ({key}) DO {update}
RETURNING o.{parent};

-- name: fill_prices
-- Give deal product rows without a price the product's own, for these deals.
UPDATE {target} d SET price = p.price
FROM source.products p
WHERE d.connection_id = %(connection_id)s AND d.deal_external_id = ANY(%(ids)s) AND d.price IS NULL
  AND p.connection_id = d.connection_id AND p.external_id = d.product_external_id AND p.price IS NOT NULL;

-- name: bury_records
-- Put tombstones on raw records.
UPDATE raw.records SET deleted_at = now()
WHERE connection_id = %(connection_id)s AND entity = %(kind)s AND external_id = ANY(%(ids)s) AND deleted_at IS NULL;

-- name: bury_source
-- Put tombstones on source records and log it. Answers which.
WITH gone AS (
    SELECT * FROM unnest(%(ids)s::text[], %(times)s::timestamptz[]) AS t (external_id, changed_at)
), buried AS (
    UPDATE source.{table} o SET deleted_at = now()
    FROM gone
    WHERE o.connection_id = %(connection_id)s AND o.external_id = gone.external_id AND o.deleted_at IS NULL
    RETURNING o.external_id, o.deleted_at, gone.changed_at
), logged AS (
    INSERT INTO source.field_changes (connection_id, entity, external_id, field, new_value, changed_at)
    SELECT %(connection_id)s, '{table}', external_id, 'deleted_at', to_jsonb(deleted_at), changed_at FROM buried ORDER BY external_id
)
SELECT external_id FROM buried;

-- name: see
-- Remember which ids a complete walk has seen.
INSERT INTO sync.walk_seen (connection_id, stream, kind, external_id)
SELECT %(connection_id)s, %(stream)s, %(kind)s, id FROM unnest(%(ids)s::text[]) AS t (id)
ON CONFLICT DO NOTHING;

-- name: forget_seen
-- Begin a complete walk of this stream afresh.
DELETE FROM sync.walk_seen WHERE connection_id = %(connection_id)s AND stream = %(stream)s;

-- name: count_live
-- How many records of a kind are alive, how many of them the finished walks of these streams saw, and what they saw at all.
WITH seen AS (
    SELECT DISTINCT external_id FROM sync.walk_seen
    WHERE connection_id = %(connection_id)s AND kind = %(kind)s AND stream = ANY(%(streams)s)
)
SELECT count(*) AS live, count(s.external_id) AS seen, (SELECT count(*) FROM seen) AS seen_at_all
FROM raw.records r
LEFT JOIN seen s ON s.external_id = r.external_id
WHERE r.connection_id = %(connection_id)s AND r.entity = %(kind)s AND r.deleted_at IS NULL AND r.fetched_at < %(began_at)s;

-- name: missing
-- Records alive here that the finished walk of these streams has not seen, of those landed before it began.
SELECT r.external_id
FROM raw.records r
WHERE r.connection_id = %(connection_id)s AND r.entity = %(kind)s AND r.deleted_at IS NULL AND r.fetched_at < %(began_at)s
  AND NOT EXISTS (SELECT FROM sync.walk_seen s WHERE s.connection_id = r.connection_id AND s.kind = r.entity
                  AND s.external_id = r.external_id AND s.stream = ANY(%(streams)s));

-- name: raw_batch
-- The next live payloads of a kind in order of their ids, to be normalized again; not of those written to since they were read.
SELECT external_id, payload, remote_created_at, remote_updated_at
FROM raw.records
WHERE connection_id = %(connection_id)s AND entity = %(kind)s AND deleted_at IS NULL AND payload IS NOT NULL
  AND content_hash <> '\x01' AND external_id > %(after)s
ORDER BY external_id
LIMIT %(size)s;

-- name: quarantined_batch
-- The next payloads of a kind that lie in quarantine, to be tried again.
SELECT q.external_id, COALESCE(r.payload, q.payload) AS payload, r.remote_created_at, r.remote_updated_at
FROM sync.quarantine q
LEFT JOIN raw.records r ON r.connection_id = q.connection_id AND r.entity = q.entity AND r.external_id = q.external_id
WHERE q.connection_id = %(connection_id)s AND q.entity = %(kind)s AND q.external_id > %(after)s AND r.deleted_at IS NULL
  AND COALESCE(r.payload, q.payload) IS NOT NULL AND COALESCE(r.payload, q.payload) <> 'null'
ORDER BY q.external_id
LIMIT %(size)s;

-- name: fields
-- The definitions of a connection's custom fields, for normalizing.
SELECT entity, field_key, name, kind, is_multiple, options
FROM source.custom_fields WHERE connection_id = %(connection_id)s AND deleted_at IS NULL ORDER BY entity, field_key;

-- name: stages
-- The category of a connection's stages, for normalizing.
SELECT external_id, category FROM source.stages WHERE connection_id = %(connection_id)s AND category IS NOT NULL ORDER BY external_id;

-- name: plan_for_few
-- Look rows up one by one where few are wanted; never compile. What is laid out is analyzed, so the planner knows how many.
SELECT set_config('jit', 'off', true), set_config('random_page_cost', '1', true), set_config('enable_mergejoin', 'off', true);

-- name: plan_for_many
-- Read whole tables, with room to hash what is joined; never compile. Of what is laid out the planner needs little but the size.
SELECT set_config('jit', 'off', true), set_config('work_mem', '128MB', true), set_config('hash_mem_multiplier', '2', true),
       set_config('default_statistics_target', '10', true);

-- name: analyze
-- Tell the planner how large what was just laid out is.
ANALYZE {table};

-- name: analyze_crosswalk
-- Tell the planner about the crosswalk, as well as autovacuum would: it stays.
SELECT set_config('default_statistics_target', (SELECT reset_val FROM pg_settings WHERE name = 'default_statistics_target'), true);
ANALYZE crm.crosswalk;

-- name: count_queue
-- How many keys of an entity wait, and whether they are a quarter of its records or more.
WITH w AS (SELECT count(*) AS waiting FROM sync.reconcile_queue WHERE entity = '{entity}')
SELECT w.waiting, NOT EXISTS (SELECT FROM source.{entity} OFFSET w.waiting * 4) AS is_large
FROM w;

-- name: make_batch
-- Where the source records of one batch wait; lives as long as the session, emptied by every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS match_batch (connection_id integer, external_id text, PRIMARY KEY (connection_id, external_id))
ON COMMIT DELETE ROWS;

-- name: empty
-- Begin a batch with nothing laid out, also within a transaction that had one already.
DELETE FROM match_batch;
DELETE FROM match_wanted_keys;
DELETE FROM match_seed_keys;
DELETE FROM match_touched;
DELETE FROM match_shared;
DELETE FROM match_keyed;
DELETE FROM match_pairs;
DELETE FROM match_contradictions;
DELETE FROM match_decided;
DELETE FROM match_alone;
DELETE FROM match_links;
DELETE FROM match_labels;
DELETE FROM match_problems;
DELETE FROM match_resolved;
DELETE FROM match_doubts;
DELETE FROM match_placed;
DELETE FROM match_holders;
DELETE FROM match_assigned;
DELETE FROM match_moved;

-- name: take_few
-- Take the next keys of an entity from the queue; answers the last place taken, null when nothing waits.
WITH taken AS (
    DELETE FROM sync.reconcile_queue
    WHERE id = ANY(ARRAY(SELECT id FROM sync.reconcile_queue WHERE entity = '{entity}' AND id > %(after)s
                         ORDER BY id LIMIT %(size)s FOR UPDATE SKIP LOCKED))
    RETURNING id, connection_id, external_id
), kept AS (
    INSERT INTO match_batch SELECT DISTINCT connection_id, external_id FROM taken
)
SELECT max(id) FROM taken;

-- name: take_all
-- Take everything that waits of an entity; answers the last place taken, null when nothing waits.
WITH taken AS (
    DELETE FROM sync.reconcile_queue WHERE entity = '{entity}' RETURNING id, connection_id, external_id
), kept AS (
    INSERT INTO match_batch SELECT DISTINCT connection_id, external_id FROM taken
)
SELECT max(id) FROM taken;

-- name: take_everything
-- Take every source record of an entity, whether it waits or not.
INSERT INTO match_batch SELECT connection_id, external_id FROM source.{entity} ON CONFLICT DO NOTHING;

-- name: count_batch
-- How many source records the batch has.
SELECT count(*) FROM match_batch;

-- name: stand_alone
-- Give records of the batch that nothing is linked with their own golden id in the crosswalk.
INSERT INTO crm.crosswalk (golden_id, entity, connection_id, external_id, rule)
SELECT s.golden_id, '{entity}', s.connection_id, s.external_id, 'identity'
FROM match_batch b
JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
WHERE NOT EXISTS (SELECT FROM crm.crosswalk x WHERE x.entity = '{entity}' AND x.connection_id = b.connection_id AND x.external_id = b.external_id)
ORDER BY s.golden_id
ON CONFLICT DO NOTHING;

-- name: queue_batch
-- Have the golden records of the batch rebuilt.
INSERT INTO sync.golden_queue (entity, golden_id)
SELECT DISTINCT '{entity}', x.golden_id
FROM match_batch b
JOIN crm.crosswalk x ON x.entity = '{entity}' AND x.connection_id = b.connection_id AND x.external_id = b.external_id
WHERE NOT EXISTS (SELECT FROM match_moved m WHERE m.connection_id = b.connection_id AND m.external_id = b.external_id)
ORDER BY x.golden_id
ON CONFLICT DO NOTHING;

-- name: queue_woken
-- Have the golden records rebuilt that refer to records of this batch and could not find them before.
WITH found AS (
    DELETE FROM sync.missing_references m
    USING match_batch b
    WHERE m.connection_id = b.connection_id AND m.missing_entity = '{entity}' AND m.missing_external_id = b.external_id
      AND EXISTS (SELECT FROM crm.crosswalk x WHERE x.entity = '{entity}' AND x.connection_id = b.connection_id
                  AND x.external_id = b.external_id)
    RETURNING m.entity, m.connection_id, m.external_id
)
INSERT INTO sync.golden_queue (entity, golden_id)
SELECT DISTINCT f.entity, x.golden_id
FROM found f
JOIN crm.crosswalk x ON x.entity = f.entity AND x.connection_id = f.connection_id AND x.external_id = f.external_id
ORDER BY 1, 2
ON CONFLICT DO NOTHING;

-- name: key_marker
-- Key: whose record a CRM says it is.
SELECT s.connection_id, s.external_id, 'marker' AS rule, s.originator_id || '|' || s.origin_id AS key
FROM {batch} b JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
WHERE s.originator_id <> '' AND s.origin_id <> '' AND s.deleted_at IS NULL

-- name: key_external_id
-- Key: the custom field a rule names as the identifier of an outside system.
SELECT s.connection_id, s.external_id, 'external_id', trim(v.value)
FROM {batch} b JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
JOIN sync.connections c ON c.id = s.connection_id
JOIN jsonb_each_text(%(external_ids)s::jsonb) f ON f.key = c.name
CROSS JOIN LATERAL (
    SELECT e.value ->> 'value' AS value FROM jsonb_each(s.custom_fields) e WHERE e.key = f.value OR e.value ->> 'name' = f.value LIMIT 1
) v
WHERE trim(v.value) <> '' AND s.deleted_at IS NULL

-- name: key_tax_id
-- Key: the tax id of a company.
SELECT s.connection_id, s.external_id, 'tax_id', s.tax_id
FROM {batch} b JOIN source.companies s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
WHERE s.tax_id <> '' AND s.deleted_at IS NULL AND NOT s.is_own

-- name: key_domain
-- Key: the web domain of a company.
SELECT DISTINCT w.connection_id, w.external_id, 'domain', w.domain
FROM (
    SELECT p.connection_id, p.external_id,
           regexp_replace(lower(p.value), '^(?:[a-z]+://)?(?:www\.)?([^/:?#]+).*$', '\1') AS domain
    FROM {batch} b
    JOIN (
        SELECT connection_id, external_id, website AS value FROM source.companies WHERE website <> '' AND deleted_at IS NULL
        UNION ALL
        SELECT connection_id, external_id, value FROM source.contact_points WHERE entity = 'companies' AND kind = 'web'
    ) p ON p.connection_id = b.connection_id AND p.external_id = b.external_id
) w
WHERE w.domain LIKE '%%.%%' AND w.domain <> ALL(%(web_domains)s::text[])

-- name: key_mapped
-- Key: what a person's mapping table says.
SELECT s.connection_id, s.external_id, 'mapping', m.value
FROM {batch} b JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
JOIN sync.connections c ON c.id = s.connection_id
JOIN jsonb_each_text(%(mapping)s::jsonb) m ON m.key IN (c.name || ':' || s.external_id, c.name || ':' || s.name, c.name || ':' || s.email)
WHERE s.deleted_at IS NULL

-- name: key_email
-- Key: the e-mail of a user.
SELECT s.connection_id, s.external_id, 'email', s.email
FROM {batch} b JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
WHERE s.email <> '' AND s.deleted_at IS NULL

-- name: key_sku
-- Key: the article of a product.
SELECT s.connection_id, s.external_id, 'sku', lower(trim(s.sku))
FROM {batch} b JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
WHERE trim(s.sku) <> '' AND s.deleted_at IS NULL

-- name: key_name
-- Key: the exact name of a product, where a rule says so.
SELECT s.connection_id, s.external_id, 'name', lower(trim(s.name))
FROM {batch} b JOIN source.{entity} s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
WHERE %(product_names)s AND trim(s.name) <> '' AND s.deleted_at IS NULL

-- name: key_pipeline
-- Key: what the mapping table says of a pipeline; else its name.
SELECT s.connection_id, s.external_id, 'mapping', COALESCE(m.value, 'name:' || lower(trim(s.name)))
FROM {batch} b JOIN source.pipelines s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
JOIN sync.connections c ON c.id = s.connection_id
LEFT JOIN LATERAL (
    SELECT value FROM jsonb_each_text(%(mapping)s::jsonb) WHERE key IN (c.name || ':' || s.external_id, c.name || ':' || s.name) LIMIT 1
) m ON true
WHERE trim(s.name) <> '' AND s.deleted_at IS NULL

-- name: key_stage
-- Key: what the mapping table says of a stage; else the pipeline's name and the stage's, or won and lost where there is one of it.
SELECT s.connection_id, s.external_id, 'mapping',
       COALESCE(m.value, 'name:' || lower(trim(p.name)) || '/' || CASE WHEN s.category <> 'open' AND s.alike = 1 THEN s.category ELSE lower(trim(s.name)) END)
FROM {batch} b
JOIN (
    SELECT *, count(*) OVER (PARTITION BY connection_id, pipeline_external_id, category) AS alike FROM source.stages WHERE deleted_at IS NULL
) s ON s.connection_id = b.connection_id AND s.external_id = b.external_id
JOIN source.pipelines p ON p.connection_id = s.connection_id AND p.external_id = s.pipeline_external_id
JOIN sync.connections c ON c.id = s.connection_id
LEFT JOIN LATERAL (
    SELECT value FROM jsonb_each_text(%(mapping)s::jsonb)
    WHERE key IN (c.name || ':' || s.external_id, c.name || ':' || s.name, c.name || ':' || p.name || '/' || s.name) LIMIT 1
) m ON true
WHERE trim(s.name) <> ''

-- name: make_keys
-- Where the keys records have now, and those they had before, are laid out.
CREATE TEMPORARY TABLE IF NOT EXISTS match_wanted_keys (connection_id integer, external_id text, rule text, key text) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_seed_keys (rule text, key text, connection_id integer) ON COMMIT DELETE ROWS;

-- name: want_keys
-- Lay out the keys of the batch.
INSERT INTO match_wanted_keys {sources};

-- name: remember_keys
-- Remember by what the batch can be recognised and could be before: whom it leaves is looked at as well.
INSERT INTO match_seed_keys
SELECT k.rule, k.key, k.connection_id FROM match_wanted_keys k
UNION
SELECT k.rule, k.key, k.connection_id FROM match_batch b
JOIN sync.match_keys k ON k.entity = '{entity}' AND k.connection_id = b.connection_id AND k.external_id = b.external_id
UNION
SELECT p.kind, p.value, p.connection_id FROM match_batch b
JOIN source.contact_points p ON p.entity = '{entity}' AND p.connection_id = b.connection_id AND p.external_id = b.external_id
WHERE p.kind IN ('phone', 'email')
UNION
SELECT CASE f.field WHEN 'phones' THEN 'phone' ELSE 'email' END, v ->> 'value', f.connection_id FROM match_batch b
JOIN source.field_changes f ON f.connection_id = b.connection_id AND f.entity = '{entity}' AND f.external_id = b.external_id
CROSS JOIN LATERAL jsonb_array_elements(f.old_value) v
WHERE f.field IN ('phones', 'emails') AND jsonb_typeof(f.old_value) = 'array';

-- name: drop_keys
-- Take away keys the batch no longer has.
DELETE FROM sync.match_keys k
USING match_batch b
WHERE k.entity = '{entity}' AND k.connection_id = b.connection_id AND k.external_id = b.external_id
  AND NOT EXISTS (SELECT FROM match_wanted_keys w WHERE w.connection_id = k.connection_id AND w.external_id = k.external_id
                  AND w.rule = k.rule AND w.key = k.key);

-- name: put_keys
-- Keep the keys of the batch.
INSERT INTO sync.match_keys (entity, connection_id, external_id, rule, key)
SELECT '{entity}', connection_id, external_id, rule, key FROM match_wanted_keys
ON CONFLICT DO NOTHING;

-- name: marked_golden
-- The golden record that our own marker names, as long as it or what it was merged into lives.
SELECT COALESCE((SELECT r.new_id FROM crm.golden_redirects r WHERE r.old_id = m.id), m.id) AS id
FROM (SELECT substring(k.key FROM '^crm_pipeline\|([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$')::uuid AS id) m

-- name: keys_of_seed
-- Who can be recognised by a key.
SELECT p.connection_id, p.external_id FROM source.contact_points p
JOIN source.{entity} l ON l.connection_id = p.connection_id AND l.external_id = p.external_id AND l.deleted_at IS NULL
WHERE p.entity = '{entity}' AND p.kind = s.rule AND p.value = s.key AND p.kind IN ('phone', 'email')
UNION ALL
SELECT m.connection_id, m.external_id FROM sync.match_keys m WHERE m.entity = '{entity}' AND m.rule = s.rule AND m.key = s.key

-- name: keys_of_touched
-- By what a record can be recognised.
SELECT p.kind AS rule, p.value AS key FROM source.contact_points p
WHERE p.entity = '{entity}' AND p.connection_id = t.connection_id AND p.external_id = t.external_id AND p.kind IN ('phone', 'email')
UNION ALL
SELECT m.rule, m.key FROM sync.match_keys m
WHERE m.entity = '{entity}' AND m.connection_id = t.connection_id AND m.external_id = t.external_id

-- name: usable
-- Whether a key says anything: not a mailbox many share, a made-up address or a number nobody has.
CASE k.rule
    WHEN 'email' THEN split_part(k.key, '@', 1) <> ALL(%(mailboxes)s::text[]) AND k.key <> ALL(%(addresses)s::text[])
    WHEN 'phone' THEN k.key <> ALL(%(phones)s::text[]) AND k.key !~ '(\d)\1{6}'
    ELSE true
END

-- name: make_touched
-- The records whose clusters are decided in this batch, with what their names are compared by.
CREATE TEMPORARY TABLE IF NOT EXISTS match_touched
    (n integer GENERATED ALWAYS AS IDENTITY, connection_id integer, external_id text, step integer, PRIMARY KEY (connection_id, external_id))
ON COMMIT DELETE ROWS;

-- name: touch_all
-- Decide about every record that lives.
INSERT INTO match_touched (connection_id, external_id, step)
SELECT connection_id, external_id, 0 FROM source.{entity} WHERE deleted_at IS NULL ORDER BY connection_id, external_id;

-- name: touch_batch
-- Begin with the batch.
INSERT INTO match_touched (connection_id, external_id, step) SELECT connection_id, external_id, 0 FROM match_batch ORDER BY 1, 2;

-- name: touch_sharers_of_seeds
-- Add who shares a key with the batch, or did, unless too many do without it.
INSERT INTO match_touched (connection_id, external_id, step)
SELECT DISTINCT k.connection_id, k.external_id, 1
FROM (SELECT DISTINCT rule, key FROM match_seed_keys) s
CROSS JOIN LATERAL (
    SELECT coalesce(max(c.sharers), 0) AS most FROM (
        SELECT count(*) AS sharers FROM ({keys_of_seed}) k
        WHERE NOT EXISTS (SELECT FROM match_batch b WHERE b.connection_id = k.connection_id AND b.external_id = k.external_id)
        GROUP BY k.connection_id
    ) c
) sharing
CROSS JOIN LATERAL ({keys_of_seed}) k
WHERE sharing.most <= %(max_sharing)s
ORDER BY 1, 2
ON CONFLICT DO NOTHING;

-- name: touch_sharers
-- Add who shares a usable key with those found last.
INSERT INTO match_touched (connection_id, external_id, step)
SELECT DISTINCT k.connection_id, k.external_id, %(step)s + 1
FROM (
    SELECT DISTINCT o.rule, o.key FROM match_touched t
    CROSS JOIN LATERAL ({keys_of_touched}) o
    WHERE t.step = %(step)s
) s
CROSS JOIN LATERAL (
    SELECT coalesce(max(c.sharers), 0) AS most
    FROM (SELECT count(*) AS sharers FROM ({keys_of_seed}) k GROUP BY k.connection_id) c
) sharing
CROSS JOIN LATERAL ({keys_of_seed}) k
WHERE sharing.most <= %(max_sharing)s
ORDER BY 1, 2
ON CONFLICT DO NOTHING;

-- name: touch_companions
-- Add who is one golden record with those found last, or was decided about together with them by a person.
INSERT INTO match_touched (connection_id, external_id, step)
SELECT x.connection_id, x.external_id, %(step)s + 1
FROM match_touched t
JOIN crm.crosswalk o ON o.entity = '{entity}' AND o.connection_id = t.connection_id AND o.external_id = t.external_id
JOIN crm.crosswalk x ON x.golden_id = o.golden_id
WHERE t.step = %(step)s
UNION
SELECT d.other_connection_id, d.other_external_id, %(step)s + 1
FROM match_touched t
JOIN sync.match_decisions d ON d.entity = '{entity}' AND d.connection_id = t.connection_id AND d.external_id = t.external_id
WHERE t.step = %(step)s AND d.revoked_at IS NULL AND d.verdict = 'together'
UNION
SELECT d.connection_id, d.external_id, %(step)s + 1
FROM match_touched t
JOIN sync.match_decisions d ON d.entity = '{entity}' AND d.other_connection_id = t.connection_id AND d.other_external_id = t.external_id
WHERE t.step = %(step)s AND d.revoked_at IS NULL AND d.verdict = 'together'
UNION
SELECT x.connection_id, x.external_id, %(step)s + 1
FROM match_touched t
JOIN sync.match_keys k ON k.entity = '{entity}' AND k.connection_id = t.connection_id AND k.external_id = t.external_id
CROSS JOIN LATERAL ({marked_golden}) g
JOIN crm.crosswalk x ON x.golden_id = g.id AND x.entity = '{entity}'
WHERE t.step = %(step)s AND k.rule = 'marker'
ORDER BY 1, 2
ON CONFLICT DO NOTHING;

-- name: untouch_dead
-- Deleted records stay where they are: nothing is matched with them.
DELETE FROM match_touched t
USING source.{entity} s
WHERE s.connection_id = t.connection_id AND s.external_id = t.external_id AND s.deleted_at IS NOT NULL;

-- name: untouch_app
-- What the app says of a record goes where the record goes: nothing is matched with it, unless nobody else has the record.
DELETE FROM match_touched t
USING sync.connections c, crm.crosswalk x
WHERE c.id = t.connection_id AND c.crm = 'app'
  AND x.entity = '{entity}' AND x.connection_id = t.connection_id AND x.external_id = t.external_id
  AND EXISTS (SELECT FROM crm.crosswalk o WHERE o.golden_id = x.golden_id AND o.entity = '{entity}' AND o.connection_id <> t.connection_id);

-- name: make_pairs
-- Keys that several of the records share, who shares them, and the pairs that makes; what names say against them.
CREATE TEMPORARY TABLE IF NOT EXISTS match_shared (key_no integer GENERATED ALWAYS AS IDENTITY, rule text, key text) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_keyed (key_no integer, n integer, connection_id integer) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_pairs (a integer, b integer, rank integer, key_no integer) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_contradictions (a integer, b integer, reason text) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_decided (a integer, b integer, verdict text, decided_by text) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_alone (n integer) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_links (a integer, b integer, rank integer) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_labels (n integer, label integer) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_problems (label integer) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_resolved (n integer, label integer, rule text) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_doubts (a integer, b integer, rule text, reason text, explanation text) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_placed
    (n integer, cluster integer, rule text, decided_by text, connection_id integer, external_id text, own_id uuid, old_id uuid,
     old_rule text, old_at timestamptz, created_at timestamptz) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_holders (golden_id uuid, cluster integer, age timestamptz) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_assigned (cluster integer, golden_id uuid) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS match_moved
    (connection_id integer, external_id text, old_id uuid, golden_id uuid) ON COMMIT DELETE ROWS;

-- name: share_keys_of_all
-- Lay out the keys that several records have, of all records.
INSERT INTO match_shared (rule, key)
SELECT k.rule, k.key FROM (
    SELECT p.kind AS rule, p.value AS key FROM source.contact_points p WHERE p.entity = '{entity}' AND p.kind IN ('phone', 'email')
    UNION ALL
    SELECT m.rule, m.key FROM sync.match_keys m WHERE m.entity = '{entity}'
) k
GROUP BY k.rule, k.key
HAVING count(*) > 1 AND {usable};

-- name: share_keys_of_touched
-- Lay out the keys that several records have, of the records touched.
INSERT INTO match_shared (rule, key)
SELECT k.rule, k.key FROM match_touched t CROSS JOIN LATERAL ({keys_of_touched}) k
GROUP BY k.rule, k.key
HAVING count(*) > 1 AND {usable};

-- name: key_all
-- Lay out who shares the keys, of all records.
INSERT INTO match_keyed
SELECT s.key_no, t.n, t.connection_id
FROM (
    SELECT p.kind AS rule, p.value AS key, p.connection_id, p.external_id
    FROM source.contact_points p WHERE p.entity = '{entity}' AND p.kind IN ('phone', 'email')
    UNION ALL
    SELECT m.rule, m.key, m.connection_id, m.external_id FROM sync.match_keys m WHERE m.entity = '{entity}'
) k
JOIN match_shared s ON s.rule = k.rule AND s.key = k.key
JOIN match_touched t ON t.connection_id = k.connection_id AND t.external_id = k.external_id;

-- name: key_touched
-- Lay out who shares the keys, of the records touched; a key others share too is counted with them.
INSERT INTO match_keyed
SELECT s.key_no, COALESCE(t.n, 0), k.connection_id
FROM match_shared s
CROSS JOIN LATERAL ({keys_of_seed}) k
LEFT JOIN match_touched t ON t.connection_id = k.connection_id AND t.external_id = k.external_id;

-- name: drop_crowded
-- A key that too many records of one connection share is no key; what the app says of a record is part of it, not found by keys.
DELETE FROM match_keyed
WHERE key_no IN (SELECT key_no FROM match_keyed GROUP BY key_no, connection_id HAVING count(*) > %(max_sharing)s)
   OR connection_id IN (SELECT id FROM sync.connections WHERE crm = 'app');

-- name: pair
-- Pair the records that share a key.
INSERT INTO match_pairs
SELECT a.n, b.n, r.rank, a.key_no
FROM match_keyed a
JOIN match_keyed b ON b.key_no = a.key_no AND b.n > a.n
JOIN match_shared s ON s.key_no = a.key_no
JOIN unnest(%(rules)s::text[], %(ranks)s::integer[]) r (rule, rank) ON r.rule = s.rule
WHERE a.n > 0;

-- name: pair_marked
-- Pair records that carry our own marker with those of the golden record it names.
INSERT INTO match_pairs
SELECT DISTINCT least(t.n, o.n), greatest(t.n, o.n), %(rank)s, 0
FROM sync.match_keys k
JOIN match_touched t ON t.connection_id = k.connection_id AND t.external_id = k.external_id
CROSS JOIN LATERAL ({marked_golden}) g
JOIN crm.crosswalk x ON x.golden_id = g.id AND x.entity = '{entity}'
JOIN match_touched o ON o.connection_id = x.connection_id AND o.external_id = x.external_id AND o.n <> t.n
WHERE k.entity = '{entity}' AND k.rule = 'marker' AND k.key LIKE 'crm_pipeline|%%';

-- name: pair_kept
-- Pair records linked already of which one may be written to: a key corrected in one CRM must not part it from those to be told.
INSERT INTO match_pairs
SELECT DISTINCT least(t.n, o.n), greatest(t.n, o.n), %(rank)s, 0
FROM match_touched t
JOIN crm.crosswalk x ON x.entity = '{entity}' AND x.connection_id = t.connection_id AND x.external_id = t.external_id
JOIN sync.connections c ON c.id = x.connection_id AND c.crm <> 'app'
JOIN crm.crosswalk y ON y.golden_id = x.golden_id AND y.entity = x.entity AND y.connection_id > x.connection_id
JOIN sync.connections d ON d.id = y.connection_id AND d.crm <> 'app'
JOIN match_touched o ON o.connection_id = y.connection_id AND o.external_id = y.external_id
WHERE 'two_way' IN (c.direction, d.direction) AND EXISTS (SELECT FROM sync.connections WHERE direction = 'two_way');

-- name: decide
-- Lay out what people decided about the records touched.
INSERT INTO match_decided
SELECT least(t.n, o.n), greatest(t.n, o.n), d.verdict, d.decided_by
FROM sync.match_decisions d
JOIN match_touched t ON t.connection_id = d.connection_id AND t.external_id = d.external_id
JOIN match_touched o ON o.connection_id = d.other_connection_id AND o.external_id = d.other_external_id
WHERE d.entity = '{entity}' AND d.revoked_at IS NULL;

-- name: find_alone
-- While no record of the entity has a golden one: those that nothing pairs with another.
INSERT INTO match_alone
SELECT t.n FROM match_touched t
WHERE NOT EXISTS (SELECT FROM crm.crosswalk x WHERE x.entity = '{entity}')
  AND NOT EXISTS (SELECT FROM match_pairs p WHERE p.a = t.n) AND NOT EXISTS (SELECT FROM match_pairs p WHERE p.b = t.n)
  AND NOT EXISTS (SELECT FROM match_decided d WHERE d.a = t.n) AND NOT EXISTS (SELECT FROM match_decided d WHERE d.b = t.n);

-- name: place_alone
-- They get the golden id of their own.
INSERT INTO match_moved
SELECT t.connection_id, t.external_id, NULL, md5(t.connection_id || '/{entity}/' || t.external_id)::uuid
FROM match_alone a JOIN match_touched t ON t.n = a.n;

-- name: cross_alone
-- Write them down: nobody else has moved yet.
INSERT INTO crm.crosswalk (golden_id, entity, connection_id, external_id, rule)
SELECT m.golden_id, '{entity}', m.connection_id, m.external_id, 'identity' FROM match_moved m ORDER BY m.connection_id, m.external_id
ON CONFLICT DO NOTHING;

-- name: compare_contacts
-- Pairs of contacts that no trusted key links and whose names are not plainly the same; birthdays that differ speak against them.
SELECT p.a, p.b, x.name, x.first_name, x.last_name, x.middle_name, y.name, y.first_name, y.last_name, y.middle_name,
       x.birthday <> y.birthday AS born_apart
FROM (SELECT a, b FROM match_pairs GROUP BY a, b HAVING min(rank) > %(trusted)s) p
JOIN match_touched t ON t.n = p.a
JOIN match_touched u ON u.n = p.b
JOIN source.contacts x ON x.connection_id = t.connection_id AND x.external_id = t.external_id
JOIN source.contacts y ON y.connection_id = u.connection_id AND y.external_id = u.external_id
WHERE x.birthday <> y.birthday
   OR (x.name, x.first_name, x.last_name, x.middle_name) IS DISTINCT FROM (y.name, y.first_name, y.last_name, y.middle_name);

-- name: compare_companies
-- Pairs of companies whose names are not plainly the same, for the rules of names.
SELECT p.a, p.b, x.name, y.name
FROM (SELECT a, b FROM match_pairs GROUP BY a, b HAVING min(rank) > %(trusted)s) p
JOIN match_touched t ON t.n = p.a
JOIN match_touched u ON u.n = p.b
JOIN source.companies x ON x.connection_id = t.connection_id AND x.external_id = t.external_id
JOIN source.companies y ON y.connection_id = u.connection_id AND y.external_id = u.external_id
WHERE x.name IS DISTINCT FROM y.name;

-- name: link
-- Lay out the links that nothing speaks against, and those people made.
INSERT INTO match_links
SELECT p.a, p.b, p.rank FROM match_pairs p
WHERE NOT EXISTS (SELECT FROM match_contradictions c WHERE c.a = p.a AND c.b = p.b)
  AND NOT EXISTS (SELECT FROM match_decided d WHERE d.a = p.a AND d.b = p.b AND d.verdict = 'apart')
UNION ALL
SELECT a, b, 0 FROM match_decided WHERE verdict = 'together';

-- name: label
-- Give linked records the smallest number among their neighbours and themselves.
INSERT INTO match_labels
SELECT n, min(label) FROM (
    SELECT a AS n, a AS label FROM match_links UNION ALL SELECT b, a FROM match_links
) l
GROUP BY n;

-- name: relabel
-- Hand the smallest label on to neighbours; answers how many got a smaller one.
WITH smaller AS (
    SELECT CASE WHEN x.label > y.label THEN l.a ELSE l.b END AS n, min(least(x.label, y.label)) AS label
    FROM match_links l JOIN match_labels x ON x.n = l.a JOIN match_labels y ON y.n = l.b
    WHERE x.label <> y.label
    GROUP BY 1
), handed AS (
    UPDATE match_labels l SET label = s.label FROM smaller s WHERE s.n = l.n RETURNING 1
)
SELECT count(*) FROM handed;

-- name: find_problems
-- Find the groups in which two records are of one connection, or something speaks against a pair.
INSERT INTO match_problems
SELECT l.label FROM match_labels l JOIN match_touched t ON t.n = l.n
WHERE t.connection_id NOT IN (SELECT id FROM sync.connections WHERE crm = 'app')
GROUP BY l.label, t.connection_id HAVING count(*) > 1
UNION
SELECT x.label FROM match_contradictions c JOIN match_labels x ON x.n = c.a JOIN match_labels y ON y.n = c.b WHERE x.label = y.label
UNION
SELECT x.label FROM match_decided d JOIN match_labels x ON x.n = d.a JOIN match_labels y ON y.n = d.b
WHERE x.label = y.label AND d.verdict = 'apart';

-- name: problem_records
-- The records of those groups, group by group. Rows of the app may be together: each counts as a connection of its own.
SELECT l.label, l.n, CASE WHEN t.connection_id IN (SELECT id FROM sync.connections WHERE crm = 'app') THEN -l.n ELSE t.connection_id END
FROM match_problems p JOIN match_labels l ON l.label = p.label JOIN match_touched t ON t.n = l.n
ORDER BY l.label, l.n;

-- name: problem_edges
-- The pairs of those groups with what speaks against them, group by group.
SELECT x.label, e.a, e.b, s.rule, COALESCE(s.key, ''), c.reason
FROM match_problems p
JOIN match_labels x ON x.label = p.label
JOIN match_pairs e ON e.a = x.n
JOIN match_labels y ON y.n = e.b AND y.label = x.label
LEFT JOIN match_shared s ON s.key_no = e.key_no
LEFT JOIN match_contradictions c ON c.a = e.a AND c.b = e.b
ORDER BY x.label, e.a, e.b, e.rank, s.key;

-- name: problem_decisions
-- What people decided about pairs of those groups, group by group.
SELECT x.label, d.a, d.b, d.verdict
FROM match_problems p
JOIN match_labels x ON x.label = p.label
JOIN match_decided d ON d.a = x.n
JOIN match_labels y ON y.n = d.b AND y.label = x.label
ORDER BY x.label, d.a, d.b;

-- name: forget_problems
-- Make room for what was resolved.
DELETE FROM match_labels WHERE label IN (SELECT label FROM match_problems);

-- name: doubt
-- Pairs that share a key but not a group, because something speaks against them, are for a person to decide.
INSERT INTO match_doubts
SELECT DISTINCT ON (p.a, p.b) p.a, p.b, s.rule, 'contradiction', %(phrases)s::jsonb ->> s.rule || ' ' || s.key || ', ' || c.reason
FROM match_contradictions c
JOIN match_pairs p ON p.a = c.a AND p.b = c.b
JOIN match_shared s ON s.key_no = p.key_no
LEFT JOIN match_labels x ON x.n = p.a
LEFT JOIN match_labels y ON y.n = p.b
WHERE x.label IS DISTINCT FROM y.label OR x.label IS NULL
ORDER BY p.a, p.b, p.rank, s.key;

-- name: place
-- Lay out where every record belongs now and where it belonged before; a record in no group is a group of its own.
INSERT INTO match_placed
SELECT t.n, COALESCE(r.label, l.label, t.n), COALESCE(r.rule, k.rule, CASE WHEN k.n IS NOT NULL THEN COALESCE(NULLIF(x.rule, 'identity'), 'kept') END, 'identity'),
       d.decided_by, t.connection_id, t.external_id,
       md5(t.connection_id || '/{entity}/' || t.external_id)::uuid, x.golden_id, x.rule, x.decided_at, s.remote_created_at
FROM match_touched t
JOIN source.{entity} s ON s.connection_id = t.connection_id AND s.external_id = t.external_id
LEFT JOIN match_labels l ON l.n = t.n
LEFT JOIN match_resolved r ON r.n = t.n
LEFT JOIN (
    SELECT e.n, (%(rules)s::text[])[min(e.rank) FILTER (WHERE e.rank <> %(kept)s) + 1] AS rule FROM (
        SELECT a AS n, rank FROM match_links UNION ALL SELECT b, rank FROM match_links
    ) e
    GROUP BY e.n
) k ON k.n = t.n
LEFT JOIN (
    SELECT e.n, min(e.decided_by) AS decided_by FROM (
        SELECT a AS n, decided_by FROM match_decided WHERE verdict = 'together' UNION ALL
        SELECT b, decided_by FROM match_decided WHERE verdict = 'together'
    ) e
    GROUP BY e.n
) d ON d.n = t.n
LEFT JOIN crm.crosswalk x ON x.entity = '{entity}' AND x.connection_id = t.connection_id AND x.external_id = t.external_id
WHERE NOT EXISTS (SELECT FROM match_alone a WHERE a.n = t.n);

-- name: hold
-- Decide which group keeps a golden id: the larger part; after a person parted them or took a merge back, the one that had it first.
INSERT INTO match_holders
SELECT DISTINCT ON (h.old_id) h.old_id, h.cluster, min(h.age) OVER (PARTITION BY h.old_id)
FROM (
    SELECT p.old_id, p.cluster, count(*) AS members, bool_or(p.own_id = p.old_id) AS has_first, min(p.old_at) AS age,
           min((p.connection_id, p.external_id)::text) AS first_member
    FROM match_placed p WHERE p.old_id IS NOT NULL
    GROUP BY p.old_id, p.cluster
) h
LEFT JOIN (
    SELECT p.old_id FROM match_decided d
    JOIN match_placed p ON p.n = d.a JOIN match_placed q ON q.n = d.b AND q.old_id = p.old_id
    WHERE d.verdict = 'apart'
    UNION
    SELECT p.old_id FROM sync.match_decisions d
    JOIN match_placed p ON p.connection_id = d.connection_id AND p.external_id = d.external_id
    JOIN match_placed q ON q.connection_id = d.other_connection_id AND q.external_id = d.other_external_id AND q.old_id = p.old_id
    WHERE d.entity = '{entity}' AND d.verdict = 'together' AND d.revoked_at IS NOT NULL
) parted ON parted.old_id = h.old_id
ORDER BY h.old_id, (parted.old_id IS NOT NULL AND h.has_first) DESC, h.members DESC, h.has_first DESC, h.first_member;

-- name: assign_held
-- A group that holds golden ids goes on under the oldest of them.
INSERT INTO match_assigned
SELECT DISTINCT ON (cluster) cluster, golden_id FROM match_holders ORDER BY cluster, age, golden_id;

-- name: assign_new
-- A group that holds none gets the id one of its records had for itself: one that redirects first, else the oldest record's.
INSERT INTO match_assigned
SELECT DISTINCT ON (p.cluster) p.cluster,
       CASE WHEN h.golden_id IS NULL THEN p.own_id ELSE md5(p.own_id || '/' || p.connection_id || '/' || p.external_id)::uuid END
FROM match_placed p
LEFT JOIN match_holders h ON h.golden_id = p.own_id
LEFT JOIN crm.golden_redirects r ON r.old_id = p.own_id
WHERE NOT EXISTS (SELECT FROM match_assigned a WHERE a.cluster = p.cluster)
ORDER BY p.cluster, h.golden_id IS NOT NULL, r.old_id IS NULL, p.created_at NULLS LAST, p.connection_id, p.external_id;

-- name: find_moved
-- Note whose golden record becomes another.
INSERT INTO match_moved
SELECT p.connection_id, p.external_id, p.old_id, a.golden_id
FROM match_placed p JOIN match_assigned a ON a.cluster = p.cluster
WHERE p.old_id IS DISTINCT FROM a.golden_id;

-- name: find_moved_dead
-- Deleted records go where the golden record they belonged to is merged into.
INSERT INTO match_moved
SELECT x.connection_id, x.external_id, x.golden_id, a.golden_id
FROM match_holders h
JOIN match_assigned a ON a.cluster = h.cluster AND a.golden_id <> h.golden_id
JOIN crm.crosswalk x ON x.golden_id = h.golden_id
WHERE NOT EXISTS (SELECT FROM match_touched t WHERE t.connection_id = x.connection_id AND t.external_id = x.external_id);

-- name: redirect
-- Have merged golden ids redirect to what they were merged into.
INSERT INTO crm.golden_redirects AS r (old_id, entity, new_id)
SELECT h.golden_id, '{entity}', a.golden_id
FROM match_holders h JOIN match_assigned a ON a.cluster = h.cluster AND a.golden_id <> h.golden_id
ORDER BY h.golden_id
ON CONFLICT (old_id) DO UPDATE SET new_id = EXCLUDED.new_id, since = EXCLUDED.since;

-- name: redirect_further
-- Have ids that redirected to a merged one redirect to where it went.
UPDATE crm.golden_redirects r SET new_id = a.golden_id
FROM match_holders h JOIN match_assigned a ON a.cluster = h.cluster AND a.golden_id <> h.golden_id
WHERE r.new_id = h.golden_id;

-- name: redirect_back
-- An id that stands for a record again redirects no more.
DELETE FROM crm.golden_redirects r USING match_moved m WHERE r.old_id = m.golden_id AND r.entity = '{entity}';

-- name: cross
-- Write down which golden record the records belong to now, and why; one that stays where it is has not joined anew.
INSERT INTO crm.crosswalk AS x (golden_id, entity, connection_id, external_id, rule, decided_by)
SELECT w.golden_id, '{entity}', w.connection_id, w.external_id, w.rule, w.decided_by
FROM (
    SELECT a.golden_id, p.connection_id, p.external_id, p.old_id, p.old_rule,
           CASE WHEN p.own_id = a.golden_id AND p.rule <> 'person' THEN 'identity' ELSE p.rule END AS rule,
           CASE WHEN p.rule = 'person' THEN COALESCE(p.decided_by, 'pipeline') ELSE 'pipeline' END AS decided_by
    FROM match_placed p JOIN match_assigned a ON a.cluster = p.cluster
) w
WHERE w.old_id IS DISTINCT FROM w.golden_id OR w.old_rule IS DISTINCT FROM w.rule
ORDER BY w.connection_id, w.external_id
ON CONFLICT (entity, connection_id, external_id) DO UPDATE SET
    golden_id = EXCLUDED.golden_id, rule = EXCLUDED.rule, decided_by = EXCLUDED.decided_by,
    decided_at = CASE WHEN x.golden_id = EXCLUDED.golden_id AND (x.rule = EXCLUDED.rule OR x.decided_by = EXCLUDED.decided_by)
                      THEN x.decided_at ELSE EXCLUDED.decided_at END;

-- name: cross_dead
-- Take deleted records along.
UPDATE crm.crosswalk x SET golden_id = m.golden_id
FROM match_moved m
WHERE x.entity = '{entity}' AND x.connection_id = m.connection_id AND x.external_id = m.external_id AND x.golden_id <> m.golden_id;

-- name: tell_source
-- Have source records say which golden record they belong to.
UPDATE source.{entity} s SET golden_id = m.golden_id
FROM match_moved m
WHERE s.connection_id = m.connection_id AND s.external_id = m.external_id AND s.golden_id <> m.golden_id;

-- name: queue_moved
-- Have the golden records rebuilt that records left or came to.
INSERT INTO sync.golden_queue (entity, golden_id)
SELECT DISTINCT '{entity}', g.id FROM match_moved m CROSS JOIN LATERAL (VALUES (m.old_id), (m.golden_id)) g (id)
WHERE g.id IS NOT NULL ORDER BY g.id
ON CONFLICT DO NOTHING;

-- name: queue_dependents
-- Have the golden records rebuilt that refer to a record which moved.
INSERT INTO sync.golden_queue (entity, golden_id)
SELECT DISTINCT '{dependent}', x.golden_id
FROM match_moved m
JOIN source.{table} d ON d.connection_id = m.connection_id AND d.{column} = m.external_id {and_entity}
JOIN crm.crosswalk x ON x.entity = '{dependent}' AND x.connection_id = d.connection_id AND x.external_id = d.{owner}
WHERE m.old_id IS NOT NULL
ORDER BY x.golden_id
ON CONFLICT DO NOTHING;

-- name: count_matched
-- What matching did: records that came, joined a golden record, left one for one of their own; golden ids that were merged.
SELECT count(*) FILTER (WHERE m.old_id IS NULL) AS came,
       count(*) FILTER (WHERE m.golden_id <> md5(m.connection_id || '/{entity}/' || m.external_id)::uuid) AS joined,
       count(*) FILTER (WHERE m.old_id IS NOT NULL AND m.golden_id = md5(m.connection_id || '/{entity}/' || m.external_id)::uuid) AS parted,
       (SELECT count(*) FROM match_holders h JOIN match_assigned a ON a.cluster = h.cluster AND a.golden_id <> h.golden_id) AS merged
FROM match_moved m;

-- name: close_reviews
-- Questions about the records touched that do not come up again are obsolete, and so are those answered since.
UPDATE sync.match_reviews r SET state = 'obsolete', decided_at = now()
FROM match_touched t
WHERE r.entity = '{entity}' AND r.state = 'open' AND r.reason <> 'resemblance'
  AND r.connection_id = t.connection_id AND r.external_id = t.external_id
  AND NOT EXISTS (
      SELECT FROM match_doubts d JOIN match_touched a ON a.n = d.a JOIN match_touched b ON b.n = d.b
      WHERE (a.connection_id, a.external_id) IN ((r.connection_id, r.external_id), (r.other_connection_id, r.other_external_id))
        AND (b.connection_id, b.external_id) IN ((r.connection_id, r.external_id), (r.other_connection_id, r.other_external_id))
  );

-- name: ask
-- Ask people about pairs no rule would decide about; what they decided already is not asked again.
INSERT INTO sync.match_reviews AS r
    (entity, connection_id, external_id, other_connection_id, other_external_id, rule, reason, explanation)
SELECT '{entity}', x.connection_id, x.external_id, y.connection_id, y.external_id, d.rule, d.reason, d.explanation
FROM (SELECT DISTINCT ON (a, b) * FROM match_doubts ORDER BY a, b, rule) d
JOIN match_touched a ON a.n = d.a
JOIN match_touched b ON b.n = d.b
CROSS JOIN LATERAL (
    SELECT * FROM (VALUES (a.connection_id, a.external_id), (b.connection_id, b.external_id)) v (connection_id, external_id) ORDER BY 1, 2 LIMIT 1
) x
CROSS JOIN LATERAL (
    SELECT * FROM (VALUES (a.connection_id, a.external_id), (b.connection_id, b.external_id)) v (connection_id, external_id)
    ORDER BY 1 DESC, 2 DESC LIMIT 1
) y
WHERE NOT EXISTS (SELECT FROM match_decided p WHERE p.a = d.a AND p.b = d.b)
ORDER BY 2, 3, 4, 5
ON CONFLICT (entity, connection_id, external_id, other_connection_id, other_external_id) DO UPDATE SET
    rule = EXCLUDED.rule, reason = EXCLUDED.reason, explanation = EXCLUDED.explanation, state = 'open', decided_at = NULL
WHERE r.state = 'obsolete' OR (r.state = 'open' AND (r.reason, r.explanation) <> (EXCLUDED.reason, EXCLUDED.explanation))
RETURNING r.id;

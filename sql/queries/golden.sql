-- name: make_batch
-- Where the golden records of one batch, their sources and what is in dispute about them wait; emptied by every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS golden_batch (golden_id uuid PRIMARY KEY, is_plain boolean) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS golden_sources (connection_id integer PRIMARY KEY, name text, place integer, ignored integer) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS golden_mixed (golden_id uuid PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS golden_disputes (golden_id uuid PRIMARY KEY, disputed integer) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS golden_verdicts (golden_id uuid PRIMARY KEY, disputed integer, provenance jsonb, kept jsonb) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS golden_winners (golden_id uuid, connection_id integer, external_id text, wins integer) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS golden_bases (golden_id uuid, field text, value jsonb, said jsonb) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS golden_conflicts
    (golden_id uuid, field text, base_value jsonb, "values" jsonb, rule text, chosen text, state text, decided_by text) ON COMMIT DELETE ROWS;

-- name: empty
-- Begin a batch with nothing laid out, also within a transaction that had one already.
DELETE FROM golden_batch;
DELETE FROM golden_sources;
DELETE FROM golden_mixed;
DELETE FROM golden_disputes;
DELETE FROM golden_verdicts;
DELETE FROM golden_winners;
DELETE FROM golden_bases;
DELETE FROM golden_conflicts;

-- name: take_batch
-- Take the next golden records that are to be rebuilt; answers how many.
WITH taken AS (
    DELETE FROM sync.golden_queue
    WHERE entity = '{entity}' AND golden_id = ANY(ARRAY(
        SELECT golden_id FROM sync.golden_queue WHERE entity = '{entity}' ORDER BY golden_id LIMIT %(size)s FOR UPDATE SKIP LOCKED))
    RETURNING golden_id
), kept AS (
    INSERT INTO golden_batch SELECT t.golden_id, NOT EXISTS (SELECT FROM crm.{entity} g WHERE g.id = t.golden_id) FROM taken t RETURNING 1
)
SELECT count(*) FROM kept;

-- name: count_queue
-- How many golden records wait to be rebuilt (stops counting at as many as matter).
SELECT count(*) FROM (SELECT FROM sync.golden_queue WHERE entity = '{entity}' LIMIT %(limit)s) w;

-- name: queue_all
-- Have every golden record of an entity rebuilt, and those that should not be there.
INSERT INTO sync.golden_queue (entity, golden_id)
SELECT '{entity}', golden_id FROM crm.crosswalk WHERE entity = '{entity}'
UNION
SELECT '{entity}', id FROM crm.{entity}
ORDER BY 2
ON CONFLICT DO NOTHING;

-- name: remove_orphan_links
-- Take away crosswalk rows no source record stands behind, when rebuilding.
DELETE FROM crm.crosswalk x
WHERE x.entity = '{entity}'
  AND NOT EXISTS (SELECT FROM source.{entity} s WHERE s.connection_id = x.connection_id AND s.external_id = x.external_id);

-- name: order_sources
-- Lay out the connections in the order in which ties end, and which groups of fields ignore them.
INSERT INTO golden_sources
SELECT c.id, c.name, row_number() OVER (ORDER BY array_position(%(order)s::text[], c.name) NULLS LAST, c.name),
       COALESCE((%(ignored)s::jsonb ->> c.name)::integer, 0)
FROM sync.connections c;

-- name: make_sides
-- Where what each source record says of a golden one is laid out.
CREATE TEMPORARY TABLE IF NOT EXISTS sides_{entity} ON COMMIT DELETE ROWS AS
SELECT s.golden_id, s.connection_id, s.external_id, ''::text AS connection, 0 AS place, 0 AS ignored, now() AS joined_at, 0 AS changed,
       NULL::jsonb AS times, ''::text AS origin, {golden_columns_typed}, {references_typed} s.custom_fields, s.remote_created_at,
       s.remote_updated_at, s.deleted_at, s.first_updated_at
FROM source.{entity} s, crm.{entity} g LIMIT 0;

-- name: empty_sides
-- Begin a batch with no sides.
DELETE FROM sides_{entity};

-- name: lay_out
-- Lay out what each source record says of the batch's golden records, with golden references.
INSERT INTO sides_{entity}
SELECT x.golden_id, x.connection_id, x.external_id, c.name, c.place, c.ignored, x.decided_at, 0,
       NULL, '"connection": ' || to_json(c.name)::text || COALESCE(', "since": ' || to_json(COALESCE(s.first_updated_at, s.remote_updated_at))::text, ''),
       {values}, {references} s.custom_fields, s.remote_created_at, s.remote_updated_at, s.deleted_at,
       COALESCE(s.first_updated_at, s.remote_updated_at)
FROM golden_batch b
JOIN crm.crosswalk x ON x.golden_id = b.golden_id AND x.entity = '{entity}'
JOIN source.{entity} s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
JOIN golden_sources c ON c.connection_id = x.connection_id
{joins}
ORDER BY x.golden_id, c.place, x.external_id;

-- name: join_reference
-- One reference of a golden record, found by its crosswalk.
LEFT JOIN crm.crosswalk {alias} ON {alias}.entity = {to} AND {alias}.connection_id = {side}.connection_id AND {alias}.external_id = {side}.{column}

-- name: follow_dead
-- What the app says of a record of the CRMs ends with it.
UPDATE sides_{entity} a SET deleted_at = d.deleted_at
FROM (
    SELECT golden_id, max(deleted_at) AS deleted_at FROM sides_{entity}
    WHERE connection <> 'app' GROUP BY golden_id HAVING bool_and(deleted_at IS NOT NULL)
) d
WHERE a.connection = 'app' AND a.golden_id = d.golden_id AND a.deleted_at IS NULL;

-- name: bury_app
-- What the app says of a record goes with it: it does not keep alive what every CRM has deleted.
UPDATE sides_{entity} a SET deleted_at = d.deleted_at
FROM (
    SELECT golden_id, max(deleted_at) AS deleted_at FROM sides_{entity} WHERE connection <> 'app'
    GROUP BY golden_id HAVING bool_and(deleted_at IS NOT NULL)
) d
WHERE a.golden_id = d.golden_id AND a.connection = 'app';

-- name: drop_dead
-- Deleted source records say nothing as long as another of the same golden record lives.
DELETE FROM sides_{entity} d
USING (SELECT golden_id FROM sides_{entity} GROUP BY golden_id HAVING bool_or(deleted_at IS NULL) AND bool_or(deleted_at IS NOT NULL)) m
WHERE d.golden_id = m.golden_id AND d.deleted_at IS NOT NULL;

-- name: date_fields
-- Note when fields changed since we first saw them; what we wrote is as old as the value it repeats, so undated where that is.
UPDATE sides_{entity} s SET times = t.times, changed = t.changed
FROM (
    SELECT connection_id, external_id, jsonb_object_agg(group_no, at) AS times, bit_or(1 << group_no) AS changed
    FROM (
        SELECT f.connection_id, f.external_id, m.group_no, max(COALESCE(f.changed_at, CASE WHEN NOT f.is_own_write THEN f.seen_at END)) AS at
        FROM sides_{entity} d
        JOIN source.field_changes f ON f.connection_id = d.connection_id AND f.entity = '{entity}' AND f.external_id = d.external_id
        JOIN unnest(%(fields)s::text[], %(groups)s::integer[]) m (field, group_no) ON m.field = f.field
        GROUP BY 1, 2, 3
    ) l
    GROUP BY 1, 2
) t
WHERE t.connection_id = s.connection_id AND t.external_id = s.external_id;

-- name: find_mixed
-- Find the golden records with several sides that are no pairs, or one that does not count for some field.
INSERT INTO golden_mixed
SELECT s.golden_id FROM sides_{entity} s
WHERE NOT EXISTS (SELECT FROM golden_pairs p WHERE p.golden_id = s.golden_id)
GROUP BY s.golden_id HAVING count(*) > 1 OR bool_or(s.ignored <> 0);

-- name: find_plain
-- Leave as plain those that are new and have one side, or are pairs: nothing of theirs needs comparing.
UPDATE golden_batch b SET is_plain = false FROM golden_mixed m WHERE m.golden_id = b.golden_id AND b.is_plain;

-- name: find_disputes
-- Find the groups of fields in which sides that say something differ; one that does not count is for the rules too.
INSERT INTO golden_disputes
SELECT * FROM (
    SELECT s.golden_id, {disputed} AS disputed
    FROM (SELECT s.golden_id, s.ignored, {said} FROM sides_{entity} s JOIN golden_mixed m ON m.golden_id = s.golden_id) s
    GROUP BY s.golden_id
) d
WHERE d.disputed <> 0;

-- name: disputes
-- What the sides say of disputed groups, what stands, what they last agreed on and what a person chose.
SELECT s.golden_id::text, d.disputed, max(s.joined_at) FILTER (WHERE s.connection <> 'app') > g.reconciled_at AS has_joined,
       (SELECT json_object_agg(b.field, json_build_array(b.value, b.said))::text FROM sync.bases b
        WHERE b.entity = '{entity}' AND b.golden_id = s.golden_id
          AND b.agreed_at >= COALESCE(max(s.joined_at) FILTER (WHERE s.connection <> 'app'), '-infinity')) AS bases,
       (SELECT json_object_agg(c.field, json_build_array(c.values, c.chosen, c.decided_by, c.rule, c.state))::text FROM sync.conflicts c
        WHERE c.entity = '{entity}' AND c.golden_id = s.golden_id AND c.superseded_at IS NULL) AS conflicts,
       {standing}, {sides}
FROM golden_disputes d
JOIN sides_{entity} s ON s.golden_id = d.golden_id
LEFT JOIN crm.{entity} g ON g.id = s.golden_id
GROUP BY s.golden_id, d.disputed, g.id
ORDER BY s.golden_id;

-- name: drop_bases
-- Forget what was agreed on where the sides agree again, or a newcomer makes it void.
DELETE FROM sync.bases b USING golden_batch t
WHERE b.entity = '{entity}' AND b.golden_id = t.golden_id
  AND NOT EXISTS (SELECT FROM golden_bases k WHERE k.golden_id = b.golden_id AND k.field = b.field AND k.value = b.value);

-- name: keep_bases
-- Remember what was agreed on where the sides differ now, and who still says what they said then.
INSERT INTO sync.bases AS b (entity, golden_id, field, value, said, agreed_at)
SELECT '{entity}', golden_id, field, value, said, now() FROM golden_bases ORDER BY golden_id, field
ON CONFLICT (entity, golden_id, field) DO UPDATE SET said = EXCLUDED.said WHERE b.said <> EXCLUDED.said;

-- name: supersede_conflicts
-- Conflicts whose values changed again, or that are none any more, do not stand any more.
UPDATE sync.conflicts c SET superseded_at = now()
FROM golden_batch t
WHERE c.entity = '{entity}' AND c.golden_id = t.golden_id AND c.superseded_at IS NULL
  AND NOT EXISTS (
      SELECT FROM golden_conflicts n WHERE n.golden_id = c.golden_id AND n.field = c.field AND n.values = c.values
          AND (n.rule, n.chosen, n.state) IS NOT DISTINCT FROM (c.rule, c.chosen, c.state)
  );

-- name: put_conflicts
-- Write down the conflicts of the batch; those that stand already stay.
INSERT INTO sync.conflicts (entity, golden_id, field, base_value, "values", rule, chosen, state, decided_by, decided_at)
SELECT '{entity}', golden_id, field, base_value, "values", rule, chosen, state, decided_by, CASE WHEN state <> 'open' THEN now() END
FROM golden_conflicts ORDER BY golden_id, field
ON CONFLICT DO NOTHING
RETURNING field;

-- name: count_dying
-- How many golden records of the batch lose their last living source.
SELECT count(*) FROM golden_batch b
JOIN crm.{entity} g ON g.id = b.golden_id AND g.deleted_at IS NULL
WHERE NOT EXISTS (SELECT FROM sides_{entity} s WHERE s.golden_id = b.golden_id AND s.deleted_at IS NULL);

-- name: remove_empty
-- Take away golden records no source record belongs to any more, as merged or parted, and leave tombstones.
WITH gone AS (
    DELETE FROM crm.{entity} g USING golden_batch b
    WHERE g.id = b.golden_id AND NOT EXISTS (SELECT FROM sides_{entity} s WHERE s.golden_id = b.golden_id)
    RETURNING g.id
)
INSERT INTO crm.tombstones (entity, id, new_id)
SELECT '{entity}', gone.id, r.new_id FROM gone LEFT JOIN crm.golden_redirects r ON r.old_id = gone.id
ON CONFLICT (entity, id) DO UPDATE SET changed_xid = pg_current_xact_id(), gone_at = now(), new_id = EXCLUDED.new_id;

-- name: live_again
-- A golden id that stands for a record has no tombstone.
DELETE FROM crm.tombstones t USING golden_batch b
WHERE t.entity = '{entity}' AND t.id = b.golden_id AND EXISTS (SELECT FROM sides_{entity} s WHERE s.golden_id = b.golden_id);

-- name: touch
-- Records whose links changed are new versions, unless this transaction made them so already.
UPDATE crm.{entity} g SET changed_xid = pg_current_xact_id(), reconciled_at = now()
WHERE g.id = ANY(%(ids)s::uuid[]) AND g.changed_xid <> pg_current_xact_id();

-- name: upsert_single
-- Bring golden records with one side in; rows that would stay the same are not written.
INSERT INTO crm.{entity} AS g
    (id, {columns}, provenance, source_count, custom_fields, created_at, updated_at, deleted_at)
SELECT s.golden_id, {single_values},
       CASE WHEN s.changed = 0 THEN ('{' || concat_ws(', ', {single_account}) || '}')::jsonb
            ELSE jsonb_strip_nulls(jsonb_build_object({single_provenance})) END,
       1, CASE WHEN s.custom_fields = '{}' THEN s.custom_fields ELSE jsonb_build_object(s.connection, s.custom_fields) END,
       s.remote_created_at, s.remote_updated_at, s.deleted_at
FROM sides_{entity} s
CROSS JOIN LATERAL (SELECT '{' || s.origin || ', "rule": "only"}' AS told OFFSET 0) w
WHERE NOT EXISTS (SELECT FROM golden_mixed m WHERE m.golden_id = s.golden_id)
  AND NOT EXISTS (SELECT FROM golden_pairs p WHERE p.golden_id = s.golden_id)
ORDER BY s.golden_id
ON CONFLICT (id) DO UPDATE SET {assignments}, reconciled_at = now(), changed_xid = pg_current_xact_id()
WHERE ({old_values}) IS DISTINCT FROM ({new_values})
RETURNING g.xmax = 0;

-- name: single_account
-- Where a column comes from that the only side fills.
CASE WHEN s.{column} IS NOT NULL THEN '"{column}": ' || w.told END

-- name: upsert_mixed
-- Bring golden records with several sides in, each group of fields from the side that won; unchanged rows are not written.
INSERT INTO crm.{entity} AS g
    (id, {columns}, provenance, source_count, custom_fields, created_at, updated_at, deleted_at)
SELECT s.golden_id, {mixed_values},
       jsonb_strip_nulls(jsonb_build_object({mixed_provenance})) || COALESCE(v.provenance, '{}'),
       count(*), COALESCE(jsonb_object_agg(s.connection, s.custom_fields) FILTER (WHERE s.custom_fields <> '{}'), '{}'),
       min(s.remote_created_at), max(s.remote_updated_at), CASE WHEN bool_and(s.deleted_at IS NOT NULL) THEN max(s.deleted_at) END
FROM (
    SELECT s.*, COALESCE(w.wins, 0) AS wins, ('{' || s.origin || '}')::jsonb AS told
    FROM sides_{entity} s
    JOIN golden_mixed m ON m.golden_id = s.golden_id
    LEFT JOIN golden_winners w ON w.golden_id = s.golden_id AND w.connection_id = s.connection_id AND w.external_id = s.external_id
    ORDER BY s.golden_id, s.place, s.external_id
) s
LEFT JOIN golden_verdicts v ON v.golden_id = s.golden_id
GROUP BY s.golden_id, v.golden_id
ORDER BY s.golden_id
ON CONFLICT (id) DO UPDATE SET {assignments}, reconciled_at = now(), changed_xid = pg_current_xact_id()
WHERE ({old_values}) IS DISTINCT FROM ({new_values})
RETURNING g.xmax = 0;

-- name: note_missing
-- Remember which source records of the batch refer to records not known yet.
INSERT INTO sync.missing_references (connection_id, missing_entity, missing_external_id, entity, external_id)
SELECT DISTINCT s.connection_id, v.missing_entity, v.missing_external_id, '{entity}', s.external_id
FROM sides_{entity} s
CROSS JOIN LATERAL (VALUES {missing}) v (missing_entity, missing_external_id, found)
WHERE v.missing_external_id IS NOT NULL AND v.missing_entity IS NOT NULL AND v.found IS NULL
ORDER BY 1, 2, 3, 5
ON CONFLICT DO NOTHING;

-- name: note_missing_links
-- Remember which link rows of the batch lead to records not known yet.
INSERT INTO sync.missing_references (connection_id, missing_entity, missing_external_id, entity, external_id)
SELECT DISTINCT l.connection_id, '{to}', l.{to_column}, '{entity}', o.external_id
FROM sides_{entity} o
JOIN source.{table} l ON l.connection_id = o.connection_id AND l.{parent} = o.external_id
LEFT JOIN crm.crosswalk r ON r.entity = '{to}' AND r.connection_id = l.connection_id AND r.external_id = l.{to_column}
WHERE l.{to_column} IS NOT NULL AND r.golden_id IS NULL
ORDER BY 1, 2, 3, 5
ON CONFLICT DO NOTHING;

-- name: make_wanted
-- Where the golden link rows of one batch are laid out before they are compared.
CREATE TEMPORARY TABLE IF NOT EXISTS wanted_{table} (LIKE crm.{table} INCLUDING DEFAULTS, PRIMARY KEY ({key})) ON COMMIT DELETE ROWS;

-- name: empty_wanted
-- Begin a batch with no link rows.
DELETE FROM wanted_{table};

-- name: put_plain_links
-- Bring in the link rows of plain golden records; of two rows that become one, the first in source order stays.
INSERT INTO crm.{table} ({columns})
SELECT {selected}
FROM golden_batch b
JOIN sides_{entity} o ON o.golden_id = b.golden_id
JOIN source.{table} l ON l.connection_id = o.connection_id AND l.{parent} = o.external_id {and_entity}
{join}
WHERE b.is_plain {and_no_pair}
ORDER BY o.golden_id, o.place, {first}
ON CONFLICT DO NOTHING;

-- name: and_no_pair
-- Points of pairs are brought in with one of each kind as the primary one.
AND NOT EXISTS (SELECT FROM golden_pairs p WHERE p.golden_id = b.golden_id)

-- name: want_links
-- Lay out what the golden link rows of the others should be; of two rows that become one, the first in source order stays.
INSERT INTO wanted_{table} ({columns})
SELECT DISTINCT ON ({key}) {selected}
FROM golden_batch b
JOIN sides_{entity} o ON o.golden_id = b.golden_id AND NOT b.is_plain
JOIN source.{table} l ON l.connection_id = o.connection_id AND l.{parent} = o.external_id {and_entity}
{join}
{of_one_side}
ORDER BY {key}, o.place, o.external_id, {first};

-- name: of_one_side
-- Rows that cannot be mixed come from the first side that has any; the app's show until a CRM has some.
WHERE NOT EXISTS (
    SELECT FROM sides_{entity} e JOIN source.{table} f ON f.connection_id = e.connection_id AND f.{parent} = e.external_id
    WHERE e.golden_id = o.golden_id AND (e.connection = 'app', e.place, e.external_id) < (o.connection = 'app', o.place, o.external_id)
)

-- name: drop_removed_points
-- Of kinds that are united, drop what was taken off one side since it joined, unless it was entered, or joined with a record, later.
DELETE FROM wanted_contact_points w
USING (
    SELECT DISTINCT ON (f.golden_id, p.kind, p.value) f.golden_id, p.kind, p.value, p.was_removed, f.seen_at
    FROM (
        SELECT o.golden_id, o.joined_at, COALESCE(c.changed_at, c.seen_at) AS at, c.id, c.seen_at,
               CASE jsonb_typeof(c.old_value) WHEN 'array' THEN c.old_value ELSE '[]' END AS old_points,
               CASE jsonb_typeof(c.new_value) WHEN 'array' THEN c.new_value ELSE '[]' END AS new_points
        FROM golden_mixed m
        JOIN sides_{entity} o ON o.golden_id = m.golden_id
        JOIN source.field_changes c ON c.connection_id = o.connection_id AND c.entity = '{entity}' AND c.external_id = o.external_id
            AND c.field = ANY(ARRAY['phones', 'emails', 'contact_points']) AND NOT c.is_own_write
    ) f
    CROSS JOIN LATERAL (
        SELECT COALESCE(a.kind, b.kind) AS kind, COALESCE(a.value, b.value) AS value, b.value IS NULL AS was_removed
        FROM jsonb_to_recordset(f.old_points) a (kind text, value text)
        FULL JOIN jsonb_to_recordset(f.new_points) b (kind text, value text) ON b.kind = a.kind AND b.value = a.value
        WHERE a.value IS NULL OR (b.value IS NULL AND f.seen_at >= f.joined_at)
    ) p
    WHERE p.kind = ANY(%(kinds)s::text[])
    ORDER BY f.golden_id, p.kind, p.value, f.at DESC, f.id DESC
) l
WHERE l.was_removed AND w.entity = '{entity}' AND w.golden_id = l.golden_id AND w.kind = l.kind AND w.value = l.value
  AND NOT EXISTS (
      SELECT FROM sides_{entity} n
      JOIN source.contact_points q ON q.entity = '{entity}' AND q.connection_id = n.connection_id AND q.external_id = n.external_id
      WHERE n.golden_id = w.golden_id AND n.joined_at > l.seen_at AND n.connection <> 'app'
        AND q.kind = w.kind AND q.value = w.value
        AND NOT EXISTS (
            SELECT FROM sync.outgoing_changes o
            WHERE o.entity = '{entity}' AND o.golden_id = n.golden_id AND o.connection_id = n.connection_id AND o.operation = 'create'
              AND o.external_id = n.external_id)
  );

-- name: keep_preferred_points
-- Of kinds that follow one source, keep only the points of the first side that has any.
DELETE FROM wanted_contact_points w
USING golden_mixed m
WHERE w.entity = '{entity}' AND w.golden_id = m.golden_id AND w.kind = ANY(%(kinds)s::text[])
  AND NOT EXISTS (
      SELECT FROM source.contact_points l
      WHERE l.entity = '{entity}' AND l.kind = w.kind AND l.value = w.value
        AND (l.connection_id, l.external_id) = (
            SELECT o.connection_id, o.external_id FROM sides_{entity} o
            JOIN source.contact_points p ON p.entity = '{entity}' AND p.connection_id = o.connection_id
                AND p.external_id = o.external_id AND p.kind = w.kind
            WHERE o.golden_id = w.golden_id
            ORDER BY array_position(ARRAY(SELECT jsonb_array_elements_text(%(orders)s::jsonb -> w.kind)), o.connection) NULLS LAST,
                     o.place, o.external_id LIMIT 1
        )
  );

-- name: choose_primary
-- Have one primary point of each kind where several sides had one.
UPDATE wanted_contact_points w SET is_primary = w.value = f.value
FROM (
    SELECT DISTINCT ON (k.golden_id, k.kind) k.golden_id, k.kind, k.value
    FROM golden_mixed m
    JOIN sides_{entity} o ON o.golden_id = m.golden_id
    JOIN source.contact_points l ON l.entity = '{entity}' AND l.connection_id = o.connection_id AND l.external_id = o.external_id
    JOIN wanted_contact_points k ON k.entity = '{entity}' AND k.golden_id = o.golden_id AND k.kind = l.kind AND k.value = l.value
    WHERE l.is_primary
    ORDER BY k.golden_id, k.kind, o.place, o.external_id, l.position
) f
WHERE w.entity = '{entity}' AND w.golden_id = f.golden_id AND w.kind = f.kind AND w.is_primary <> (w.value = f.value);

-- name: remove_links
-- Take away golden link rows of a batch that should not be there any more.
DELETE FROM crm.{table} t
USING golden_batch b
WHERE t.{owner} = b.golden_id AND NOT b.is_plain {and_entity_of_old}
  AND NOT EXISTS (SELECT FROM wanted_{table} w WHERE {same_key})
RETURNING t.{owner}::text;

-- name: upsert_links
-- Bring the golden link rows of a batch in; rows that would stay the same are not written.
INSERT INTO crm.{table} AS t ({columns})
SELECT {columns} FROM wanted_{table}
ON CONFLICT ({key}) DO UPDATE SET {assignments}
WHERE ROW({old_values}) IS DISTINCT FROM ROW({new_values})
RETURNING t.{owner}::text;

-- name: want_stage_history
-- Lay out the stage history of a batch's deals: the CRM's own where it has one, else the changes observed between syncs.
WITH owners AS (
    SELECT o.golden_id, d.connection_id, d.external_id, d.stage_external_id, COALESCE(d.remote_created_at, d.remote_updated_at) AS born_at,
           EXISTS (SELECT FROM source.stage_changes h WHERE h.connection_id = d.connection_id AND h.deal_external_id = d.external_id
                   AND h.deleted_at IS NULL) AS has_own
    FROM sides_deals o
    JOIN source.deals d ON d.connection_id = o.connection_id AND d.external_id = o.external_id
), events AS (
    SELECT o.golden_id AS deal_id, h.changed_at, h.connection_id, h.pipeline_external_id, h.stage_external_id,
           h.from_stage_external_id, 'crm' AS origin, h.connection_id || ':' || h.external_id AS event_key, h.author_external_id
    FROM owners o
    JOIN source.stage_changes h ON h.connection_id = o.connection_id AND h.deal_external_id = o.external_id
    WHERE h.deleted_at IS NULL
    UNION ALL
    SELECT o.golden_id, o.born_at, o.connection_id, NULL, COALESCE(m.stage, o.stage_external_id), NULL, 'observed',
           o.connection_id || ':observed:0', NULL
    FROM owners o
    LEFT JOIN LATERAL (
        SELECT f.old_value #>> '{}' AS stage FROM source.field_changes f
        WHERE f.connection_id = o.connection_id AND f.entity = 'deals' AND f.external_id = o.external_id AND f.field = 'stage_external_id'
        ORDER BY f.id LIMIT 1
    ) m ON true
    WHERE NOT o.has_own AND o.born_at IS NOT NULL AND COALESCE(m.stage, o.stage_external_id) IS NOT NULL
    UNION ALL
    SELECT o.golden_id, COALESCE(m.changed_at, m.seen_at), o.connection_id, NULL, m.new_value #>> '{}', m.old_value #>> '{}', 'observed',
           o.connection_id || ':observed:' || m.turn, NULL
    FROM owners o
    JOIN LATERAL (
        SELECT f.*, row_number() OVER (ORDER BY f.id) AS turn FROM source.field_changes f
        WHERE f.connection_id = o.connection_id AND f.entity = 'deals' AND f.external_id = o.external_id AND f.field = 'stage_external_id'
    ) m ON true
    WHERE NOT o.has_own
)
INSERT INTO wanted_deal_stage_history
    (deal_id, changed_at, pipeline_id, stage_id, from_stage_id, category, origin, event_key, author_id)
SELECT x.deal_id, x.changed_at, p.golden_id, s.golden_id, f.golden_id, t.category, x.origin, x.event_key, a.golden_id
FROM events x
LEFT JOIN source.stages t ON t.connection_id = x.connection_id AND t.external_id = x.stage_external_id
LEFT JOIN crm.crosswalk s ON s.entity = 'stages' AND s.connection_id = x.connection_id AND s.external_id = x.stage_external_id
LEFT JOIN crm.crosswalk f ON f.entity = 'stages' AND f.connection_id = x.connection_id AND f.external_id = x.from_stage_external_id
LEFT JOIN crm.crosswalk p ON p.entity = 'pipelines' AND p.connection_id = x.connection_id
    AND p.external_id = COALESCE(x.pipeline_external_id, t.pipeline_external_id)
LEFT JOIN crm.crosswalk a ON a.entity = 'users' AND a.connection_id = x.connection_id AND a.external_id = x.author_external_id;

-- name: make
-- Which golden records of the batch are new and have two sides whose differences one statement settles: the places of both.
CREATE TEMPORARY TABLE IF NOT EXISTS golden_pairs (golden_id uuid PRIMARY KEY, place integer, other_place integer) ON COMMIT DELETE ROWS;

-- name: empty
-- Begin a batch with no pairs.
DELETE FROM golden_pairs;

-- name: find
-- Find the new golden records with one side in each of two connections that count for everything, of which nothing was agreed or decided.
INSERT INTO golden_pairs
SELECT s.golden_id, min(s.place), max(s.place)
FROM sides_{entity} s
JOIN golden_batch b ON b.golden_id = s.golden_id AND b.is_plain
WHERE NOT EXISTS (SELECT FROM sync.bases k WHERE k.entity = '{entity}' AND k.golden_id = s.golden_id)
  AND NOT EXISTS (SELECT FROM sync.conflicts c WHERE c.entity = '{entity}' AND c.golden_id = s.golden_id AND c.superseded_at IS NULL)
GROUP BY s.golden_id
HAVING count(*) = 2 AND min(s.place) < max(s.place) AND bool_and(s.ignored = 0);

-- name: drop_changed
-- What has changed since we know it is weighed by when it did: not here.
DELETE FROM golden_pairs p
USING sides_{entity} s, source.field_changes f
WHERE s.golden_id = p.golden_id AND f.connection_id = s.connection_id AND f.entity = '{entity}' AND f.external_id = s.external_id;

-- name: are_there
-- Whether the batch has pairs.
SELECT EXISTS (SELECT FROM golden_pairs);

-- name: upsert
-- Bring golden records with two sides in, each group of fields from the side that wins by the rules; unchanged rows are not written.
INSERT INTO crm.{entity} AS g
    (id, {columns}, provenance, source_count, custom_fields, created_at, updated_at, deleted_at)
SELECT p.golden_id, {values},
       ('{' || concat_ws(', ', {agreed}, {disputed}) || '}')::jsonb,
       2,
       CASE WHEN a.custom_fields = '{}' THEN a.custom_fields ELSE jsonb_build_object(a.connection, a.custom_fields) END
           || CASE WHEN b.custom_fields = '{}' THEN b.custom_fields ELSE jsonb_build_object(b.connection, b.custom_fields) END,
       LEAST(a.remote_created_at, b.remote_created_at), GREATEST(a.remote_updated_at, b.remote_updated_at),
       CASE WHEN a.deleted_at IS NOT NULL AND b.deleted_at IS NOT NULL THEN GREATEST(a.deleted_at, b.deleted_at) END
FROM golden_pairs p
JOIN sides_{entity} a ON a.golden_id = p.golden_id AND a.place = p.place
JOIN sides_{entity} b ON b.golden_id = p.golden_id AND b.place = p.other_place
CROSS JOIN LATERAL (
    SELECT {winners}, to_json(a.connection)::text AS name_a, to_json(b.connection)::text AS name_b, {iso_a} AS iso_a, {iso_b} AS iso_b,
           '{' || a.origin || ', "rule": "only"}' AS only_a, '{' || b.origin || ', "rule": "only"}' AS only_b,
           '{' || CASE WHEN b.first_updated_at < a.first_updated_at OR (b.first_updated_at IS NULL AND a.first_updated_at IS NOT NULL)
                       THEN b.origin ELSE a.origin END || ', "rule": "agreed"}' AS agreed
    OFFSET 0
) w
ORDER BY p.golden_id
ON CONFLICT (id) DO UPDATE SET {assignments}, reconciled_at = now(), changed_xid = pg_current_xact_id()
WHERE ({old_values}) IS DISTINCT FROM ({new_values})
RETURNING g.xmax = 0;

-- name: winner
-- Who wins a group: 0 nobody, as the sides do not differ; 1 the first; 2 the other; 3 both.
CASE WHEN {differ} THEN {wins} ELSE 0 END AS w{number}

-- name: wins_latest
-- The side that changed last wins; where the clocks are too near, the first.
CASE WHEN {later} THEN 2 ELSE 1 END

-- name: wins_most_complete
-- The side with most parts filled wins, then the one with most whole words in them, then the later.
CASE WHEN {filled_b} > {filled_a} THEN 2 WHEN {filled_b} < {filled_a} THEN 1
     WHEN {words_b} > {words_a} THEN 2 WHEN {words_b} < {words_a} THEN 1 WHEN {later} THEN 2 ELSE 1 END

-- name: later
-- Whether the other side changed later, beyond what clocks may be apart.
b.first_updated_at IS NOT NULL AND (a.first_updated_at IS NULL OR a.first_updated_at < b.first_updated_at - %(skew_{number})s)

-- name: words
-- How many whole words parts have: initials, which end with a dot, are none.
(SELECT cardinality(array_remove(string_to_array(t.words, ' '), '')) - (length(t.words) - length(replace(t.words, '. ', ' ')))
 FROM (SELECT translate(concat_ws(' ', {parts}), %(blanks)s, %(spaces)s) || ' ' AS words) t)

-- name: united
-- The words of both sides, each once, as they list them.
CASE WHEN {differ} THEN ARRAY(
    SELECT u.word FROM unnest(a.{column} || b.{column}) WITH ORDINALITY u (word, place) GROUP BY u.word ORDER BY min(u.place)
) END AS united

-- name: value
-- A column's value: the winner's, what both say where they are united, else what either says.
CASE w.w{number} WHEN 1 THEN a.{column} WHEN 2 THEN b.{column} WHEN 3 THEN {united} ELSE {either} END

-- name: either
-- What sides say that do not differ.
COALESCE(a.{column}, b.{column})

-- name: either_words
-- What sides say that do not differ, of a column of words: an empty list says nothing.
COALESCE(NULLIF(a.{column}, '{}'), b.{column})

-- name: agreed
-- Where a column comes from that sides do not differ in.
CASE WHEN w.w{number} = 0 THEN '"{column}": ' || CASE WHEN {said_a} AND {said_b} THEN w.agreed WHEN {said_a} THEN w.only_a WHEN {said_b} THEN w.only_b END END

-- name: disputed
-- Where a column comes from that is of a group sides differ in, and what the other side says; nothing of one nobody fills.
CASE WHEN w.w{number} <> 0 AND (a.{column} IS NOT NULL OR b.{column} IS NOT NULL) THEN
    '"{column}": {"rule": "{rule}", "connection": ' || CASE w.w{number} WHEN 2 THEN w.name_b ELSE w.name_a END
    || ', "since": ' || CASE w.w{number} WHEN 2 THEN w.iso_b ELSE w.iso_a END || ', "others": {'
    || CASE WHEN a.{column} IS NOT DISTINCT FROM b.{column} THEN ''
            WHEN w.w{number} = 2 THEN w.name_a || ': ' || {told_a} ELSE w.name_b || ': ' || {told_b} END || '}}'
END

-- name: disputed_words
-- Where words of both sides come from, and what those say that do not say them all.
CASE WHEN w.w{number} <> 0 THEN
    '"{column}": {"rule": "{rule}", "connection": ' || w.name_a
    || ', "since": ' || CASE WHEN b.first_updated_at > a.first_updated_at OR a.first_updated_at IS NULL THEN w.iso_b ELSE w.iso_a END || ', "others": {'
    || concat_ws(', ', CASE WHEN a.{column} <> w.united THEN w.name_a || ': ' || {told_a} END, CASE WHEN b.{column} <> w.united THEN w.name_b || ': ' || {told_b} END)
    || '}}'
END

-- name: told
-- What a side says of a column, as JSON.
COALESCE(to_json({value})::text, 'null')

-- name: iso
-- Since when a side says something, as Python writes times: a fraction of a second with all six digits.
CASE WHEN {side}.first_updated_at IS NULL THEN 'null'
     WHEN {side}.first_updated_at = date_trunc('second', {side}.first_updated_at) THEN to_json({side}.first_updated_at)::text
     ELSE to_char({side}.first_updated_at, '"\""YYYY-MM-DD"T"HH24:MI:SS.US"+00:00\""') END

-- name: put_points
-- Bring in the phones and e-mails of pairs; of two that are one the first side's stays, and of each kind one is primary.
INSERT INTO crm.contact_points (entity, golden_id, kind, value, label, is_primary, "position")
SELECT '{entity}', golden_id, kind, value, label, CASE WHEN chosen IS NULL THEN is_primary ELSE value = chosen END, "position"
FROM (
    SELECT o.golden_id, o.place, l.kind, l.value, l.label, l.is_primary, l."position",
           first_value(CASE WHEN l.is_primary THEN l.value END)
               OVER (PARTITION BY o.golden_id, l.kind ORDER BY l.is_primary DESC, o.place, l."position") AS chosen
    FROM golden_pairs p
    JOIN sides_{entity} o ON o.golden_id = p.golden_id
    JOIN source.contact_points l ON l.entity = '{entity}' AND l.connection_id = o.connection_id AND l.external_id = o.external_id
) l
ORDER BY golden_id, place, "position"
ON CONFLICT DO NOTHING;

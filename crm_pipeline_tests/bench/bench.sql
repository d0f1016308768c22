-- name: drop_database
DROP DATABASE IF EXISTS {name} WITH (FORCE)
-- name: create_database
CREATE DATABASE {name} TEMPLATE {template}
-- name: make_landed
CREATE UNLOGGED TABLE IF NOT EXISTS landed (kind text NOT NULL, payload jsonb NOT NULL)
-- name: copy_landed
COPY landed (kind, payload) FROM STDIN
-- name: filled_tables
SELECT schemaname || '.' || relname FROM pg_stat_user_tables
WHERE schemaname IN ('raw', 'source') AND relname <> 'field_changes' ORDER BY 1
-- name: key_columns
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = %s::regclass AND i.indisprimary
-- name: columns
SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
-- name: count
SELECT count(*) FROM {table}
-- name: copy_out
COPY (SELECT {columns} FROM {table}) TO STDOUT
-- name: empty
TRUNCATE {table}
-- name: make_incoming
CREATE TEMPORARY TABLE {incoming} (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DROP
-- name: copy_in
COPY {incoming} ({columns}) FROM STDIN
-- name: merge
INSERT INTO {table} ({columns}) SELECT {columns} FROM {incoming} ON CONFLICT ({key}) DO UPDATE SET {changes}
-- name: mend_amochka
CREATE UNIQUE INDEX ON amocrm_leads_attributes (account_id, leads_id, attribute_id);
CREATE UNIQUE INDEX ON amocrm_leads_tags (account_id, leads_id, tag_id)

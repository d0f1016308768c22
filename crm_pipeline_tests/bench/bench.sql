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

-- name: make_labelled
CREATE UNLOGGED TABLE labelled (
    n integer PRIMARY KEY, connection integer NOT NULL, external_id text NOT NULL, truth integer NOT NULL,
    name text, first_name text, last_name text, middle_name text, company text, "position" text, birthday date,
    given_read text, surname_read text, middle_read text, company_read text
);
CREATE UNLOGGED TABLE labelled_points (n integer, kind text, value text, original text, place integer, usable boolean);
CREATE UNLOGGED TABLE labelled_keys (n integer, kind text, key text);
CREATE UNLOGGED TABLE labelled_found (n integer, cluster text);
CREATE UNLOGGED TABLE labelled_suggested (a text, b text)
-- name: copy_labelled
COPY labelled FROM STDIN (FORMAT csv)
-- name: copy_points
COPY labelled_points FROM STDIN (FORMAT csv)
-- name: copy_found
COPY labelled_found FROM STDIN (FORMAT csv)
-- name: keep_usable_keys
CREATE INDEX ON labelled_points (n);
ANALYZE labelled, labelled_points;
INSERT INTO labelled_keys
SELECT p.n, p.kind, p.value FROM labelled_points p
WHERE p.usable AND NOT EXISTS (
    SELECT FROM (
        SELECT o.kind, o.value FROM labelled_points o JOIN labelled l USING (n)
        GROUP BY o.kind, o.value, l.connection HAVING count(*) > %(max_sharing)s
    ) many WHERE many.kind = p.kind AND many.value = p.value
);
CREATE INDEX ON labelled_keys (n, kind, key);
ANALYZE labelled_keys
-- name: open_accounts
INSERT INTO sync.connections (crm, name, base_url)
SELECT CASE c.connection % 2 WHEN 0 THEN 'amocrm' ELSE 'bitrix24' END, 'crm-' || c.connection, 'https://crm-' || c.connection || '.example'
FROM (SELECT DISTINCT connection FROM labelled) c ORDER BY c.connection;
CREATE TEMPORARY VIEW listed AS
SELECT l.*, c.id AS connection_id, md5(l.company) AS company_external_id,
       timestamptz '2026-01-01' + l.n * interval '1 second' AS created_at, timestamptz '2026-02-01' + l.n * interval '1 second' AS updated_at
FROM labelled l JOIN sync.connections c ON c.name = 'crm-' || l.connection
-- name: land_companies
INSERT INTO source.companies (connection_id, external_id, golden_id, name, remote_created_at, remote_updated_at, first_updated_at)
SELECT connection_id, company_external_id, md5(connection_id || '/companies/' || company_external_id)::uuid,
       min(company), min(created_at), min(updated_at), min(updated_at)
FROM listed WHERE company IS NOT NULL GROUP BY connection_id, company_external_id
-- name: land_contacts
INSERT INTO source.contacts
    (connection_id, external_id, golden_id, name, first_name, last_name, middle_name, company_external_id, "position", birthday,
     remote_created_at, remote_updated_at, first_updated_at)
SELECT connection_id, external_id, md5(connection_id || '/contacts/' || external_id)::uuid, name, first_name, last_name, middle_name,
       company_external_id, "position", birthday, created_at, updated_at, updated_at
FROM listed;
INSERT INTO source.contact_companies (connection_id, contact_external_id, company_external_id, is_primary)
SELECT connection_id, external_id, company_external_id, true FROM listed WHERE company IS NOT NULL
-- name: land_points
INSERT INTO source.contact_points (connection_id, entity, external_id, kind, value, original, is_primary, "position")
SELECT l.connection_id, 'contacts', l.external_id, p.kind, p.value, p.original, p.place = 0, p.place
FROM labelled_points p JOIN listed l USING (n)
-- name: queue_landed
INSERT INTO sync.reconcile_queue (entity, connection_id, external_id) SELECT 'companies', connection_id, external_id FROM source.companies;
INSERT INTO sync.reconcile_queue (entity, connection_id, external_id) SELECT 'contacts', connection_id, external_id FROM source.contacts
-- name: analyze_landed
ANALYZE source.companies, source.contacts, source.contact_points, source.contact_companies, sync.reconcile_queue, sync.connections
-- name: pick_changed
CREATE TEMPORARY TABLE picked AS
SELECT connection_id, external_id FROM source.contacts ORDER BY md5(connection_id || external_id) LIMIT %(count)s
-- name: change_picked
INSERT INTO source.field_changes (connection_id, entity, external_id, field, old_value, new_value, changed_at)
SELECT connection_id, 'contacts', external_id, 'position', to_jsonb("position"), to_jsonb('Head of purchasing'::text),
       remote_updated_at + interval '90 days'
FROM picked JOIN source.contacts USING (connection_id, external_id);
UPDATE source.contacts s SET "position" = 'Head of purchasing', remote_updated_at = remote_updated_at + interval '90 days'
FROM picked p WHERE p.connection_id = s.connection_id AND p.external_id = s.external_id
-- name: queue_picked
INSERT INTO sync.reconcile_queue (entity, connection_id, external_id) SELECT 'contacts', connection_id, external_id FROM picked
-- name: find_ours
INSERT INTO labelled_found
SELECT l.n, x.golden_id::text
FROM labelled l JOIN sync.connections c ON c.name = 'crm-' || l.connection
JOIN crm.crosswalk x ON x.entity = 'contacts' AND x.connection_id = c.id AND x.external_id = l.external_id
-- name: find_suggested
INSERT INTO labelled_suggested
SELECT DISTINCT least(a.golden_id, b.golden_id)::text, greatest(a.golden_id, b.golden_id)::text
FROM sync.match_reviews r
JOIN crm.crosswalk a ON a.entity = r.entity AND a.connection_id = r.connection_id AND a.external_id = r.external_id
JOIN crm.crosswalk b ON b.entity = r.entity AND b.connection_id = r.other_connection_id AND b.external_id = r.other_external_id
WHERE r.entity = 'contacts' AND r.reason = 'resemblance' AND r.state = 'open' AND a.golden_id <> b.golden_id
-- name: prepare_judging
CREATE TEMPORARY TABLE clusters AS
SELECT f.cluster, l.truth, l.truth / %(room)s AS family, count(*) AS records
FROM labelled l JOIN labelled_found f USING (n) GROUP BY f.cluster, l.truth;
CREATE INDEX ON clusters (cluster);
ANALYZE labelled_found;
CREATE TEMPORARY TABLE same_person AS
SELECT a.n AS a, b.n AS b, f.cluster AS one, g.cluster AS other,
       EXISTS (SELECT FROM labelled_keys k JOIN labelled_keys m ON m.n = b.n AND m.kind = k.kind AND m.key = k.key WHERE k.n = a.n) AS shares
FROM labelled a JOIN labelled b ON b.truth = a.truth AND b.n > a.n
JOIN labelled_found f ON f.n = a.n JOIN labelled_found g ON g.n = b.n;
ANALYZE clusters, same_person, labelled_suggested
-- name: judge_links
SELECT (SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM (SELECT sum(records) AS n FROM clusters GROUP BY cluster) c)::bigint AS linked,
       coalesce(sum(records * (records - 1) / 2), 0)::bigint AS right_links,
       count(DISTINCT truth) FILTER (WHERE truth <> family * %(room)s) AS twins
FROM clusters
-- name: judge_twins
SELECT count(DISTINCT t.truth) AS twins_merged
FROM clusters t JOIN clusters o ON o.cluster = t.cluster AND o.family = t.family AND o.truth < t.truth
-- name: judge_pairs
SELECT count(*) FILTER (WHERE shares) AS sharing,
       count(*) FILTER (WHERE shares AND one = other) AS sharing_linked,
       count(*) FILTER (WHERE NOT shares) AS apart,
       count(*) FILTER (WHERE NOT shares AND one = other) AS apart_linked,
       count(*) FILTER (WHERE NOT shares AND s.a IS NOT NULL) AS apart_suggested
FROM same_person p
LEFT JOIN labelled_suggested s ON s.a = least(p.one, p.other) AND s.b = greatest(p.one, p.other)
-- name: judge_suggestions
SELECT count(*) AS suggested,
       count(*) FILTER (WHERE EXISTS (SELECT FROM clusters x JOIN clusters y USING (truth) WHERE x.cluster = s.a AND y.cluster = s.b))
           AS right_suggestions
FROM labelled_suggested s
-- name: copy_for_splink
COPY (
    SELECT l.n, l.connection, nullif(l.given_read, ''), nullif(l.surname_read, ''), nullif(l.middle_read, ''), nullif(l.company_read, ''),
           l.birthday::text,
           (SELECT string_agg(DISTINCT p.value, '|') FROM labelled_points p WHERE p.n = l.n AND p.kind = 'email' AND p.usable),
           (SELECT string_agg(DISTINCT p.value, '|') FROM labelled_points p WHERE p.n = l.n AND p.kind = 'phone' AND p.usable)
    FROM labelled l ORDER BY l.n
) TO STDOUT (FORMAT csv)
-- name: splink_table
CREATE TABLE crm_{connection} AS
SELECT n AS unique_id, given, surname, middle, company, birthday,
       string_split(emails, '|') AS emails, string_split(phones, '|') AS phones
FROM read_csv({path}, header = false, columns = {{
    'n': 'INTEGER', 'connection': 'INTEGER', 'given': 'VARCHAR', 'surname': 'VARCHAR', 'middle': 'VARCHAR', 'company': 'VARCHAR',
    'birthday': 'VARCHAR', 'emails': 'VARCHAR', 'phones': 'VARCHAR'}})
WHERE connection = {connection}
-- name: forget_found
TRUNCATE labelled_found, labelled_suggested
-- name: checkpoint
CHECKPOINT

-- name: open_two_way
INSERT INTO sync.connections (crm, name, base_url, direction) VALUES ('amocrm', 'queueing', 'https://queueing.example', 'two_way')
RETURNING id

-- name: pick_golden
SELECT id::text FROM crm.contacts WHERE deleted_at IS NULL
ORDER BY CASE WHEN %(last)s THEN id END DESC, id LIMIT %(count)s
-- name: usual_rate
UPDATE sync.connections SET requests_per_second = NULL, request_burst = NULL
-- name: wait_as_bulk
UPDATE sync.outgoing_changes SET lane = 'bulk' WHERE state = 'pending'
-- name: interactive_latencies
SELECT extract(epoch FROM settled_at - created_at)::float8 FROM sync.outgoing_changes
WHERE lane = 'interactive' AND state = 'applied' ORDER BY id
-- name: most_operating
SELECT COALESCE(max(used_seconds), 0) FROM sync.operating_time

-- name: open_crms
INSERT INTO sync.connections (crm, name, base_url) VALUES
    ('amocrm', 'amocrm', 'https://amocrm.example'), ('bitrix24', 'bitrix24', 'https://bitrix24.example');
INSERT INTO sync.sync_status (connection_id, entity, last_mode, last_started_at, last_success_at, read_count)
SELECT c.id, e.entity, 'incremental', now(), now(), 100
FROM sync.connections c, unnest(ARRAY['users', 'pipelines', 'stages', 'companies', 'contacts', 'deals', 'tasks', 'communications']) AS e (entity)
WHERE c.crm <> 'app';
INSERT INTO crm.users (id, name, email, is_active)
SELECT md5('users/' || n)::uuid, 'Сотрудник ' || n, 'user' || n || '@example.org', true FROM generate_series(0, %(users)s - 1) n;
INSERT INTO crm.pipelines (id, name, is_main) VALUES (md5('pipelines/0')::uuid, 'Продажи', true);
INSERT INTO crm.stages (id, name, sort, pipeline_id, category)
SELECT md5('stages/' || n)::uuid, 'Этап ' || n, n, md5('pipelines/0')::uuid, CASE n WHEN 8 THEN 'won' WHEN 9 THEN 'lost' ELSE 'open' END
FROM generate_series(0, 9) n
-- name: fill_golden
CREATE TEMPORARY TABLE born ON COMMIT DROP AS
SELECT n, md5('contacts/' || n)::uuid AS id, md5('users/' || n / 10 %% %(users)s)::uuid AS owner_id,
       md5('companies/' || n / 10 * 10)::uuid AS company_id,
       now() - interval '90 days' - n * interval '1 second' AS created_at, now() - interval '2 days' - n * interval '100 milliseconds' AS updated_at,
       (ARRAY['Анна', 'Иван', 'Ольга', 'Пётр', 'Мария', 'Сергей', 'Елена', 'Дмитрий'])[1 + n %% 8] AS first_name,
       (ARRAY['Кузнецова', 'Смирнов', 'Ким', 'Волков', 'Орлова', 'Лебедев', 'Соколова'])[1 + n %% 7] || '-' || n AS last_name
FROM generate_series(%(first)s, %(last)s) n;
INSERT INTO crm.companies (id, name, tax_id, owner_id, tags, provenance, source_count, created_at, updated_at, reconciled_at)
SELECT company_id, 'ООО «Ромашка ' || n || '»', (7700000000 + n)::text, owner_id, '{клиент}',
       jsonb_build_object('name', jsonb_build_object('c', 1, 'r', 'only')), 1, created_at, updated_at, now() - interval '2 days'
FROM born WHERE n %% 10 = 0;
INSERT INTO crm.contacts (id, name, first_name, last_name, company_id, owner_id, "position", tags, custom_fields, provenance, source_count,
                          created_at, updated_at, reconciled_at)
SELECT id, first_name || ' ' || last_name, first_name, last_name, company_id, owner_id, 'Менеджер по закупкам', '{клиент,опт}',
       jsonb_build_object('Источник', 'Выставка', 'Сегмент', 'B' || n %% 5),
       jsonb_build_object('name', jsonb_build_object('connection', 1, 'rule', 'newest', 'since', updated_at),
                          'position', jsonb_build_object('connection', 2, 'rule', 'newest', 'since', updated_at)),
       2, created_at, updated_at, now() - interval '2 days'
FROM born;
INSERT INTO crm.contact_points (entity, golden_id, kind, value, is_primary, "position")
SELECT 'contacts', id, 'phone', '+79' || lpad(n::text, 9, '0'), true, 0 FROM born
UNION ALL SELECT 'contacts', id, 'email', 'contact' || n || '@example.org', true, 0 FROM born;
INSERT INTO crm.contact_companies (contact_id, company_id, is_primary) SELECT id, company_id, true FROM born;
INSERT INTO crm.crosswalk (golden_id, entity, connection_id, external_id, rule)
SELECT b.id, 'contacts', c.id, b.n::text, 'email' FROM born b, sync.connections c WHERE c.crm <> 'app';
INSERT INTO crm.deals (id, title, amount, currency, pipeline_id, stage_id, stage_category, company_id, owner_id, provenance, created_at,
                       updated_at, reconciled_at)
SELECT md5('deals/' || n)::uuid, 'Сделка ' || n, n %% 100000 + 0.50, 'RUB', md5('pipelines/0')::uuid, md5('stages/' || n / 5 %% 8)::uuid, 'open',
       company_id, owner_id, jsonb_build_object('title', jsonb_build_object('c', 1, 'r', 'only')), created_at, updated_at, now() - interval '2 days'
FROM born WHERE n %% 5 = 0;
INSERT INTO crm.deal_contacts (deal_id, contact_id, is_main) SELECT md5('deals/' || n)::uuid, id, true FROM born WHERE n %% 5 = 0;
INSERT INTO crm.tasks (id, title, kind, due_at, owner_id, target_entity, target_id, created_at, updated_at, reconciled_at)
SELECT md5('tasks/' || n)::uuid, 'Перезвонить', 'call', now() + n %% 90 * interval '1 day', owner_id, 'deals', md5('deals/' || n)::uuid,
       created_at, updated_at, now() - interval '2 days'
FROM born WHERE n %% 5 = 0;
INSERT INTO crm.communications (id, kind, direction, body, body_text, happened_at, author_id, target_entity, target_id, created_at, updated_at,
                                reconciled_at)
SELECT md5('communications/' || n)::uuid, 'note', 'out', 'Обсудили поставку, ждут счёт до пятницы.', 'Обсудили поставку, ждут счёт до пятницы.',
       updated_at, owner_id, 'contacts', id, created_at, updated_at, now() - interval '2 days'
FROM born WHERE n %% 5 = 0
-- name: settle_golden
VACUUM (ANALYZE) crm.users, crm.companies, crm.contacts, crm.contact_points, crm.contact_companies, crm.crosswalk, crm.deals, crm.deal_contacts,
    crm.tasks, crm.communications
-- name: touch_golden
UPDATE crm.contacts SET "position" = 'Head of purchasing', updated_at = now(), reconciled_at = now(), changed_xid = pg_current_xact_id()
WHERE id IN (SELECT md5('contacts/' || n)::uuid FROM generate_series(%(first)s, %(last)s) n)

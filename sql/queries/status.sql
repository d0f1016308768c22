-- name: save
-- How the last sync of one entity went; what only a success tells stays from the last one.
INSERT INTO sync.sync_status AS s
    (connection_id, entity, last_mode, last_started_at, last_success_at, lag_seconds, read_count, inserted, updated, unchanged,
     deleted, quarantined, requests, seconds, last_error, what_to_do, run_id)
VALUES (%(connection_id)s, %(entity)s, %(mode)s, %(started_at)s, CASE WHEN %(error)s::text IS NULL THEN now() END,
        NULL, %(read)s, %(inserted)s, %(updated)s, %(unchanged)s,
        %(deleted)s, %(quarantined)s, %(requests)s, %(seconds)s, %(error)s, %(what_to_do)s, %(run_id)s)
ON CONFLICT (connection_id, entity) DO UPDATE SET
    last_mode = EXCLUDED.last_mode, last_started_at = EXCLUDED.last_started_at,
    last_success_at = COALESCE(EXCLUDED.last_success_at, s.last_success_at),
    lag_seconds = CASE WHEN EXCLUDED.last_error IS NULL THEN extract(epoch FROM now() - s.last_success_at) ELSE s.lag_seconds END,
    read_count = EXCLUDED.read_count, inserted = EXCLUDED.inserted, updated = EXCLUDED.updated, unchanged = EXCLUDED.unchanged,
    deleted = EXCLUDED.deleted, quarantined = EXCLUDED.quarantined, requests = EXCLUDED.requests, seconds = EXCLUDED.seconds,
    last_error = EXCLUDED.last_error, what_to_do = EXCLUDED.what_to_do, run_id = EXCLUDED.run_id;

-- name: add_run
-- One line of the history of syncs.
INSERT INTO sync.sync_runs (connection_id, entity, mode, started_at, counts, error, run_id)
VALUES (%(connection_id)s, %(entity)s, %(mode)s, %(started_at)s, %(counts)s::jsonb, %(error)s, %(run_id)s);

-- name: rows
-- How every entity of every connection stands.
SELECT c.name AS connection, c.crm, c.status, c.status_reason, s.entity, s.last_mode, s.last_started_at, s.last_success_at,
       extract(epoch FROM now() - s.last_success_at)::float8 AS lag_seconds,
       s.read_count AS read, s.inserted, s.updated, s.unchanged, s.deleted, s.quarantined, s.requests, s.seconds, s.last_error,
       s.what_to_do, s.run_id,
       (SELECT count(*) FROM sync.quarantine q WHERE q.connection_id = c.id AND q.entity = s.entity) AS in_quarantine
FROM sync.connections c
LEFT JOIN sync.sync_status s ON s.connection_id = c.id
WHERE c.status <> 'removed' AND c.crm <> 'app'
ORDER BY c.name, array_position(%(order)s::text[], s.entity);

-- name: waiting
-- How many source records wait to be reconciled, by entity.
SELECT entity, count(*) AS waiting FROM sync.reconcile_queue GROUP BY entity ORDER BY entity;

-- name: holdings
-- How many live records each connection has in source.*, and how many golden ones there are.
SELECT c.name AS connection, c.crm,
       (SELECT count(*) FROM source.companies x WHERE x.connection_id = c.id AND x.deleted_at IS NULL) AS companies,
       (SELECT count(*) FROM source.contacts x WHERE x.connection_id = c.id AND x.deleted_at IS NULL) AS contacts,
       (SELECT count(*) FROM source.deals x WHERE x.connection_id = c.id AND x.deleted_at IS NULL) AS deals,
       (SELECT count(*) FROM source.tasks x WHERE x.connection_id = c.id AND x.deleted_at IS NULL) AS tasks,
       (SELECT count(*) FROM source.communications x WHERE x.connection_id = c.id AND x.deleted_at IS NULL) AS communications,
       (SELECT count(*) FROM source.products x WHERE x.connection_id = c.id AND x.deleted_at IS NULL) AS products,
       (SELECT count(*) FROM source.users x WHERE x.connection_id = c.id AND x.deleted_at IS NULL) AS users,
       (SELECT count(*) FROM source.field_changes x WHERE x.connection_id = c.id) AS field_changes
FROM sync.connections c
WHERE c.status <> 'removed' AND c.crm <> 'app'
UNION ALL
SELECT 'golden', '', (SELECT count(*) FROM crm.companies WHERE deleted_at IS NULL), (SELECT count(*) FROM crm.contacts WHERE deleted_at IS NULL),
       (SELECT count(*) FROM crm.deals WHERE deleted_at IS NULL), (SELECT count(*) FROM crm.tasks WHERE deleted_at IS NULL),
       (SELECT count(*) FROM crm.communications WHERE deleted_at IS NULL), (SELECT count(*) FROM crm.products WHERE deleted_at IS NULL),
       (SELECT count(*) FROM crm.users WHERE deleted_at IS NULL), NULL
ORDER BY crm DESC, connection;

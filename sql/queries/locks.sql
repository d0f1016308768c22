-- name: try_writer
-- Become the one writer of a connection, unless somebody is.
SELECT pg_try_advisory_lock(%(class)s, %(connection_id)s);

-- name: plan_for_pages
-- Keep the plans of a writer's statements proportional to its pages, whatever the statistics say, and never compile them.
SELECT set_config('jit', 'off', false), set_config('random_page_cost', '1', false), set_config('enable_mergejoin', 'off', false);

-- name: plan_as_usual
-- Hand the session back as it was.
RESET jit; RESET random_page_cost; RESET enable_mergejoin;

-- name: release_writer
-- Stop being the writer of a connection.
SELECT pg_advisory_unlock(%(class)s, %(connection_id)s);

-- name: writers
-- Which connections are being written at the moment, and by which backend.
SELECT objid::integer AS connection_id, pid
FROM pg_locks
WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = %(class)s AND objsubid = 2;

-- name: one_reconciler
-- Reconcile one batch of an entity at a time; freed by the end of the transaction.
SELECT pg_advisory_xact_lock(%(class)s, hashtext(%(entity)s));

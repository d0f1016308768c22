-- name: take
-- Hold the lease of one run for as long as this session lives; false when another process holds it.
SELECT pg_try_advisory_lock(%(class)s, hashtext(%(run_id)s));

-- name: sign
-- Let the session say which run it belongs to.
SELECT set_config('application_name', %(name)s, false);

-- name: live_runs
-- Runs that a living session answers for: it bears the run's name and holds a lock.
SELECT DISTINCT substr(a.application_name, 5) AS run_id
FROM pg_locks l
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND a.application_name LIKE 'crm:%%';

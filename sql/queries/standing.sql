-- name: connections
-- How every connection stands: its entities, its queue, what waits for a person.
SELECT c.id, c.name, c.crm, c.status, c.status_reason, c.direction, c.next_due_at, c.interval_seconds AS interval,
       COALESCE((
           SELECT jsonb_object_agg(s.entity, jsonb_build_object(
               'last_success_at', s.last_success_at, 'lag_seconds', extract(epoch FROM now() - s.last_success_at)::float8,
               'last_mode', s.last_mode, 'read', s.read_count, 'inserted', s.inserted, 'updated', s.updated,
               'unchanged', s.unchanged, 'deleted', s.deleted, 'quarantined', s.quarantined,
               'last_error', s.last_error, 'what_to_do', s.what_to_do))
           FROM sync.sync_status s WHERE s.connection_id = c.id), '{}') AS entities
FROM sync.connections c
WHERE c.status <> 'removed' AND c.crm <> 'app'
ORDER BY c.name;

-- name: budget
-- What was used of the vendors' meters, by kind of CRM.
SELECT split_part(meter, ':', 1) AS crm, sum(granted)::bigint AS granted, sum(refused)::bigint AS refused,
       max(paused_until) FILTER (WHERE isfinite(paused_until) AND paused_until > now()) AS paused_until
FROM sync.rate_budget
GROUP BY 1
ORDER BY 1;

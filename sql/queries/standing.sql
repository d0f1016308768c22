-- name: connections
-- How every connection stands: its entities, its queue, what waits for a person.
SELECT c.id, c.name, c.crm, c.status, c.status_reason, c.failures, c.direction, c.next_due_at, c.interval_seconds AS interval,
       (SELECT count(*) FROM sync.inbox i WHERE i.connection_id = c.id AND i.state = 'new') AS hints_waiting,
       COALESCE((
           SELECT jsonb_object_agg(s.entity, jsonb_build_object(
               'last_started_at', s.last_started_at, 'seconds', s.seconds, 'requests', s.requests,
               'last_success_at', s.last_success_at, 'lag_seconds', extract(epoch FROM now() - s.last_success_at)::float8,
               'last_mode', s.last_mode, 'read', s.read_count, 'inserted', s.inserted, 'updated', s.updated,
               'unchanged', s.unchanged, 'deleted', s.deleted, 'quarantined', s.quarantined,
               'last_error', s.last_error, 'what_to_do', s.what_to_do))
           FROM sync.sync_status s WHERE s.connection_id = c.id), '{}') AS entities
FROM sync.connections c
WHERE c.status <> 'removed' AND c.crm <> 'app' AND right(c.name, 7) <> '--trial'
ORDER BY c.name;

-- name: queues
-- Changes to write that have not ended, by connection and entity.
SELECT connection_id, entity, count(*) AS depth
FROM sync.outgoing_changes WHERE settled_at IS NULL GROUP BY 1, 2;

-- name: conflicts
-- Conflicts that wait for a person, by connection and entity: one counts for every connection its record is linked with.
SELECT x.connection_id, f.entity, count(DISTINCT f.id) AS conflicts
FROM sync.conflicts f JOIN crm.crosswalk x ON x.golden_id = f.golden_id AND x.entity = f.entity
WHERE f.state = 'open' AND f.superseded_at IS NULL
GROUP BY 1, 2;

-- name: meters
-- What was used of each meter; `behind`: seconds by which what was granted is ahead of the rate.
SELECT b.meter, b.granted, b.refused, CASE WHEN isfinite(b.paused_until) AND b.paused_until > now() THEN b.paused_until END AS paused_until,
       CASE WHEN isfinite(b.next_at) THEN GREATEST(0, extract(epoch FROM b.next_at - now()))::float8 ELSE 0 END AS behind,
       (SELECT jsonb_object_agg(o.method, round(o.used_seconds::numeric, 1)) FROM sync.operating_time o
        WHERE o.meter = b.meter AND o.reset_at > now()) AS operating
FROM sync.rate_budget b;

-- name: budget
-- What was used of the vendors' meters, by kind of CRM.
SELECT split_part(meter, ':', 1) AS crm, sum(granted)::bigint AS granted, sum(refused)::bigint AS refused,
       max(paused_until) FILTER (WHERE isfinite(paused_until) AND paused_until > now()) AS paused_until
FROM sync.rate_budget
GROUP BY 1
ORDER BY 1;

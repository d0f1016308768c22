-- name: lag
-- Seconds since the last success of each entity of each connection.
SELECT c.name, s.entity, extract(epoch FROM now() - s.last_success_at)::float8
FROM sync.sync_status s JOIN sync.connections c ON c.id = s.connection_id
WHERE s.last_success_at IS NOT NULL AND c.status <> 'removed' AND c.crm <> 'app' ORDER BY 1, 2;

-- name: queue
-- Changes that are not settled, or that wait for a person, by connection and state.
SELECT c.name, o.state, count(*)
FROM sync.outgoing_changes o JOIN sync.connections c ON c.id = o.connection_id
WHERE o.state IN ('pending', 'in_flight', 'conflict', 'dead') AND c.status <> 'removed' GROUP BY 1, 2 ORDER BY 1, 2;

-- name: oldest_pending
-- Age of each connection's oldest change that waits.
SELECT c.name, extract(epoch FROM now() - min(o.created_at))::float8
FROM sync.outgoing_changes o JOIN sync.connections c ON c.id = o.connection_id
WHERE o.state = 'pending' AND c.status <> 'removed' GROUP BY 1 ORDER BY 1;

-- name: conflicts
-- Conflicts that wait for a person.
SELECT count(*) FROM sync.conflicts WHERE state = 'open';

-- name: inbox
-- Hints of webhooks that wait, by connection.
SELECT c.name, count(i.id)
FROM sync.connections c LEFT JOIN sync.inbox i ON i.connection_id = c.id AND i.state = 'new'
WHERE c.status <> 'removed' AND c.crm <> 'app' GROUP BY 1 ORDER BY 1;

-- name: reconcile
-- Source records that wait to be reconciled.
SELECT count(*) FROM sync.reconcile_queue;

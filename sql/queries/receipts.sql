-- name: receipt
-- What an operation asked for, and every change that carries it.
SELECT p.id, p.actor, p.status, p.reason, p.golden_id::text AS record, p.received_at, {version} AS version,
       COALESCE((
           SELECT jsonb_agg(jsonb_build_object(
               'id', c.id, 'connection', k.name, 'state', c.state, 'attempts', c.attempts,
               'next_attempt_at', CASE WHEN c.state = 'pending' THEN c.next_attempt_at END,
               'reason', c.error_detail, 'code', c.error_code,
               'applied_at', CASE WHEN c.state = 'applied' THEN c.settled_at END) ORDER BY c.id)
           FROM sync.operation_changes l
           JOIN sync.outgoing_changes c ON c.id = l.change_id
           JOIN sync.connections k ON k.id = c.connection_id
           WHERE l.operation_id = p.id), '[]') AS changes
FROM sync.operations p

-- name: version
-- Transaction that last moved an operation or anything that carries it.
GREATEST(p.changed_xid, (
    SELECT GREATEST(l.changed_xid, c.changed_xid) AS moved
    FROM sync.operation_changes l JOIN sync.outgoing_changes c ON c.id = l.change_id
    WHERE l.operation_id = p.id ORDER BY moved DESC LIMIT 1))

-- name: by_id
-- One operation.
WHERE p.id = %(id)s;

-- name: changed
-- Operations of one actor that moved after (xid, id) and before xid, in that order.
WHERE p.actor = %(actor)s
  AND (%(after)s = '0' OR p.id IN (
      SELECT o.id FROM sync.operations o WHERE o.changed_xid >= %(after)s::text::xid8
      UNION
      SELECT l.operation_id FROM sync.operation_changes l WHERE l.changed_xid >= %(after)s::text::xid8
      UNION
      SELECT l.operation_id FROM sync.outgoing_changes c JOIN sync.operation_changes l ON l.change_id = c.id
      WHERE c.changed_xid >= %(after)s::text::xid8))
  AND ({version}, p.id COLLATE "C") > (%(after)s::text::xid8, %(after_id)s COLLATE "C") AND {version} < %(before)s::text::xid8
ORDER BY version, p.id COLLATE "C"
LIMIT %(limit)s;

-- name: purge
-- Forget operations of long ago whose changes have all ended; their ids may be used again.
DELETE FROM sync.operations p
WHERE p.received_at < now() - make_interval(days => %(days)s)
  AND NOT EXISTS (
      SELECT FROM sync.operation_changes l JOIN sync.outgoing_changes c ON c.id = l.change_id
      WHERE l.operation_id = p.id AND c.settled_at IS NULL);

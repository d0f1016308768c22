-- name: chosen
-- Changes a person names, or all that fit; kept from changing until the transaction ends.
SELECT c.id, c.state,
       c.operation = 'create' AND EXISTS (
           SELECT FROM sync.outgoing_changes o
           WHERE o.connection_id = c.connection_id AND o.entity = c.entity AND o.golden_id = c.golden_id AND o.operation = 'create'
             AND o.id <> c.id AND (o.state NOT IN ('rejected', 'dead', 'cancelled') OR o.id > c.id)
       ) AS is_replaced
FROM sync.outgoing_changes c
JOIN sync.connections k ON k.id = c.connection_id
WHERE (%(ids)s::bigint[] IS NULL OR c.id = ANY(%(ids)s::bigint[])) AND (%(connection)s::text IS NULL OR k.name = %(connection)s)
  AND (%(state)s::text IS NULL OR c.state = %(state)s) AND (%(entity)s::text IS NULL OR c.entity = %(entity)s)
ORDER BY c.id
FOR UPDATE OF c;

-- name: retry
-- Let changes be tried again from the first attempt on; whether they may have been applied stays noted.
UPDATE sync.outgoing_changes SET state = 'pending', settled_at = NULL, attempts = 0, next_attempt_at = now()
WHERE id = ANY(%(ids)s::bigint[]);

-- name: cancel
-- Take changes back.
UPDATE sync.outgoing_changes SET state = 'cancelled', settled_at = now(), error_code = 'cancelled', error_detail = %(reason)s
WHERE id = ANY(%(ids)s::bigint[]);

-- name: note_decisions
-- Keep in the audit log who decided about which change.
INSERT INTO sync.audit_log (actor, action, subject, detail)
SELECT %(actor)s, %(action)s, 'change ' || d.id, jsonb_strip_nulls(jsonb_build_object('was', d.was, 'reason', %(reason)s::text))
FROM unnest(%(ids)s::bigint[], %(were)s::text[]) d (id, was)
ORDER BY d.id;

-- name: listed
-- Changes with what their record is called: what still waits first, then what ended last.
SELECT k.id, o.name AS connection, k.entity, {name} AS name, k.golden_id::text, k.external_id, k.operation, k.state, k.lane, k.origin,
       k.fields, k.written, k.attempts, k.created_at, CASE WHEN k.state = 'pending' THEN k.next_attempt_at END AS next_attempt_at,
       k.settled_at, k.error_code, k.error_detail
FROM (
    SELECT c.*
    FROM sync.outgoing_changes c
    JOIN sync.connections o ON o.id = c.connection_id
    WHERE (%(connection)s::text IS NULL OR o.name = %(connection)s) AND (%(state)s::text IS NULL OR c.state = %(state)s)
      AND (%(entity)s::text IS NULL OR c.entity = %(entity)s)
    ORDER BY c.settled_at IS NOT NULL, c.settled_at DESC, c.id
    LIMIT %(limit)s
) k
JOIN sync.connections o ON o.id = k.connection_id
ORDER BY k.settled_at IS NOT NULL, k.settled_at DESC, k.id;

-- name: change
-- One change with its connection and what its record is called.
SELECT k.*, k.golden_id::text AS golden_id, o.name AS connection, o.crm, o.direction, o.status, {name} AS name
FROM sync.outgoing_changes k
JOIN sync.connections o ON o.id = k.connection_id
WHERE k.id = %(id)s;

-- name: attempts
-- What was tried with a change.
SELECT at, attempt, outcome, code, detail FROM sync.outgoing_attempts WHERE change_id = %(id)s ORDER BY id;

-- name: operations
-- What people asked for that a change carries.
SELECT p.id, p.received_at, p.actor, p.action, p.status, p.reason
FROM sync.operation_changes c
JOIN sync.operations p ON p.id = c.operation_id
WHERE c.change_id = %(id)s
ORDER BY p.received_at, p.id;

-- name: decisions
-- What people decided about a change.
SELECT at, actor, action, detail FROM sync.audit_log WHERE subject = 'change ' || %(id)s AND action LIKE 'outgoing.%%' ORDER BY id;

-- name: in_front
-- Changes of the same record that have to end before this one is sent.
SELECT o.id, o.operation, o.state, o.next_attempt_at
FROM sync.outgoing_changes c
JOIN sync.outgoing_changes o ON o.connection_id = c.connection_id AND o.entity = c.entity AND o.golden_id = c.golden_id
WHERE c.id = %(id)s AND c.settled_at IS NULL AND o.settled_at IS NULL AND o.id <> c.id AND (o.id < c.id OR o.state = 'in_flight')
ORDER BY o.id
LIMIT 20;

-- name: summary
-- How the queue of each two-way connection stands, and of any other that has changes: settled ones of the last day.
SELECT k.name AS connection, k.crm,
       jsonb_object_agg(s.state, s.count) FILTER (WHERE s.state IS NOT NULL) AS counts,
       extract(epoch FROM now() - min(s.oldest))::float8 AS oldest_pending_seconds,
       min(s.next_due) AS next_due,
       COALESCE(sum(s.last_hour), 0)::float8 / 60 AS applied_per_minute
FROM sync.connections k
LEFT JOIN (
    SELECT connection_id, state, count(*) AS count, min(created_at) FILTER (WHERE state = 'pending') AS oldest,
           min(next_attempt_at) FILTER (WHERE state = 'pending') AS next_due,
           count(*) FILTER (WHERE state = 'applied' AND settled_at > now() - interval '1 hour') AS last_hour
    FROM sync.outgoing_changes
    WHERE settled_at IS NULL OR settled_at > now() - interval '1 day'
    GROUP BY connection_id, state
) s ON s.connection_id = k.id
WHERE k.status <> 'removed' AND (k.direction = 'two_way' OR s.state IS NOT NULL)
GROUP BY k.id, k.name, k.crm
ORDER BY k.name;

-- name: near_misses
-- How many applied changes were changed again there by somebody else within two minutes: a robot fights us.
WITH applied AS (
    SELECT c.id, c.connection_id, c.entity, c.external_id, c.written, c.settled_at
    FROM sync.outgoing_changes c
    WHERE c.state = 'applied' AND c.requires IS NULL AND c.settled_at > now() - make_interval(hours => %(hours)s)
), missed AS (
    SELECT a.id, string_agg(DISTINCT a.entity || '.' || f.field, ',') AS fields
    FROM applied a
    JOIN source.field_changes f ON f.connection_id = a.connection_id AND f.entity = a.entity AND f.external_id = a.external_id
    WHERE NOT f.is_own_write AND f.seen_at > a.settled_at AND a.written ? f.field
      AND COALESCE(f.changed_at, f.seen_at) BETWEEN a.settled_at - interval '2 minutes' AND a.settled_at + interval '2 minutes'
      AND CASE
              WHEN jsonb_typeof(f.new_value) = 'number' AND a.written ->> f.field ~ '^-?[0-9]+([.][0-9]+)?$'
                  THEN (f.new_value #>> '{}')::numeric <> (a.written ->> f.field)::numeric
              WHEN jsonb_typeof(f.new_value) = 'array' AND jsonb_typeof(a.written -> f.field) = 'array'
                  THEN NOT (f.new_value @> (a.written -> f.field) AND f.new_value <@ (a.written -> f.field))
              ELSE f.new_value #>> '{}' IS DISTINCT FROM a.written ->> f.field
          END
    GROUP BY a.id
)
SELECT k.name AS connection, k.crm, count(*) AS applied, count(m.id) AS missed, COALESCE(string_agg(m.fields, ','), '') AS fields
FROM applied a
JOIN sync.connections k ON k.id = a.connection_id
LEFT JOIN missed m ON m.id = a.id
GROUP BY k.name, k.crm
ORDER BY k.name;

-- name: left
-- How many changes of a connection have not ended, and how long the oldest that waits has waited.
SELECT count(*), extract(epoch FROM now() - min(created_at) FILTER (WHERE state = 'pending'))::float8
FROM sync.outgoing_changes
WHERE connection_id = %(id)s AND settled_at IS NULL;

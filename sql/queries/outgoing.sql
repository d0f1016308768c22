-- name: prepare
-- Provide the tables a batch of changes is laid out in, and empty them.
CREATE TEMPORARY TABLE IF NOT EXISTS outgoing_new (
    n integer PRIMARY KEY, connection_id integer, entity text, golden_id uuid, external_id text, operation text, fields jsonb, base jsonb,
    said jsonb, requires jsonb, lane text, origin text, key text, kind text
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS outgoing_considered (connection_id integer, golden_id uuid) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS outgoing_plan (verb text, n integer, change_id bigint, detail text) ON COMMIT DELETE ROWS;
DELETE FROM outgoing_new;
DELETE FROM outgoing_considered;
DELETE FROM outgoing_plan;

-- name: plan_enqueued
-- Queue everything that was laid out.
INSERT INTO outgoing_plan (verb, n) SELECT 'queued', n FROM outgoing_new;

-- name: insert
-- Queue what is planned to be queued, in the order it was laid out; what would only lead to a loop is dead at once.
INSERT INTO sync.outgoing_changes
    (connection_id, entity, golden_id, external_id, operation, fields, base, said, requires, lane, origin, idempotency_key,
     state, error_code, error_detail, settled_at)
SELECT n.connection_id, n.entity, n.golden_id, n.external_id, n.operation, n.fields, n.base, n.said, n.requires, n.lane, n.origin, n.key,
       CASE p.verb WHEN 'looped' THEN 'dead' ELSE 'pending' END, CASE p.verb WHEN 'looped' THEN 'loop' END,
       CASE p.verb WHEN 'looped' THEN p.detail END,
       CASE p.verb WHEN 'looped' THEN now() END
FROM outgoing_plan p
JOIN outgoing_new n USING (n)
WHERE p.verb IN ('queued', 'looped')
ORDER BY n.n
ON CONFLICT DO NOTHING;

-- name: link_operations
-- Note which operation each change carries.
INSERT INTO sync.operation_changes (operation_id, change_id)
SELECT o.id, c.id
FROM outgoing_plan p
JOIN outgoing_new n USING (n)
JOIN sync.operations o ON n.origin = 'op:' || o.id
JOIN sync.outgoing_changes c ON c.idempotency_key = n.key
WHERE p.verb IN ('queued', 'looped')
UNION
SELECT o.id, p.change_id
FROM outgoing_plan p
JOIN outgoing_new n USING (n)
JOIN sync.operations o ON n.origin = 'op:' || o.id
WHERE p.verb = 'coalesced'
ON CONFLICT DO NOTHING;

-- name: enqueued
-- Ids of what was laid out, in its order: of the change itself, of the one queued under its key before, of the create there is.
SELECT COALESCE(
    (SELECT c.id FROM sync.outgoing_changes c WHERE c.idempotency_key = n.key),
    (SELECT c.id FROM sync.outgoing_changes c
     WHERE n.operation = 'create' AND c.operation = 'create' AND c.state NOT IN ('rejected', 'dead', 'cancelled')
       AND c.connection_id = n.connection_id AND c.entity = n.entity AND c.golden_id = n.golden_id)
)
FROM outgoing_new n
ORDER BY n.n;

-- name: lock_pending
-- Keep what waits for the considered records from being claimed until the transaction ends; in order, so that nobody deadlocks.
WITH waiting AS MATERIALIZED (
    SELECT c.id
    FROM outgoing_considered k
    CROSS JOIN LATERAL (
        SELECT o.id, o.state, o.requires
        FROM sync.outgoing_changes o
        WHERE o.connection_id = k.connection_id AND o.entity = %(entity)s AND o.golden_id = k.golden_id AND o.settled_at IS NULL
        OFFSET 0  -- by index, record by record, whatever the planner believes of a queue that has just filled
    ) c
    WHERE c.state = 'pending' AND c.requires IS NULL
), locked AS (
    SELECT c.id FROM waiting w JOIN sync.outgoing_changes c ON c.id = w.id WHERE c.state = 'pending' ORDER BY c.id FOR UPDATE OF c
)
SELECT count(*) FROM locked;

-- name: plan_offered
-- Decide what becomes of each owed change: it joins a waiting one, was settled for good already, goes in circles, or is queued.
INSERT INTO outgoing_plan (verb, n, change_id, detail)
SELECT CASE
           WHEN w.id IS NOT NULL THEN 'coalesced'
           WHEN o.state IN ('rejected', 'dead') OR (o.state = 'cancelled' AND o.error_code = 'cancelled') THEN 'suppressed'
           WHEN n.kind = 'create' AND EXISTS (
               SELECT FROM sync.outgoing_changes c
               WHERE c.connection_id = n.connection_id AND c.entity = n.entity AND c.golden_id = n.golden_id AND c.operation = 'create'
                 AND c.state IN ('applied', 'merged', 'conflict')
           ) THEN 'suppressed'
           WHEN l.field IS NOT NULL THEN 'looped'
           ELSE 'queued'
       END,
       n.n, w.id,
       'The field ' || l.field || ' of ' || n.entity || ' ' || COALESCE(n.external_id, '(new)') || ' (golden record ' || n.golden_id
       || ') was written to ' || (SELECT name FROM sync.connections WHERE id = n.connection_id) || ' ' || l.times
       || ' times within the hour and changed back each time. Find the robot or person that changes it there, or give that side'
       || ' precedence in the rules; then retry this change.'
FROM outgoing_new n
CROSS JOIN LATERAL (
    SELECT bool_or(c.state = 'in_flight') AS is_busy,
           max(c.id) FILTER (
               WHERE c.state = 'pending' AND c.requires IS NULL
                 AND CASE c.operation WHEN 'reopen' THEN 'complete' ELSE c.operation END = n.kind
           ) AS id
    FROM sync.outgoing_changes c
    WHERE c.connection_id = n.connection_id AND c.entity = n.entity AND c.golden_id = n.golden_id AND c.settled_at IS NULL
) w
LEFT JOIN LATERAL (
    SELECT c.state, c.error_code
    FROM sync.outgoing_changes c
    WHERE w.id IS NULL AND c.entity = n.entity AND c.golden_id = n.golden_id AND c.connection_id + 0 = n.connection_id
      AND c.settled_at IS NOT NULL AND CASE c.operation WHEN 'reopen' THEN 'complete' ELSE c.operation END = n.kind
      AND c.fields = n.fields AND c.base = n.base AND c.requires IS NULL AND c.error_code IS DISTINCT FROM 'withdrawn'
    ORDER BY c.settled_at DESC, c.id DESC
    LIMIT 1
) o ON true
LEFT JOIN LATERAL (
    SELECT e.field, count(*) AS times
    FROM sync.outgoing_changes c
    CROSS JOIN LATERAL jsonb_object_keys(n.fields) e (field)
    WHERE w.id IS NULL AND c.entity = n.entity AND c.golden_id = n.golden_id AND c.connection_id + 0 = n.connection_id
      AND c.state = 'applied' AND c.settled_at > now() - interval '1 hour' AND (c.origin = n.origin OR n.origin NOT LIKE 'op:%%')
      AND c.written ?| ARRAY[e.field, regexp_replace(e.field, '_id$', '_external_id')]
    GROUP BY e.field
    HAVING count(*) >= %(flips)s
    ORDER BY count(*) DESC, e.field
    LIMIT 1
) l ON true
WHERE w.is_busy IS NOT TRUE;

-- name: plan_withdrawn
-- Find what waits for considered records but is not owed any more; what may have been sent already is left to be looked up.
INSERT INTO outgoing_plan (verb, change_id)
SELECT 'withdrawn', c.id
FROM outgoing_considered k
CROSS JOIN LATERAL (
    SELECT o.id, o.operation, o.origin, o.state, o.requires, o.sent_at, bool_or(o.state = 'in_flight') OVER () AS is_busy
    FROM sync.outgoing_changes o
    WHERE o.connection_id = k.connection_id AND o.entity = %(entity)s AND o.golden_id = k.golden_id AND o.settled_at IS NULL
    OFFSET 0
) c
WHERE NOT c.is_busy AND c.state = 'pending' AND c.requires IS NULL AND c.sent_at IS NULL
  AND c.operation IN ('update', 'complete', 'reopen') AND (c.origin = 'reconcile' OR c.origin LIKE 'op:%%')
  AND c.id NOT IN (SELECT p.change_id FROM outgoing_plan p WHERE p.verb = 'coalesced');

-- name: coalesce
-- Let waiting changes carry what is owed now. What may have been sent keeps its fields, too: they have to be looked up.
UPDATE sync.outgoing_changes c
SET operation = n.operation,
    external_id = COALESCE(n.external_id, c.external_id),
    fields = CASE WHEN c.sent_at IS NULL THEN n.fields ELSE c.fields || n.fields END,
    base = n.base || (
        SELECT COALESCE(jsonb_object_agg(b.key, b.value), '{}') FROM jsonb_each(c.base) b WHERE c.sent_at IS NOT NULL OR n.fields ? b.key
    ),
    said = CASE WHEN c.sent_at IS NULL THEN n.said ELSE c.said || n.said END,
    lane = GREATEST(c.lane, n.lane),
    origin = n.origin
FROM outgoing_plan p
JOIN outgoing_new n USING (n)
WHERE p.verb = 'coalesced' AND c.id = p.change_id AND c.state = 'pending'
  AND (c.operation, c.fields, c.said, c.origin, c.lane, c.external_id) IS DISTINCT FROM
      (n.operation, n.fields, n.said, n.origin, GREATEST(c.lane, n.lane), COALESCE(n.external_id, c.external_id));

-- name: withdraw
-- Take back what is not owed any more.
UPDATE sync.outgoing_changes c
SET state = 'cancelled', settled_at = now(), error_code = 'withdrawn',
    error_detail = 'Not needed any more: nothing of it differs from what the CRM holds, or a later change carries it.'
FROM outgoing_plan p
WHERE p.verb = 'withdrawn' AND c.id = p.change_id AND c.state = 'pending';

-- name: planned
-- How many changes were planned for what.
SELECT verb, count(*) FROM outgoing_plan GROUP BY verb;

-- name: rescue
-- Let changes be tried again whose process gave no sign of life in time.
WITH lost AS (
    SELECT id, leased_by FROM sync.outgoing_changes
    WHERE state = 'in_flight' AND lease_until < clock_timestamp()
    ORDER BY id
    FOR UPDATE SKIP LOCKED
), freed AS (
    UPDATE sync.outgoing_changes c
    SET state = 'pending', lease_until = NULL, leased_by = NULL, next_attempt_at = now(), error_code = 'lost',
        error_detail = 'The process that held it (' || l.leased_by || ') gave no sign of life; '
            || CASE WHEN c.sent_at IS NULL THEN 'nothing had been sent.' ELSE 'it may have been sent and is looked up first.' END
    FROM lost l
    WHERE c.id = l.id
    RETURNING c.id, c.attempts, c.error_code, c.error_detail
)
INSERT INTO sync.outgoing_attempts (change_id, attempt, outcome, code, detail)
SELECT id, attempts, 'pending', error_code, error_detail FROM freed ORDER BY id;

-- name: one_claimer
-- Let claims of one connection follow one another, so that each sees what the one before it took.
SELECT pg_advisory_xact_lock(%(class)s, %(connection_id)s);

-- name: plan_with
-- Switch ways of planning on or off until the transaction ends: a queue fills faster than statistics of it are gathered.
SELECT set_config(name, %(state)s, true) FROM unnest(%(names)s::text[]) name;

-- name: claim
-- Take changes that are due and first of their record, and of which none is on its way; interactive ones before all others.
WITH heads AS (
    SELECT c.id
    FROM sync.outgoing_changes c
    WHERE c.connection_id = %(connection_id)s AND c.state = 'pending' AND c.next_attempt_at <= clock_timestamp()
      AND (%(lane)s::text IS NULL OR c.lane = %(lane)s)
      AND EXISTS (SELECT FROM sync.connections k WHERE k.id = %(connection_id)s AND k.direction = 'two_way' AND k.status <> 'removed')
      AND NOT EXISTS (
          SELECT FROM sync.outgoing_changes o
          WHERE o.connection_id = c.connection_id AND o.entity = c.entity AND o.golden_id = c.golden_id AND o.settled_at IS NULL
            AND (o.id < c.id OR o.state = 'in_flight')
          OFFSET 0
      )
    ORDER BY c.lane DESC, c.id
    LIMIT %(size)s
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE sync.outgoing_changes c
SET state = 'in_flight', attempts = c.attempts + 1, fence = nextval('sync.outgoing_fences'), leased_by = %(holder)s,
    lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
FROM heads h
WHERE c.id = h.id
RETURNING c.id, c.connection_id, c.entity, c.golden_id::text, c.external_id, c.operation, c.fields, c.base, c.said, c.requires, c.lane,
    c.origin, c.attempts, c.fence, c.sent_at, c.created_at;

-- name: extend
-- Give a sign of life for what a process holds; nobody waits for what is being marked or ended, nor so in another order than those.
WITH held AS (
    SELECT id FROM sync.outgoing_changes
    WHERE state = 'in_flight' AND leased_by = %(holder)s
    ORDER BY id
    FOR UPDATE SKIP LOCKED
)
UPDATE sync.outgoing_changes c SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
FROM held h
WHERE c.id = h.id;

-- name: mark_sent
-- Note that changes are about to be sent; answers which of them are still held.
WITH held AS (
    SELECT c.id
    FROM unnest(%(ids)s::bigint[], %(fences)s::bigint[]) a (id, fence)
    JOIN sync.outgoing_changes c ON c.id = a.id AND c.fence = a.fence AND c.state = 'in_flight'
    ORDER BY c.id
    FOR UPDATE OF c
)
UPDATE sync.outgoing_changes c
SET sent_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
FROM held h
WHERE c.id = h.id
RETURNING c.id;

-- name: settle
-- End changes that are still held by who ends them; answers which.
WITH asked AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) a (
        id bigint, fence bigint, state text, external_id text, written jsonb, overwrote jsonb, code text, detail text
    )
), held AS (
    SELECT c.id
    FROM asked a
    JOIN sync.outgoing_changes c ON c.id = a.id AND c.fence = a.fence AND c.state = 'in_flight'
    ORDER BY c.id
    FOR UPDATE OF c
), ended AS (
    UPDATE sync.outgoing_changes c
    SET state = a.state, external_id = COALESCE(a.external_id, c.external_id), written = a.written, overwrote = a.overwrote,
        error_code = a.code, error_detail = a.detail, settled_at = clock_timestamp(), lease_until = NULL, leased_by = NULL, sent_at = NULL
    FROM held h
    JOIN asked a USING (id)
    WHERE c.id = h.id
    RETURNING c.id, c.state, c.attempts, c.error_code, c.error_detail
), noted AS (
    INSERT INTO sync.outgoing_attempts (change_id, attempt, outcome, code, detail)
    SELECT id, attempts, state, error_code, error_detail FROM ended WHERE state <> 'applied' OR attempts <> 1 ORDER BY id
)
SELECT id FROM ended;

-- name: park
-- Put changes back that are still held, for another attempt later; one that failed too often is dead. Answers which were held.
WITH asked AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) a (
        id bigint, fence bigint, seconds double precision, until timestamptz, code text, detail text, counts boolean, uncertain boolean
    )
), held AS (
    SELECT c.id, a.counts AND c.attempts >= %(most)s AS is_over
    FROM asked a
    JOIN sync.outgoing_changes c ON c.id = a.id AND c.fence = a.fence AND c.state = 'in_flight'
    ORDER BY c.id
    FOR UPDATE OF c
), parked AS (
    UPDATE sync.outgoing_changes c
    SET state = CASE WHEN h.is_over THEN 'dead' ELSE 'pending' END,
        settled_at = CASE WHEN h.is_over THEN clock_timestamp() END,
        attempts = c.attempts - CASE WHEN a.counts THEN 0 ELSE 1 END,
        next_attempt_at = COALESCE(a.until, clock_timestamp() + make_interval(secs => COALESCE(a.seconds, 0))),
        sent_at = CASE WHEN a.uncertain THEN c.sent_at END,
        lease_until = NULL, leased_by = NULL, error_code = a.code,
        error_detail = a.detail
            || CASE WHEN h.is_over AND a.uncertain THEN ' Whether the CRM did it is unknown: it is looked up first when this is retried.' ELSE '' END
    FROM held h
    JOIN asked a USING (id)
    WHERE c.id = h.id
    RETURNING c.id, c.state, c.attempts, c.error_code, c.error_detail, a.counts
), noted AS (
    INSERT INTO sync.outgoing_attempts (change_id, attempt, outcome, code, detail)
    SELECT id, attempts, state, error_code, error_detail FROM parked WHERE counts ORDER BY id
)
SELECT id FROM parked;

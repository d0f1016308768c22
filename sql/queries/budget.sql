-- name: settle_less
-- A lost reservation does no harm, so nobody waits for the disk.
SET synchronous_commit = off;

-- name: reserve
-- Take the next slot of a meter (GCRA) and answer the seconds to wait for it.
UPDATE sync.rate_budget
SET next_at = GREATEST(next_at, clock_timestamp(), paused_until) + make_interval(secs => %(interval)s),
    granted = granted + 1, updated_at = clock_timestamp()
WHERE meter = %(meter)s
RETURNING extract(epoch FROM GREATEST(next_at - make_interval(secs => %(interval)s * %(burst)s), paused_until) - clock_timestamp())::float8;

-- name: add_meter
-- Begin to count a meter.
INSERT INTO sync.rate_budget (meter) VALUES (%(meter)s) ON CONFLICT DO NOTHING;

-- name: pause
-- Nobody uses the meter for so long, nor in a burst afterwards: the CRM's own bucket is full.
INSERT INTO sync.rate_budget AS b (meter, next_at, paused_until, refused)
VALUES (%(meter)s, clock_timestamp() + make_interval(secs => %(seconds)s), clock_timestamp() + make_interval(secs => %(seconds)s), 1)
ON CONFLICT (meter) DO UPDATE SET
    paused_until = GREATEST(b.paused_until, EXCLUDED.paused_until),
    next_at = GREATEST(b.next_at, EXCLUDED.paused_until + make_interval(secs => %(tail)s)),
    refused = b.refused + 1, updated_at = clock_timestamp();

-- name: note_operating
-- Note a method's operating seconds; at the limit it rests until they are forgotten.
INSERT INTO sync.operating_time AS o (meter, method, used_seconds, reset_at, parked_until)
VALUES (%(meter)s, %(method)s, %(used)s, to_timestamp(%(reset_at)s),
        CASE WHEN %(used)s >= %(limit)s THEN to_timestamp(%(reset_at)s) END)
ON CONFLICT (meter, method) DO UPDATE SET
    used_seconds = EXCLUDED.used_seconds, reset_at = EXCLUDED.reset_at, parked_until = EXCLUDED.parked_until;

-- name: operating
-- A method's operating seconds, the seconds until the oldest are forgotten, and the seconds it is still parked.
SELECT used_seconds, extract(epoch FROM reset_at - clock_timestamp())::float8,
       COALESCE(extract(epoch FROM parked_until - clock_timestamp()), 0)::float8
FROM sync.operating_time WHERE meter = %(meter)s AND method = %(method)s;

-- name: meters
-- How the meters stand, for status and metrics.
SELECT meter, next_at, paused_until, granted, refused, updated_at FROM sync.rate_budget ORDER BY meter;

-- name: read
-- Where a stream stands.
SELECT watermark, walk_mode, walk_started_at, walk_began_at, walk_state
FROM sync.cursors WHERE connection_id = %(connection_id)s AND entity = %(entity)s AND stream = %(stream)s;

-- name: begin
-- Begin a walk afresh; the watermark stays until it has finished.
INSERT INTO sync.cursors AS c (connection_id, entity, stream, walk_mode, walk_began_at)
VALUES (%(connection_id)s, %(entity)s, %(stream)s, %(mode)s, clock_timestamp())
ON CONFLICT (connection_id, entity, stream) DO UPDATE SET
    walk_mode = EXCLUDED.walk_mode, walk_began_at = EXCLUDED.walk_began_at, walk_started_at = NULL, walk_state = NULL, updated_at = now();

-- name: advance
-- Note how far an unfinished walk has come; its start stays that of its first page. Such a transaction need not wait for the disk:
-- rows and cursor are lost together, should the server's machine die within the second, and the page is read again.
UPDATE sync.cursors SET
    walk_state = %(state)s::jsonb, walk_started_at = LEAST(walk_started_at, %(started_at)s), updated_at = now()
WHERE connection_id = %(connection_id)s AND entity = %(entity)s AND stream = %(stream)s
RETURNING set_config('synchronous_commit', 'off', true);

-- name: finish
-- The walk is complete: the next one begins at this one's start.
UPDATE sync.cursors SET
    watermark = COALESCE(LEAST(walk_started_at, %(started_at)s), watermark),
    walk_mode = NULL, walk_started_at = NULL, walk_state = NULL, updated_at = now()
WHERE connection_id = %(connection_id)s AND entity = %(entity)s AND stream = %(stream)s;

-- name: drop
-- Forget a stream's cursor.
DELETE FROM sync.cursors WHERE connection_id = %(connection_id)s AND entity = %(entity)s AND stream = %(stream)s;

-- name: oldest_watermark
-- The oldest watermark of an entity's live streams, null while one has never finished.
SELECT CASE WHEN bool_and(watermark IS NOT NULL) THEN min(watermark) END
FROM sync.cursors WHERE connection_id = %(connection_id)s AND entity = %(entity)s AND stream = ANY(%(streams)s);

-- name: note
-- Keep a note beside the cursors, such as which definitions an entity was normalized with.
INSERT INTO sync.cursors AS c (connection_id, entity, stream, walk_state)
VALUES (%(connection_id)s, %(entity)s, %(stream)s, %(state)s::jsonb)
ON CONFLICT (connection_id, entity, stream) DO UPDATE SET walk_state = EXCLUDED.walk_state, updated_at = now()
WHERE c.walk_state IS DISTINCT FROM EXCLUDED.walk_state;

-- name: lock
-- Wait until no other process migrates this database; held by the session.
SELECT pg_advisory_lock(1129467204, 1);

-- name: unlock
-- Let the next process migrate.
SELECT pg_advisory_unlock(1129467204, 1);

-- name: prepare
-- Make the table of applied migrations, the only thing that exists before the first of them.
CREATE SCHEMA IF NOT EXISTS sync;
CREATE TABLE IF NOT EXISTS sync.migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sync.migrations IS 'Schema changes applied to this database, in order; written by `crm-pipeline migrate`.';
COMMENT ON COLUMN sync.migrations.version IS 'Number of the file in sql/migrations.';
COMMENT ON COLUMN sync.migrations.name IS 'Name of the file without its number.';
COMMENT ON COLUMN sync.migrations.checksum IS 'SHA-256 of the file as applied; a file edited later is refused.';
COMMENT ON COLUMN sync.migrations.applied_at IS 'When it was applied.';

-- name: applied
-- Every migration this database has had.
SELECT version, name, checksum FROM sync.migrations ORDER BY version;

-- name: record
-- Note that a migration has been applied, in its own transaction.
INSERT INTO sync.migrations (version, name, checksum) VALUES (%(version)s, %(name)s, %(checksum)s);

-- name: drop_view
-- Drop a view whose columns change, to make it anew; fails when somebody's own view is built on it.
DROP VIEW IF EXISTS {name};

-- name: is_there
-- Whether this database was ever migrated.
SELECT to_regclass('sync.migrations') IS NOT NULL;

-- name: adopt_server
-- Have versions be of this server, as after a restore; nothing where that is so, or where the schema is too old to know.
DO $$
BEGIN
    IF to_regprocedure('sync.adopt_server()') IS NOT NULL THEN
        PERFORM sync.adopt_server();
    END IF;
END
$$;

-- name: data_directory
-- Which directory the answering server serves, to tell our own from a copy.
SHOW data_directory;

-- name: create_database
-- Create a database; the name is quoted by the caller.
CREATE DATABASE {name};

-- name: prefer_lz4
-- Compress large values with lz4, which is several times faster than the default; refused by a server built without it.
ALTER SYSTEM SET default_toast_compression = 'lz4';

-- name: version
-- The server's version as a number, 140005 for 14.5.
SELECT current_setting('server_version_num')::integer;

-- name: use_utc
-- Show and read times in UTC, whatever the server's own zone.
SET TIME ZONE 'UTC';

-- name: copy_rows
-- Load rows sent as CSV; NULL is an unquoted \N.
COPY {table} ({columns}) FROM STDIN WITH (FORMAT csv, NULL '\N');

-- name: create_schema
-- Create a schema; the name is quoted by the caller.
CREATE SCHEMA IF NOT EXISTS {name};

-- name: schema_exists
-- Whether the current database has this schema.
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %(name)s);

-- name: database_owner
-- Who owns this database and whether the current role may connect to it: no row when it does not exist.
SELECT pg_get_userbyid(datdba) = current_user AS is_ours FROM pg_database WHERE datname = %(name)s;

-- name: may_create_databases
-- Whether the current role may create databases.
SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user;

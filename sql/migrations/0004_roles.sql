-- Roles: readers of crm and source, the API, the pipeline. Skipped, with a notice, where the owner may not create roles.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['crm_reader', 'crm_api', 'crm_writer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % is missing and this user may not create it', wanted;
            WHEN duplicate_object OR unique_violation THEN
                RAISE NOTICE 'role % was created by somebody else meanwhile', wanted;
            END;
        END IF;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('GRANT USAGE ON SCHEMA crm, source TO %I', wanted);
            EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA crm, source TO %I', wanted);
            EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA crm, source GRANT SELECT ON TABLES TO %I', wanted);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'crm_writer') THEN
        GRANT USAGE ON SCHEMA raw, sync TO crm_writer;
        GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA raw, source, crm, sync TO crm_writer;
        ALTER DEFAULT PRIVILEGES IN SCHEMA raw, source, crm, sync GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO crm_writer;
    END IF;
END
$$;

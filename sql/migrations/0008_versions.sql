-- Versions of golden records, what is gone of them, and who could see what: what readers of changes build on.

ALTER TABLE crm.users ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX users_changed ON crm.users (changed_xid, id);
COMMENT ON COLUMN crm.users.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';
ALTER TABLE crm.pipelines ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX pipelines_changed ON crm.pipelines (changed_xid, id);
COMMENT ON COLUMN crm.pipelines.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';
ALTER TABLE crm.stages ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX stages_changed ON crm.stages (changed_xid, id);
COMMENT ON COLUMN crm.stages.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';
ALTER TABLE crm.companies ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX companies_changed ON crm.companies (changed_xid, id);
COMMENT ON COLUMN crm.companies.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';
ALTER TABLE crm.contacts ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX contacts_changed ON crm.contacts (changed_xid, id);
COMMENT ON COLUMN crm.contacts.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';
ALTER TABLE crm.products ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX products_changed ON crm.products (changed_xid, id);
COMMENT ON COLUMN crm.products.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';
ALTER TABLE crm.deals ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX deals_changed ON crm.deals (changed_xid, id);
COMMENT ON COLUMN crm.deals.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';
ALTER TABLE crm.tasks ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX tasks_changed ON crm.tasks (changed_xid, id);
COMMENT ON COLUMN crm.tasks.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';
ALTER TABLE crm.communications ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX communications_changed ON crm.communications (changed_xid, id);
COMMENT ON COLUMN crm.communications.changed_xid IS 'Transaction that last changed the record or its links; orders the changes that clients read.';

CREATE TABLE crm.tombstones (
    entity text NOT NULL,
    id uuid NOT NULL,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    gone_at timestamptz NOT NULL DEFAULT now(),
    new_id uuid,
    PRIMARY KEY (entity, id)
);
CREATE INDEX tombstones_changed ON crm.tombstones (changed_xid, id);
COMMENT ON TABLE crm.tombstones IS 'Golden records that were taken away, as merged or parted; one that lives again has none.';
COMMENT ON COLUMN crm.tombstones.entity IS 'Entity.';
COMMENT ON COLUMN crm.tombstones.id IS 'Golden id that is no more.';
COMMENT ON COLUMN crm.tombstones.changed_xid IS 'Transaction that took it away.';
COMMENT ON COLUMN crm.tombstones.gone_at IS 'When it was taken away.';
COMMENT ON COLUMN crm.tombstones.new_id IS 'Golden record it was merged into, when it was.';

CREATE TABLE sync.database (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    retention interval NOT NULL DEFAULT interval '90 days',
    forgotten_xid xid8 NOT NULL DEFAULT '0'
);
INSERT INTO sync.database DEFAULT VALUES;
COMMENT ON TABLE sync.database IS 'One row: which database this is, and from when on it knows what was taken away.';
COMMENT ON COLUMN sync.database.is_one IS 'There is one row.';
COMMENT ON COLUMN sync.database.epoch IS 'Random; with the server''s own identity, clients'' cursors are bound to it.';
COMMENT ON COLUMN sync.database.retention IS 'How long tombstones are kept; a client that stays away for longer reads everything anew.';
COMMENT ON COLUMN sync.database.forgotten_xid IS 'Tombstones of transactions up to this one are forgotten.';

CREATE TABLE sync.visible_records (
    user_id bigint NOT NULL REFERENCES sync.api_users (id) ON DELETE CASCADE,
    entity text NOT NULL,
    id uuid NOT NULL,
    is_visible boolean NOT NULL DEFAULT true,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, entity, id)
);
CREATE INDEX visible_records_gone ON sync.visible_records (user_id, changed_xid, id) WHERE NOT is_visible;
COMMENT ON TABLE sync.visible_records IS 'What users of scope own could see when they last read: what they see no more is told as deleted, what is new as changed.';
COMMENT ON COLUMN sync.visible_records.user_id IS 'API user.';
COMMENT ON COLUMN sync.visible_records.entity IS 'Entity.';
COMMENT ON COLUMN sync.visible_records.id IS 'Golden record.';
COMMENT ON COLUMN sync.visible_records.is_visible IS 'Whether the user sees it; false: it did once.';
COMMENT ON COLUMN sync.visible_records.changed_xid IS 'Transaction that noticed.';
COMMENT ON COLUMN sync.visible_records.changed_at IS 'When it was noticed.';

-- What the API sorts, filters and narrows by.
CREATE INDEX contacts_owner ON crm.contacts (owner_id);
CREATE INDEX companies_owner ON crm.companies (owner_id);
CREATE INDEX companies_updated ON crm.companies ((COALESCE(updated_at, '-infinity')), id);
CREATE INDEX contacts_updated ON crm.contacts ((COALESCE(updated_at, '-infinity')), id);
CREATE INDEX products_updated ON crm.products ((COALESCE(updated_at, '-infinity')), id);
CREATE INDEX deals_updated ON crm.deals ((COALESCE(updated_at, '-infinity')), id);
CREATE INDEX tasks_updated ON crm.tasks ((COALESCE(updated_at, '-infinity')), id);
CREATE INDEX communications_updated ON crm.communications ((COALESCE(updated_at, '-infinity')), id);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'crm_api') THEN
        GRANT USAGE ON SCHEMA sync TO crm_api;
        GRANT SELECT ON sync.database TO crm_api;
        GRANT SELECT, INSERT, UPDATE, DELETE ON sync.visible_records TO crm_api;
    END IF;
END
$$;

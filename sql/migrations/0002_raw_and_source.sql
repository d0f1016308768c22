-- What the CRMs hold: raw payloads, and typed records of each connection.
-- No foreign keys and few indexes here: one writer per connection writes millions of rows, and each would cost it a third more.
-- From a golden id to source records leads crm.crosswalk.

CREATE TABLE raw.records (
    connection_id integer NOT NULL,
    entity text NOT NULL,
    external_id text NOT NULL,
    payload jsonb,
    content_hash bytea NOT NULL,
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    fetched_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, entity, external_id)
);
COMMENT ON TABLE raw.records IS 'Landing: the current payload of every record, as the CRM sent it.';
COMMENT ON COLUMN raw.records.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN raw.records.entity IS 'Raw kind: an entity, or stage_changes.';
COMMENT ON COLUMN raw.records.external_id IS 'Identifier in the CRM.';
COMMENT ON COLUMN raw.records.payload IS 'Payload as sent; null when only the deletion is known.';
COMMENT ON COLUMN raw.records.content_hash IS 'Fingerprint of the payload; an unchanged one costs no write.';
COMMENT ON COLUMN raw.records.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN raw.records.remote_updated_at IS 'When it last changed, by the CRM''s clock.';
COMMENT ON COLUMN raw.records.fetched_at IS 'When this payload was read.';
COMMENT ON COLUMN raw.records.deleted_at IS 'Tombstone: when it was found to be deleted.';

CREATE TABLE source.users (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    email text,
    is_active boolean,
    is_admin boolean,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.users IS 'Users of the CRM account; deals, contacts and tasks refer to them as owners.';
COMMENT ON COLUMN source.users.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.users.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.users.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.users.name IS 'Full name.';
COMMENT ON COLUMN source.users.email IS 'E-mail, lower case.';
COMMENT ON COLUMN source.users.is_active IS 'Whether the user may log in.';
COMMENT ON COLUMN source.users.is_admin IS 'Whether the user administers the account.';
COMMENT ON COLUMN source.users.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.users.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.users.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.users.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.pipelines (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    sort integer,
    is_main boolean,
    is_archived boolean,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.pipelines IS 'Sales pipelines of the account.';
COMMENT ON COLUMN source.pipelines.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.pipelines.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.pipelines.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.pipelines.name IS 'Name.';
COMMENT ON COLUMN source.pipelines.sort IS 'Order in the CRM.';
COMMENT ON COLUMN source.pipelines.is_main IS 'Whether new deals land here by default.';
COMMENT ON COLUMN source.pipelines.is_archived IS 'Whether it is archived.';
COMMENT ON COLUMN source.pipelines.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.pipelines.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.pipelines.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.pipelines.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.stages (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    sort integer,
    pipeline_external_id text,
    category text CHECK (category IN ('open', 'won', 'lost')),
    color text,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.stages IS 'Stages of the pipelines. amoCRM shares the ids 142 and 143 among pipelines, so its key is pipeline:status.';
COMMENT ON COLUMN source.stages.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.stages.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.stages.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.stages.name IS 'Name.';
COMMENT ON COLUMN source.stages.sort IS 'Order within the pipeline.';
COMMENT ON COLUMN source.stages.pipeline_external_id IS 'Pipeline (source.pipelines.external_id).';
COMMENT ON COLUMN source.stages.category IS 'What the stage means: open, won or lost.';
COMMENT ON COLUMN source.stages.color IS 'Colour in the CRM.';
COMMENT ON COLUMN source.stages.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.stages.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.stages.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.stages.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.custom_fields (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    entity text NOT NULL,
    field_key text NOT NULL,
    name text,
    kind text NOT NULL,
    remote_type text,
    is_multiple boolean NOT NULL DEFAULT false,
    options jsonb NOT NULL DEFAULT '{}',
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.custom_fields IS 'Definitions of custom fields, used to type and label their values.';
COMMENT ON COLUMN source.custom_fields.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.custom_fields.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.custom_fields.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.custom_fields.entity IS 'Entity the field belongs to.';
COMMENT ON COLUMN source.custom_fields.field_key IS 'Key under which values stand in custom_fields: amoCRM field id, Bitrix24 UF_ name.';
COMMENT ON COLUMN source.custom_fields.name IS 'Label people see.';
COMMENT ON COLUMN source.custom_fields.kind IS 'Our type: text, number, money, boolean, date, datetime, enum, link, file, json.';
COMMENT ON COLUMN source.custom_fields.remote_type IS 'Type as the CRM names it.';
COMMENT ON COLUMN source.custom_fields.is_multiple IS 'Whether it holds several values.';
COMMENT ON COLUMN source.custom_fields.options IS 'Choices of an enum: id → label.';
COMMENT ON COLUMN source.custom_fields.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.custom_fields.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.custom_fields.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.custom_fields.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.companies (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    tax_id text,
    website text,
    owner_external_id text,
    is_own boolean NOT NULL DEFAULT false,
    tags text[] NOT NULL DEFAULT '{}',
    originator_id text,
    origin_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.companies IS 'Companies of one connection, cleaned and typed.';
COMMENT ON COLUMN source.companies.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.companies.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.companies.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.companies.name IS 'Name.';
COMMENT ON COLUMN source.companies.tax_id IS 'Tax id (INN), digits only.';
COMMENT ON COLUMN source.companies.website IS 'Web site.';
COMMENT ON COLUMN source.companies.owner_external_id IS 'Responsible user in the CRM (source.users.external_id).';
COMMENT ON COLUMN source.companies.is_own IS 'Bitrix24''s records of the portal owner''s own companies: kept, flagged.';
COMMENT ON COLUMN source.companies.tags IS 'Tags, sorted.';
COMMENT ON COLUMN source.companies.originator_id IS 'Bitrix24 ORIGINATOR_ID: the outside system that made the record.';
COMMENT ON COLUMN source.companies.origin_id IS 'Bitrix24 ORIGIN_ID: the record''s identifier in that outside system.';
COMMENT ON COLUMN source.companies.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.companies.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.companies.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.companies.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.contacts (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    first_name text,
    last_name text,
    middle_name text,
    company_external_id text,
    owner_external_id text,
    position text,
    birthday date,
    tags text[] NOT NULL DEFAULT '{}',
    originator_id text,
    origin_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.contacts IS 'People of one connection, cleaned and typed.';
COMMENT ON COLUMN source.contacts.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.contacts.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.contacts.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.contacts.name IS 'Full name as shown in the CRM.';
COMMENT ON COLUMN source.contacts.first_name IS 'First name.';
COMMENT ON COLUMN source.contacts.last_name IS 'Last name.';
COMMENT ON COLUMN source.contacts.middle_name IS 'Patronymic or middle name.';
COMMENT ON COLUMN source.contacts.company_external_id IS 'Main company (source.companies.external_id).';
COMMENT ON COLUMN source.contacts.owner_external_id IS 'Responsible user in the CRM (source.users.external_id).';
COMMENT ON COLUMN source.contacts.position IS 'Position in the company.';
COMMENT ON COLUMN source.contacts.birthday IS 'Birthday, a calendar day without time zone.';
COMMENT ON COLUMN source.contacts.tags IS 'Tags, sorted.';
COMMENT ON COLUMN source.contacts.originator_id IS 'Bitrix24 ORIGINATOR_ID: the outside system that made the record.';
COMMENT ON COLUMN source.contacts.origin_id IS 'Bitrix24 ORIGIN_ID: the record''s identifier in that outside system.';
COMMENT ON COLUMN source.contacts.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.contacts.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.contacts.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.contacts.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.products (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    name text,
    sku text,
    price numeric,
    currency text,
    is_active boolean NOT NULL DEFAULT true,
    catalog_external_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.products IS 'Catalogue products of one connection.';
COMMENT ON COLUMN source.products.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.products.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.products.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.products.name IS 'Name.';
COMMENT ON COLUMN source.products.sku IS 'Article (SKU).';
COMMENT ON COLUMN source.products.price IS 'Base price.';
COMMENT ON COLUMN source.products.currency IS 'Currency of the price, ISO 4217.';
COMMENT ON COLUMN source.products.is_active IS 'Whether it is sold.';
COMMENT ON COLUMN source.products.catalog_external_id IS 'Catalogue in the CRM.';
COMMENT ON COLUMN source.products.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.products.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.products.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.products.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.deals (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    title text,
    amount numeric,
    currency text,
    pipeline_external_id text,
    stage_external_id text,
    stage_category text CHECK (stage_category IN ('open', 'won', 'lost')),
    company_external_id text,
    owner_external_id text,
    closed_at timestamptz,
    loss_reason text,
    tags text[] NOT NULL DEFAULT '{}',
    originator_id text,
    origin_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.deals IS 'Deals of one connection, cleaned and typed.';
COMMENT ON COLUMN source.deals.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.deals.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.deals.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.deals.title IS 'Title.';
COMMENT ON COLUMN source.deals.amount IS 'Value of the deal; null when the CRM holds none.';
COMMENT ON COLUMN source.deals.currency IS 'Currency of the amount, ISO 4217.';
COMMENT ON COLUMN source.deals.pipeline_external_id IS 'Pipeline (source.pipelines.external_id).';
COMMENT ON COLUMN source.deals.stage_external_id IS 'Stage (source.stages.external_id).';
COMMENT ON COLUMN source.deals.stage_category IS 'open, won or lost.';
COMMENT ON COLUMN source.deals.company_external_id IS 'Company (source.companies.external_id).';
COMMENT ON COLUMN source.deals.owner_external_id IS 'Responsible user in the CRM (source.users.external_id).';
COMMENT ON COLUMN source.deals.closed_at IS 'When it was won or lost.';
COMMENT ON COLUMN source.deals.loss_reason IS 'Why it was lost.';
COMMENT ON COLUMN source.deals.tags IS 'Tags, sorted.';
COMMENT ON COLUMN source.deals.originator_id IS 'Bitrix24 ORIGINATOR_ID: the outside system that made the record.';
COMMENT ON COLUMN source.deals.origin_id IS 'Bitrix24 ORIGIN_ID: the record''s identifier in that outside system.';
COMMENT ON COLUMN source.deals.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.deals.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.deals.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.deals.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.tasks (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    title text,
    body text,
    kind text,
    due_at timestamptz,
    is_completed boolean NOT NULL DEFAULT false,
    completed_at timestamptz,
    owner_external_id text,
    target_entity text,
    target_external_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.tasks IS 'Tasks of one connection.';
COMMENT ON COLUMN source.tasks.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.tasks.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.tasks.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.tasks.title IS 'What is to be done.';
COMMENT ON COLUMN source.tasks.body IS 'Longer description as sent, may hold BB code or HTML.';
COMMENT ON COLUMN source.tasks.kind IS 'Type of task: call, meeting, or the CRM''s own name.';
COMMENT ON COLUMN source.tasks.due_at IS 'Deadline.';
COMMENT ON COLUMN source.tasks.is_completed IS 'Whether it is done.';
COMMENT ON COLUMN source.tasks.completed_at IS 'When it was done.';
COMMENT ON COLUMN source.tasks.owner_external_id IS 'Responsible user in the CRM (source.users.external_id).';
COMMENT ON COLUMN source.tasks.target_entity IS 'Entity the task is about; the first when there are several (see source.task_targets).';
COMMENT ON COLUMN source.tasks.target_external_id IS 'Record the task is about.';
COMMENT ON COLUMN source.tasks.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.tasks.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.tasks.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.tasks.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.communications (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('call', 'sms', 'email', 'chat', 'meeting', 'note', 'other')),
    direction text CHECK (direction IN ('in', 'out')),
    body text,
    body_text text,
    happened_at timestamptz,
    duration_seconds integer,
    author_external_id text,
    target_entity text,
    target_external_id text,
    recording_url text,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.communications IS 'Calls, messages, meetings and notes: amoCRM notes, Bitrix24 activities and timeline comments.';
COMMENT ON COLUMN source.communications.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.communications.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.communications.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.communications.kind IS 'call, sms, email, chat, meeting, note or other.';
COMMENT ON COLUMN source.communications.direction IS 'in, out, or null when it has none.';
COMMENT ON COLUMN source.communications.body IS 'Text as sent, may hold HTML or BB code.';
COMMENT ON COLUMN source.communications.body_text IS 'The same as plain text.';
COMMENT ON COLUMN source.communications.happened_at IS 'When it took place.';
COMMENT ON COLUMN source.communications.duration_seconds IS 'Length of a call in seconds.';
COMMENT ON COLUMN source.communications.author_external_id IS 'User who wrote or called (source.users.external_id).';
COMMENT ON COLUMN source.communications.target_entity IS 'Entity it belongs to: contacts, companies or deals.';
COMMENT ON COLUMN source.communications.target_external_id IS 'Record it belongs to.';
COMMENT ON COLUMN source.communications.recording_url IS 'Address of the call''s recording.';
COMMENT ON COLUMN source.communications.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.communications.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.communications.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.communications.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.stage_changes (
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    golden_id uuid NOT NULL,
    deal_external_id text NOT NULL,
    pipeline_external_id text,
    stage_external_id text,
    from_pipeline_external_id text,
    from_stage_external_id text,
    changed_at timestamptz NOT NULL,
    author_external_id text,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    remote_created_at timestamptz,
    remote_updated_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (connection_id, external_id)
);
COMMENT ON TABLE source.stage_changes IS 'The CRMs'' own history of deals moving between stages (amoCRM events, Bitrix24 stage history).';
COMMENT ON COLUMN source.stage_changes.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.stage_changes.external_id IS 'Identifier in the CRM, as text; unique within connection and entity.';
COMMENT ON COLUMN source.stage_changes.golden_id IS 'Golden record this source record belongs to (crm.<entity>.id).';
COMMENT ON COLUMN source.stage_changes.deal_external_id IS 'Deal that moved.';
COMMENT ON COLUMN source.stage_changes.pipeline_external_id IS 'Pipeline it moved to.';
COMMENT ON COLUMN source.stage_changes.stage_external_id IS 'Stage it moved to.';
COMMENT ON COLUMN source.stage_changes.from_pipeline_external_id IS 'Pipeline it came from, when known.';
COMMENT ON COLUMN source.stage_changes.from_stage_external_id IS 'Stage it came from, when known.';
COMMENT ON COLUMN source.stage_changes.changed_at IS 'When it moved, by the CRM''s clock.';
COMMENT ON COLUMN source.stage_changes.author_external_id IS 'User who moved it.';
COMMENT ON COLUMN source.stage_changes.custom_fields IS 'Custom fields by field key: {name, type, value, enum}; values typed by the CRM''s definition.';
COMMENT ON COLUMN source.stage_changes.remote_created_at IS 'When the record was created, by the CRM''s clock.';
COMMENT ON COLUMN source.stage_changes.remote_updated_at IS 'When the record last changed, by the CRM''s clock.';
COMMENT ON COLUMN source.stage_changes.deleted_at IS 'Tombstone: when the record was found to be deleted in the CRM; null while it lives.';

CREATE TABLE source.contact_points (
    connection_id integer NOT NULL,
    entity text NOT NULL CHECK (entity IN ('contacts', 'companies')),
    external_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('phone', 'email', 'web', 'messenger')),
    value text NOT NULL,
    original text,
    label text,
    is_primary boolean NOT NULL DEFAULT false,
    position integer NOT NULL DEFAULT 0,
    remote_value_id text,
    PRIMARY KEY (connection_id, entity, external_id, kind, value)
);
COMMENT ON TABLE source.contact_points IS 'Phones, e-mails, web addresses and messengers of contacts and companies.';
COMMENT ON COLUMN source.contact_points.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.contact_points.entity IS 'contacts or companies.';
COMMENT ON COLUMN source.contact_points.external_id IS 'Owner of the contact point (contacts or companies external_id).';
COMMENT ON COLUMN source.contact_points.kind IS 'phone, email, web or messenger.';
COMMENT ON COLUMN source.contact_points.value IS 'Normalized value: E.164 phone, lower-case e-mail.';
COMMENT ON COLUMN source.contact_points.original IS 'Value as it stands in the CRM.';
COMMENT ON COLUMN source.contact_points.label IS 'The CRM''s own type, such as WORK or MOB.';
COMMENT ON COLUMN source.contact_points.is_primary IS 'First of its kind.';
COMMENT ON COLUMN source.contact_points.position IS 'Order in the CRM.';
COMMENT ON COLUMN source.contact_points.remote_value_id IS 'The CRM''s id of this value (Bitrix24 needs it to change one).';

CREATE INDEX contact_points_value ON source.contact_points (kind, value);

CREATE TABLE source.contact_companies (
    connection_id integer NOT NULL,
    contact_external_id text NOT NULL,
    company_external_id text NOT NULL,
    is_primary boolean NOT NULL DEFAULT false,
    PRIMARY KEY (connection_id, contact_external_id, company_external_id)
);
COMMENT ON TABLE source.contact_companies IS 'Which contacts belong to which companies.';
COMMENT ON COLUMN source.contact_companies.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.contact_companies.contact_external_id IS 'Contact.';
COMMENT ON COLUMN source.contact_companies.company_external_id IS 'Company.';
COMMENT ON COLUMN source.contact_companies.is_primary IS 'Whether it is the contact''s main company.';

CREATE TABLE source.deal_contacts (
    connection_id integer NOT NULL,
    deal_external_id text NOT NULL,
    contact_external_id text NOT NULL,
    is_main boolean NOT NULL DEFAULT false,
    position integer NOT NULL DEFAULT 0,
    PRIMARY KEY (connection_id, deal_external_id, contact_external_id)
);
COMMENT ON TABLE source.deal_contacts IS 'Which contacts take part in which deals.';
COMMENT ON COLUMN source.deal_contacts.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.deal_contacts.deal_external_id IS 'Deal.';
COMMENT ON COLUMN source.deal_contacts.contact_external_id IS 'Contact.';
COMMENT ON COLUMN source.deal_contacts.is_main IS 'Whether it is the deal''s main contact.';
COMMENT ON COLUMN source.deal_contacts.position IS 'Order in the CRM.';

CREATE TABLE source.deal_products (
    connection_id integer NOT NULL,
    deal_external_id text NOT NULL,
    position integer NOT NULL,
    product_external_id text,
    product_name text,
    quantity numeric,
    price numeric,
    discount numeric,
    row_external_id text,
    PRIMARY KEY (connection_id, deal_external_id, position)
);
COMMENT ON TABLE source.deal_products IS 'Product rows of deals.';
COMMENT ON COLUMN source.deal_products.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.deal_products.deal_external_id IS 'Deal.';
COMMENT ON COLUMN source.deal_products.position IS 'Order of the row within the deal.';
COMMENT ON COLUMN source.deal_products.product_external_id IS 'Product (source.products.external_id); null for a row typed by hand.';
COMMENT ON COLUMN source.deal_products.product_name IS 'Name on the row.';
COMMENT ON COLUMN source.deal_products.quantity IS 'Quantity.';
COMMENT ON COLUMN source.deal_products.price IS 'Price of one unit in the deal''s currency; the product''s own price where the CRM keeps none on the row.';
COMMENT ON COLUMN source.deal_products.discount IS 'Discount on one unit, in money.';
COMMENT ON COLUMN source.deal_products.row_external_id IS 'The CRM''s id of the row.';

CREATE TABLE source.task_targets (
    connection_id integer NOT NULL,
    task_external_id text NOT NULL,
    target_entity text NOT NULL,
    target_external_id text NOT NULL,
    PRIMARY KEY (connection_id, task_external_id, target_entity, target_external_id)
);
COMMENT ON TABLE source.task_targets IS 'What tasks are about; Bitrix24 allows several.';
COMMENT ON COLUMN source.task_targets.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.task_targets.task_external_id IS 'Task.';
COMMENT ON COLUMN source.task_targets.target_entity IS 'contacts, companies or deals.';
COMMENT ON COLUMN source.task_targets.target_external_id IS 'Record the task is about.';

CREATE TABLE source.field_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id integer NOT NULL,
    entity text NOT NULL,
    external_id text NOT NULL,
    field text NOT NULL,
    old_value jsonb,
    new_value jsonb,
    changed_at timestamptz,
    seen_at timestamptz NOT NULL DEFAULT now(),
    is_own_write boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE source.field_changes IS 'Every change of a field from the second version of a record on; append only.';
COMMENT ON COLUMN source.field_changes.id IS 'Order in which changes were seen.';
COMMENT ON COLUMN source.field_changes.connection_id IS 'Connection the record comes from.';
COMMENT ON COLUMN source.field_changes.entity IS 'Entity.';
COMMENT ON COLUMN source.field_changes.external_id IS 'Record.';
COMMENT ON COLUMN source.field_changes.field IS 'Column of source.<entity>, custom_fields.<key>, or the name of a child set such as phones.';
COMMENT ON COLUMN source.field_changes.old_value IS 'Value before.';
COMMENT ON COLUMN source.field_changes.new_value IS 'Value after.';
COMMENT ON COLUMN source.field_changes.changed_at IS 'When it changed in the CRM (the record''s modification time).';
COMMENT ON COLUMN source.field_changes.seen_at IS 'When the pipeline saw it.';
COMMENT ON COLUMN source.field_changes.is_own_write IS 'Whether it was the pipeline''s own write coming back.';

CREATE INDEX field_changes_record ON source.field_changes (connection_id, entity, external_id, field, id);

CREATE INDEX deals_company ON source.deals (connection_id, company_external_id);
CREATE INDEX contacts_company ON source.contacts (connection_id, company_external_id);
CREATE INDEX tasks_target ON source.tasks (connection_id, target_external_id);
CREATE INDEX communications_target ON source.communications (connection_id, target_external_id);
CREATE INDEX stage_changes_deal ON source.stage_changes (connection_id, deal_external_id);
CREATE INDEX deal_contacts_contact ON source.deal_contacts (connection_id, contact_external_id);
CREATE INDEX contact_companies_company ON source.contact_companies (connection_id, company_external_id);

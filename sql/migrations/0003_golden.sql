-- What is held to be true: golden records, their links and the crosswalk.

CREATE TABLE crm.users (
    id uuid PRIMARY KEY,
    name text,
    email text,
    is_active boolean,
    is_admin boolean,
    provenance jsonb NOT NULL DEFAULT '{}',
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    reconciled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE crm.users IS 'Users of all connected CRMs.';
COMMENT ON COLUMN crm.users.id IS 'Golden id; stays stable through re-matching.';
COMMENT ON COLUMN crm.users.name IS 'Full name.';
COMMENT ON COLUMN crm.users.email IS 'E-mail, lower case.';
COMMENT ON COLUMN crm.users.is_active IS 'Whether the user may log in.';
COMMENT ON COLUMN crm.users.is_admin IS 'Whether the user administers the account.';
COMMENT ON COLUMN crm.users.provenance IS 'Field → which connection''s value stands here, and by which rule.';
COMMENT ON COLUMN crm.users.source_count IS 'How many source records make up this one.';
COMMENT ON COLUMN crm.users.custom_fields IS 'Custom fields by connection and field key.';
COMMENT ON COLUMN crm.users.created_at IS 'When the first of its source records was created in its CRM.';
COMMENT ON COLUMN crm.users.updated_at IS 'When one of its source records last changed in its CRM.';
COMMENT ON COLUMN crm.users.deleted_at IS 'Tombstone: set when the last source record is gone.';
COMMENT ON COLUMN crm.users.reconciled_at IS 'When this row was last written by reconciling.';

CREATE TABLE crm.pipelines (
    id uuid PRIMARY KEY,
    name text,
    sort integer,
    is_main boolean,
    is_archived boolean,
    provenance jsonb NOT NULL DEFAULT '{}',
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    reconciled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE crm.pipelines IS 'Pipelines of all connected CRMs.';
COMMENT ON COLUMN crm.pipelines.id IS 'Golden id; stays stable through re-matching.';
COMMENT ON COLUMN crm.pipelines.name IS 'Name.';
COMMENT ON COLUMN crm.pipelines.sort IS 'Order in the CRM.';
COMMENT ON COLUMN crm.pipelines.is_main IS 'Whether new deals land here by default.';
COMMENT ON COLUMN crm.pipelines.is_archived IS 'Whether it is archived.';
COMMENT ON COLUMN crm.pipelines.provenance IS 'Field → which connection''s value stands here, and by which rule.';
COMMENT ON COLUMN crm.pipelines.source_count IS 'How many source records make up this one.';
COMMENT ON COLUMN crm.pipelines.custom_fields IS 'Custom fields by connection and field key.';
COMMENT ON COLUMN crm.pipelines.created_at IS 'When the first of its source records was created in its CRM.';
COMMENT ON COLUMN crm.pipelines.updated_at IS 'When one of its source records last changed in its CRM.';
COMMENT ON COLUMN crm.pipelines.deleted_at IS 'Tombstone: set when the last source record is gone.';
COMMENT ON COLUMN crm.pipelines.reconciled_at IS 'When this row was last written by reconciling.';

CREATE TABLE crm.stages (
    id uuid PRIMARY KEY,
    name text,
    sort integer,
    pipeline_id uuid,
    category text CHECK (category IN ('open', 'won', 'lost')),
    color text,
    provenance jsonb NOT NULL DEFAULT '{}',
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    reconciled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE crm.stages IS 'Stages of all pipelines; category says what a stage means.';
COMMENT ON COLUMN crm.stages.id IS 'Golden id; stays stable through re-matching.';
COMMENT ON COLUMN crm.stages.name IS 'Name.';
COMMENT ON COLUMN crm.stages.sort IS 'Order within the pipeline.';
COMMENT ON COLUMN crm.stages.pipeline_id IS 'Pipeline (crm.pipelines.id).';
COMMENT ON COLUMN crm.stages.category IS 'What the stage means: open, won or lost.';
COMMENT ON COLUMN crm.stages.color IS 'Colour in the CRM.';
COMMENT ON COLUMN crm.stages.provenance IS 'Field → which connection''s value stands here, and by which rule.';
COMMENT ON COLUMN crm.stages.source_count IS 'How many source records make up this one.';
COMMENT ON COLUMN crm.stages.custom_fields IS 'Custom fields by connection and field key.';
COMMENT ON COLUMN crm.stages.created_at IS 'When the first of its source records was created in its CRM.';
COMMENT ON COLUMN crm.stages.updated_at IS 'When one of its source records last changed in its CRM.';
COMMENT ON COLUMN crm.stages.deleted_at IS 'Tombstone: set when the last source record is gone.';
COMMENT ON COLUMN crm.stages.reconciled_at IS 'When this row was last written by reconciling.';

CREATE TABLE crm.companies (
    id uuid PRIMARY KEY,
    name text,
    tax_id text,
    website text,
    owner_id uuid,
    is_own boolean NOT NULL DEFAULT false,
    tags text[] NOT NULL DEFAULT '{}',
    provenance jsonb NOT NULL DEFAULT '{}',
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    reconciled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE crm.companies IS 'Companies, one row for one real company.';
COMMENT ON COLUMN crm.companies.id IS 'Golden id; stays stable through re-matching.';
COMMENT ON COLUMN crm.companies.name IS 'Name.';
COMMENT ON COLUMN crm.companies.tax_id IS 'Tax id (INN), digits only.';
COMMENT ON COLUMN crm.companies.website IS 'Web site.';
COMMENT ON COLUMN crm.companies.owner_id IS 'Responsible user (crm.users.id).';
COMMENT ON COLUMN crm.companies.is_own IS 'Bitrix24''s records of the portal owner''s own companies: kept, flagged.';
COMMENT ON COLUMN crm.companies.tags IS 'Tags, sorted.';
COMMENT ON COLUMN crm.companies.provenance IS 'Field → which connection''s value stands here, and by which rule.';
COMMENT ON COLUMN crm.companies.source_count IS 'How many source records make up this one.';
COMMENT ON COLUMN crm.companies.custom_fields IS 'Custom fields by connection and field key.';
COMMENT ON COLUMN crm.companies.created_at IS 'When the first of its source records was created in its CRM.';
COMMENT ON COLUMN crm.companies.updated_at IS 'When one of its source records last changed in its CRM.';
COMMENT ON COLUMN crm.companies.deleted_at IS 'Tombstone: set when the last source record is gone.';
COMMENT ON COLUMN crm.companies.reconciled_at IS 'When this row was last written by reconciling.';

CREATE TABLE crm.contacts (
    id uuid PRIMARY KEY,
    name text,
    first_name text,
    last_name text,
    middle_name text,
    company_id uuid,
    owner_id uuid,
    position text,
    birthday date,
    tags text[] NOT NULL DEFAULT '{}',
    provenance jsonb NOT NULL DEFAULT '{}',
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    reconciled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE crm.contacts IS 'People, one row for one real person.';
COMMENT ON COLUMN crm.contacts.id IS 'Golden id; stays stable through re-matching.';
COMMENT ON COLUMN crm.contacts.name IS 'Full name as shown in the CRM.';
COMMENT ON COLUMN crm.contacts.first_name IS 'First name.';
COMMENT ON COLUMN crm.contacts.last_name IS 'Last name.';
COMMENT ON COLUMN crm.contacts.middle_name IS 'Patronymic or middle name.';
COMMENT ON COLUMN crm.contacts.company_id IS 'Company (crm.companies.id).';
COMMENT ON COLUMN crm.contacts.owner_id IS 'Responsible user (crm.users.id).';
COMMENT ON COLUMN crm.contacts.position IS 'Position in the company.';
COMMENT ON COLUMN crm.contacts.birthday IS 'Birthday, a calendar day without time zone.';
COMMENT ON COLUMN crm.contacts.tags IS 'Tags, sorted.';
COMMENT ON COLUMN crm.contacts.provenance IS 'Field → which connection''s value stands here, and by which rule.';
COMMENT ON COLUMN crm.contacts.source_count IS 'How many source records make up this one.';
COMMENT ON COLUMN crm.contacts.custom_fields IS 'Custom fields by connection and field key.';
COMMENT ON COLUMN crm.contacts.created_at IS 'When the first of its source records was created in its CRM.';
COMMENT ON COLUMN crm.contacts.updated_at IS 'When one of its source records last changed in its CRM.';
COMMENT ON COLUMN crm.contacts.deleted_at IS 'Tombstone: set when the last source record is gone.';
COMMENT ON COLUMN crm.contacts.reconciled_at IS 'When this row was last written by reconciling.';

CREATE TABLE crm.products (
    id uuid PRIMARY KEY,
    name text,
    sku text,
    price numeric,
    currency text,
    is_active boolean NOT NULL DEFAULT true,
    provenance jsonb NOT NULL DEFAULT '{}',
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    reconciled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE crm.products IS 'Products of all catalogues.';
COMMENT ON COLUMN crm.products.id IS 'Golden id; stays stable through re-matching.';
COMMENT ON COLUMN crm.products.name IS 'Name.';
COMMENT ON COLUMN crm.products.sku IS 'Article (SKU).';
COMMENT ON COLUMN crm.products.price IS 'Base price.';
COMMENT ON COLUMN crm.products.currency IS 'Currency of the price, ISO 4217.';
COMMENT ON COLUMN crm.products.is_active IS 'Whether it is sold.';
COMMENT ON COLUMN crm.products.provenance IS 'Field → which connection''s value stands here, and by which rule.';
COMMENT ON COLUMN crm.products.source_count IS 'How many source records make up this one.';
COMMENT ON COLUMN crm.products.custom_fields IS 'Custom fields by connection and field key.';
COMMENT ON COLUMN crm.products.created_at IS 'When the first of its source records was created in its CRM.';
COMMENT ON COLUMN crm.products.updated_at IS 'When one of its source records last changed in its CRM.';
COMMENT ON COLUMN crm.products.deleted_at IS 'Tombstone: set when the last source record is gone.';
COMMENT ON COLUMN crm.products.reconciled_at IS 'When this row was last written by reconciling.';

CREATE TABLE crm.deals (
    id uuid PRIMARY KEY,
    title text,
    amount numeric,
    currency text,
    pipeline_id uuid,
    stage_id uuid,
    stage_category text CHECK (stage_category IN ('open', 'won', 'lost')),
    company_id uuid,
    owner_id uuid,
    closed_at timestamptz,
    loss_reason text,
    tags text[] NOT NULL DEFAULT '{}',
    provenance jsonb NOT NULL DEFAULT '{}',
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    reconciled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE crm.deals IS 'Deals of all connected CRMs.';
COMMENT ON COLUMN crm.deals.id IS 'Golden id; stays stable through re-matching.';
COMMENT ON COLUMN crm.deals.title IS 'Title.';
COMMENT ON COLUMN crm.deals.amount IS 'Value of the deal.';
COMMENT ON COLUMN crm.deals.currency IS 'Currency of the amount, ISO 4217.';
COMMENT ON COLUMN crm.deals.pipeline_id IS 'Pipeline (crm.pipelines.id).';
COMMENT ON COLUMN crm.deals.stage_id IS 'Stage (crm.stages.id).';
COMMENT ON COLUMN crm.deals.stage_category IS 'open, won or lost.';
COMMENT ON COLUMN crm.deals.company_id IS 'Company (crm.companies.id).';
COMMENT ON COLUMN crm.deals.owner_id IS 'Responsible user (crm.users.id).';
COMMENT ON COLUMN crm.deals.closed_at IS 'When it was won or lost.';
COMMENT ON COLUMN crm.deals.loss_reason IS 'Why it was lost.';
COMMENT ON COLUMN crm.deals.tags IS 'Tags, sorted.';
COMMENT ON COLUMN crm.deals.provenance IS 'Field → which connection''s value stands here, and by which rule.';
COMMENT ON COLUMN crm.deals.source_count IS 'How many source records make up this one.';
COMMENT ON COLUMN crm.deals.custom_fields IS 'Custom fields by connection and field key.';
COMMENT ON COLUMN crm.deals.created_at IS 'When the first of its source records was created in its CRM.';
COMMENT ON COLUMN crm.deals.updated_at IS 'When one of its source records last changed in its CRM.';
COMMENT ON COLUMN crm.deals.deleted_at IS 'Tombstone: set when the last source record is gone.';
COMMENT ON COLUMN crm.deals.reconciled_at IS 'When this row was last written by reconciling.';

CREATE TABLE crm.tasks (
    id uuid PRIMARY KEY,
    title text,
    body text,
    kind text,
    due_at timestamptz,
    is_completed boolean NOT NULL DEFAULT false,
    completed_at timestamptz,
    owner_id uuid,
    target_entity text,
    target_id uuid,
    provenance jsonb NOT NULL DEFAULT '{}',
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    reconciled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE crm.tasks IS 'Tasks of all connected CRMs.';
COMMENT ON COLUMN crm.tasks.id IS 'Golden id; stays stable through re-matching.';
COMMENT ON COLUMN crm.tasks.title IS 'What is to be done.';
COMMENT ON COLUMN crm.tasks.body IS 'Longer description as sent, may hold BB code or HTML.';
COMMENT ON COLUMN crm.tasks.kind IS 'Type of task: call, meeting, or the CRM''s own name.';
COMMENT ON COLUMN crm.tasks.due_at IS 'Deadline.';
COMMENT ON COLUMN crm.tasks.is_completed IS 'Whether it is done.';
COMMENT ON COLUMN crm.tasks.completed_at IS 'When it was done.';
COMMENT ON COLUMN crm.tasks.owner_id IS 'Responsible user (crm.users.id).';
COMMENT ON COLUMN crm.tasks.target_entity IS 'Entity the task is about; the first when there are several (see source.task_targets).';
COMMENT ON COLUMN crm.tasks.target_id IS 'Golden record it is about; its table is crm.<target_entity>.';
COMMENT ON COLUMN crm.tasks.provenance IS 'Field → which connection''s value stands here, and by which rule.';
COMMENT ON COLUMN crm.tasks.source_count IS 'How many source records make up this one.';
COMMENT ON COLUMN crm.tasks.custom_fields IS 'Custom fields by connection and field key.';
COMMENT ON COLUMN crm.tasks.created_at IS 'When the first of its source records was created in its CRM.';
COMMENT ON COLUMN crm.tasks.updated_at IS 'When one of its source records last changed in its CRM.';
COMMENT ON COLUMN crm.tasks.deleted_at IS 'Tombstone: set when the last source record is gone.';
COMMENT ON COLUMN crm.tasks.reconciled_at IS 'When this row was last written by reconciling.';

CREATE TABLE crm.communications (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('call', 'sms', 'email', 'chat', 'meeting', 'note', 'other')),
    direction text CHECK (direction IN ('in', 'out')),
    body text,
    body_text text,
    happened_at timestamptz,
    duration_seconds integer,
    author_id uuid,
    target_entity text,
    target_id uuid,
    recording_url text,
    provenance jsonb NOT NULL DEFAULT '{}',
    source_count integer NOT NULL DEFAULT 1,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    reconciled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE crm.communications IS 'Calls, messages, meetings and notes of all connected CRMs.';
COMMENT ON COLUMN crm.communications.id IS 'Golden id; stays stable through re-matching.';
COMMENT ON COLUMN crm.communications.kind IS 'call, sms, email, chat, meeting, note or other.';
COMMENT ON COLUMN crm.communications.direction IS 'in, out, or null when it has none.';
COMMENT ON COLUMN crm.communications.body IS 'Text as sent, may hold HTML or BB code.';
COMMENT ON COLUMN crm.communications.body_text IS 'The same as plain text.';
COMMENT ON COLUMN crm.communications.happened_at IS 'When it took place.';
COMMENT ON COLUMN crm.communications.duration_seconds IS 'Length of a call in seconds.';
COMMENT ON COLUMN crm.communications.author_id IS 'User who wrote or called (crm.users.id).';
COMMENT ON COLUMN crm.communications.target_entity IS 'Entity it belongs to: contacts, companies or deals.';
COMMENT ON COLUMN crm.communications.target_id IS 'Golden record it is about; its table is crm.<target_entity>.';
COMMENT ON COLUMN crm.communications.recording_url IS 'Address of the call''s recording.';
COMMENT ON COLUMN crm.communications.provenance IS 'Field → which connection''s value stands here, and by which rule.';
COMMENT ON COLUMN crm.communications.source_count IS 'How many source records make up this one.';
COMMENT ON COLUMN crm.communications.custom_fields IS 'Custom fields by connection and field key.';
COMMENT ON COLUMN crm.communications.created_at IS 'When the first of its source records was created in its CRM.';
COMMENT ON COLUMN crm.communications.updated_at IS 'When one of its source records last changed in its CRM.';
COMMENT ON COLUMN crm.communications.deleted_at IS 'Tombstone: set when the last source record is gone.';
COMMENT ON COLUMN crm.communications.reconciled_at IS 'When this row was last written by reconciling.';

CREATE TABLE crm.contact_points (
    entity text NOT NULL,
    golden_id uuid NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    label text,
    is_primary boolean NOT NULL DEFAULT false,
    position integer NOT NULL DEFAULT 0,
    PRIMARY KEY (entity, golden_id, kind, value)
);
COMMENT ON TABLE crm.contact_points IS 'Phones, e-mails, web addresses and messengers of golden contacts and companies.';
COMMENT ON COLUMN crm.contact_points.entity IS 'contacts or companies.';
COMMENT ON COLUMN crm.contact_points.golden_id IS 'Contact or company (crm.<entity>.id).';
COMMENT ON COLUMN crm.contact_points.kind IS 'phone, email, web or messenger.';
COMMENT ON COLUMN crm.contact_points.value IS 'Normalized value: E.164 phone, lower-case e-mail.';
COMMENT ON COLUMN crm.contact_points.label IS 'The CRM''s own type, such as WORK or MOB.';
COMMENT ON COLUMN crm.contact_points.is_primary IS 'First of its kind.';
COMMENT ON COLUMN crm.contact_points.position IS 'Order.';

CREATE INDEX contact_points_value ON crm.contact_points (kind, value);

CREATE TABLE crm.deal_contacts (
    deal_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    is_main boolean NOT NULL DEFAULT false,
    position integer NOT NULL DEFAULT 0,
    PRIMARY KEY (deal_id, contact_id)
);
COMMENT ON TABLE crm.deal_contacts IS 'Which contacts take part in which deals.';
COMMENT ON COLUMN crm.deal_contacts.deal_id IS 'Deal (crm.deals.id).';
COMMENT ON COLUMN crm.deal_contacts.contact_id IS 'Contact (crm.contacts.id).';
COMMENT ON COLUMN crm.deal_contacts.is_main IS 'Whether it is the deal''s main contact.';
COMMENT ON COLUMN crm.deal_contacts.position IS 'Order.';

CREATE INDEX deal_contacts_contact ON crm.deal_contacts (contact_id);

CREATE TABLE crm.contact_companies (
    contact_id uuid NOT NULL,
    company_id uuid NOT NULL,
    is_primary boolean NOT NULL DEFAULT false,
    PRIMARY KEY (contact_id, company_id)
);
COMMENT ON TABLE crm.contact_companies IS 'Which contacts belong to which companies.';
COMMENT ON COLUMN crm.contact_companies.contact_id IS 'Contact (crm.contacts.id).';
COMMENT ON COLUMN crm.contact_companies.company_id IS 'Company (crm.companies.id).';
COMMENT ON COLUMN crm.contact_companies.is_primary IS 'Whether it is the contact''s main company.';

CREATE INDEX contact_companies_company ON crm.contact_companies (company_id);

CREATE TABLE crm.deal_products (
    deal_id uuid NOT NULL,
    position integer NOT NULL,
    product_id uuid,
    product_name text,
    quantity numeric,
    price numeric,
    discount numeric,
    PRIMARY KEY (deal_id, position)
);
COMMENT ON TABLE crm.deal_products IS 'Product rows of deals.';
COMMENT ON COLUMN crm.deal_products.deal_id IS 'Deal (crm.deals.id).';
COMMENT ON COLUMN crm.deal_products.position IS 'Order of the row within the deal.';
COMMENT ON COLUMN crm.deal_products.product_id IS 'Product (crm.products.id); null for a row typed by hand.';
COMMENT ON COLUMN crm.deal_products.product_name IS 'Name on the row.';
COMMENT ON COLUMN crm.deal_products.quantity IS 'Quantity.';
COMMENT ON COLUMN crm.deal_products.price IS 'Price of one unit in the deal''s currency.';
COMMENT ON COLUMN crm.deal_products.discount IS 'Discount on one unit, in money.';

CREATE TABLE crm.deal_stage_history (
    deal_id uuid NOT NULL,
    changed_at timestamptz NOT NULL,
    pipeline_id uuid,
    stage_id uuid,
    from_stage_id uuid,
    category text,
    origin text NOT NULL CHECK (origin IN ('crm', 'observed')),
    event_key text NOT NULL,
    author_id uuid,
    PRIMARY KEY (deal_id, event_key)
);
COMMENT ON TABLE crm.deal_stage_history IS 'Every stage a deal has been in, from the CRMs'' own histories where they keep one, else from observed changes.';
COMMENT ON COLUMN crm.deal_stage_history.deal_id IS 'Deal (crm.deals.id).';
COMMENT ON COLUMN crm.deal_stage_history.changed_at IS 'When the deal entered the stage.';
COMMENT ON COLUMN crm.deal_stage_history.pipeline_id IS 'Pipeline entered (crm.pipelines.id).';
COMMENT ON COLUMN crm.deal_stage_history.stage_id IS 'Stage entered (crm.stages.id).';
COMMENT ON COLUMN crm.deal_stage_history.from_stage_id IS 'Stage left, when known.';
COMMENT ON COLUMN crm.deal_stage_history.category IS 'open, won or lost, of the stage entered.';
COMMENT ON COLUMN crm.deal_stage_history.origin IS 'crm: the CRM''s own history; observed: seen as a change between two syncs.';
COMMENT ON COLUMN crm.deal_stage_history.event_key IS 'Connection and event this row comes from.';
COMMENT ON COLUMN crm.deal_stage_history.author_id IS 'User who moved the deal (crm.users.id), when known.';

CREATE INDEX deal_stage_history_time ON crm.deal_stage_history (deal_id, changed_at);

CREATE TABLE crm.crosswalk (
    golden_id uuid NOT NULL,
    entity text NOT NULL,
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    rule text NOT NULL,
    decided_by text NOT NULL DEFAULT 'pipeline',
    decided_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (entity, connection_id, external_id)
);
COMMENT ON TABLE crm.crosswalk IS 'Which source records make up a golden record, and by which rule or person.';
COMMENT ON COLUMN crm.crosswalk.golden_id IS 'Golden record (crm.<entity>.id).';
COMMENT ON COLUMN crm.crosswalk.entity IS 'Entity.';
COMMENT ON COLUMN crm.crosswalk.connection_id IS 'Connection of the source record.';
COMMENT ON COLUMN crm.crosswalk.external_id IS 'Identifier of the source record.';
COMMENT ON COLUMN crm.crosswalk.rule IS 'Rule that linked it; identity: it stands alone.';
COMMENT ON COLUMN crm.crosswalk.decided_by IS 'pipeline, or the person who decided.';
COMMENT ON COLUMN crm.crosswalk.decided_at IS 'When it was linked.';

CREATE INDEX crosswalk_golden ON crm.crosswalk (golden_id);

CREATE INDEX deals_company ON crm.deals (company_id);
CREATE INDEX deals_stage ON crm.deals (stage_id);
CREATE INDEX deals_owner ON crm.deals (owner_id);
CREATE INDEX contacts_company ON crm.contacts (company_id);
CREATE INDEX tasks_target ON crm.tasks (target_id);
CREATE INDEX tasks_owner ON crm.tasks (owner_id);
CREATE INDEX communications_target ON crm.communications (target_id);

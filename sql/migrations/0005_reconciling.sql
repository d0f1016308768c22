-- Reconciling: which source records are one thing, decided by rules and people; what was in dispute; what is to be rebuilt.

CREATE TABLE crm.golden_redirects (
    old_id uuid PRIMARY KEY,
    entity text NOT NULL,
    new_id uuid NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE crm.golden_redirects IS 'Golden ids that were merged into others and keep redirecting; one step always leads to the living record.';
COMMENT ON COLUMN crm.golden_redirects.old_id IS 'Golden id that is no more.';
COMMENT ON COLUMN crm.golden_redirects.entity IS 'Entity of both.';
COMMENT ON COLUMN crm.golden_redirects.new_id IS 'Golden record that stands for it now (crm.<entity>.id).';
COMMENT ON COLUMN crm.golden_redirects.since IS 'When they were merged.';

CREATE INDEX golden_redirects_new ON crm.golden_redirects (new_id);

CREATE TABLE sync.golden_queue (
    entity text NOT NULL,
    golden_id uuid NOT NULL,
    PRIMARY KEY (entity, golden_id)
);
COMMENT ON TABLE sync.golden_queue IS 'Golden records whose values are to be chosen again, because a source record of theirs changed, came or left.';
COMMENT ON COLUMN sync.golden_queue.entity IS 'Entity.';
COMMENT ON COLUMN sync.golden_queue.golden_id IS 'Golden record (crm.<entity>.id).';

CREATE TABLE sync.match_keys (
    entity text NOT NULL,
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    rule text NOT NULL,
    key text NOT NULL,
    PRIMARY KEY (entity, connection_id, external_id, rule, key)
);
COMMENT ON TABLE sync.match_keys IS 'What source records can be recognised by, beside the phones and e-mails in source.contact_points.';
COMMENT ON COLUMN sync.match_keys.entity IS 'Entity.';
COMMENT ON COLUMN sync.match_keys.connection_id IS 'Connection of the source record.';
COMMENT ON COLUMN sync.match_keys.external_id IS 'Identifier of the source record.';
COMMENT ON COLUMN sync.match_keys.rule IS 'Rule the key belongs to: marker, external_id, tax_id, domain, sku, name, mapping.';
COMMENT ON COLUMN sync.match_keys.key IS 'Normalized key; equal keys mean the same thing.';

CREATE INDEX match_keys_key ON sync.match_keys (entity, rule, key);

CREATE TABLE sync.match_decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('together', 'apart')),
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    other_connection_id integer NOT NULL,
    other_external_id text NOT NULL,
    reason text,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CHECK ((connection_id, external_id) < (other_connection_id, other_external_id))
);
COMMENT ON TABLE sync.match_decisions IS 'What people decided about two source records: one thing, or not. Never overridden by a rule; a later decision revokes an earlier one.';
COMMENT ON COLUMN sync.match_decisions.id IS 'Order in which they were decided.';
COMMENT ON COLUMN sync.match_decisions.entity IS 'Entity of both records.';
COMMENT ON COLUMN sync.match_decisions.verdict IS 'together: they are one thing; apart: they are not.';
COMMENT ON COLUMN sync.match_decisions.connection_id IS 'Connection of the one record.';
COMMENT ON COLUMN sync.match_decisions.external_id IS 'Identifier of the one record.';
COMMENT ON COLUMN sync.match_decisions.other_connection_id IS 'Connection of the other record.';
COMMENT ON COLUMN sync.match_decisions.other_external_id IS 'Identifier of the other record.';
COMMENT ON COLUMN sync.match_decisions.reason IS 'Why, in the words of who decided.';
COMMENT ON COLUMN sync.match_decisions.decided_by IS 'Who decided.';
COMMENT ON COLUMN sync.match_decisions.decided_at IS 'When.';
COMMENT ON COLUMN sync.match_decisions.revoked_at IS 'When a later decision about the same two took its place; null while it holds.';

CREATE UNIQUE INDEX match_decisions_pair ON sync.match_decisions
    (entity, connection_id, external_id, other_connection_id, other_external_id) WHERE revoked_at IS NULL;
CREATE INDEX match_decisions_other ON sync.match_decisions (entity, other_connection_id, other_external_id) WHERE revoked_at IS NULL;

CREATE TABLE sync.match_reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity text NOT NULL,
    connection_id integer NOT NULL,
    external_id text NOT NULL,
    other_connection_id integer NOT NULL,
    other_external_id text NOT NULL,
    rule text NOT NULL,
    reason text NOT NULL CHECK (reason IN ('contradiction', 'several_candidates', 'one_connection', 'resemblance')),
    explanation text NOT NULL,
    score double precision,
    features jsonb,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'merged', 'kept_apart', 'obsolete')),
    created_at timestamptz NOT NULL DEFAULT now(),
    decided_by text,
    decided_at timestamptz,
    UNIQUE (entity, connection_id, external_id, other_connection_id, other_external_id),
    CHECK ((connection_id, external_id) < (other_connection_id, other_external_id))
);
COMMENT ON TABLE sync.match_reviews IS 'Pairs of source records a rule would not decide about: a person says whether they are one thing.';
COMMENT ON COLUMN sync.match_reviews.id IS 'Number a person answers it by.';
COMMENT ON COLUMN sync.match_reviews.entity IS 'Entity of both records.';
COMMENT ON COLUMN sync.match_reviews.connection_id IS 'Connection of the one record.';
COMMENT ON COLUMN sync.match_reviews.external_id IS 'Identifier of the one record.';
COMMENT ON COLUMN sync.match_reviews.other_connection_id IS 'Connection of the other record.';
COMMENT ON COLUMN sync.match_reviews.other_external_id IS 'Identifier of the other record.';
COMMENT ON COLUMN sync.match_reviews.rule IS 'Rule that brought them together, or resemblance.';
COMMENT ON COLUMN sync.match_reviews.reason IS 'contradiction: their names speak against it; several_candidates: more than one fits; one_connection: both are of one connection; resemblance: alike without a common key.';
COMMENT ON COLUMN sync.match_reviews.explanation IS 'The same as a sentence.';
COMMENT ON COLUMN sync.match_reviews.score IS 'How alike they are, 0 to 1, of suggestions.';
COMMENT ON COLUMN sync.match_reviews.features IS 'What the score is made of: feature → 0 to 1.';
COMMENT ON COLUMN sync.match_reviews.state IS 'open: waits for a person; merged, kept_apart: decided; obsolete: the records changed and the question is gone.';
COMMENT ON COLUMN sync.match_reviews.created_at IS 'When it came up.';
COMMENT ON COLUMN sync.match_reviews.decided_by IS 'Who decided.';
COMMENT ON COLUMN sync.match_reviews.decided_at IS 'When it was decided or became obsolete.';

CREATE INDEX match_reviews_other ON sync.match_reviews (entity, other_connection_id, other_external_id);
CREATE INDEX match_reviews_open ON sync.match_reviews (entity, id) WHERE state = 'open';

CREATE TABLE sync.suggestion_queue (
    golden_id uuid PRIMARY KEY
);
COMMENT ON TABLE sync.suggestion_queue IS 'Golden contacts that changed since it was looked for others who resemble them.';
COMMENT ON COLUMN sync.suggestion_queue.golden_id IS 'Golden record (crm.contacts.id).';

CREATE TABLE sync.resemblance_blocks (
    block text NOT NULL,
    golden_id uuid NOT NULL,
    PRIMARY KEY (block, golden_id)
);
COMMENT ON TABLE sync.resemblance_blocks IS 'Coarse keys of golden contacts: those with an equal one are compared, unless many have it.';
COMMENT ON COLUMN sync.resemblance_blocks.block IS 'Coarse key, such as surname and given name in one spelling.';
COMMENT ON COLUMN sync.resemblance_blocks.golden_id IS 'Golden record (crm.contacts.id).';

CREATE INDEX resemblance_blocks_golden ON sync.resemblance_blocks (golden_id);

CREATE TABLE sync.bases (
    entity text NOT NULL,
    golden_id uuid NOT NULL,
    field text NOT NULL,
    value jsonb NOT NULL,
    agreed_at timestamptz NOT NULL,
    PRIMARY KEY (entity, golden_id, field)
);
COMMENT ON TABLE sync.bases IS 'What all sides of a golden record last agreed on, of fields they differ in now. Of fields they agree in, the golden value itself is the base.';
COMMENT ON COLUMN sync.bases.entity IS 'Entity.';
COMMENT ON COLUMN sync.bases.golden_id IS 'Golden record (crm.<entity>.id).';
COMMENT ON COLUMN sync.bases.field IS 'Field, or group of fields that go together, such as name.';
COMMENT ON COLUMN sync.bases.value IS 'Values of the group''s columns, in their order.';
COMMENT ON COLUMN sync.bases.agreed_at IS 'Until when they are known to have agreed.';

CREATE TABLE sync.conflicts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity text NOT NULL,
    golden_id uuid NOT NULL,
    field text NOT NULL,
    base_value jsonb,
    "values" jsonb NOT NULL,
    rule text NOT NULL,
    chosen text,
    state text NOT NULL CHECK (state IN ('decided', 'open', 'overturned')),
    decided_by text,
    decided_at timestamptz,
    seen_at timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz
);
COMMENT ON TABLE sync.conflicts IS 'Fields that were changed to different values on two sides since they last agreed, and what came of it.';
COMMENT ON COLUMN sync.conflicts.id IS 'Number a person settles it by.';
COMMENT ON COLUMN sync.conflicts.entity IS 'Entity.';
COMMENT ON COLUMN sync.conflicts.golden_id IS 'Golden record (crm.<entity>.id).';
COMMENT ON COLUMN sync.conflicts.field IS 'Field, or group of fields that go together, such as name.';
COMMENT ON COLUMN sync.conflicts.base_value IS 'What all sides last agreed on, by column; null when they never did.';
COMMENT ON COLUMN sync.conflicts."values" IS 'Side → {value: by column, changed_at}; a side is a connection''s name, with the record''s id where it has two.';
COMMENT ON COLUMN sync.conflicts.rule IS 'Rule that decided, or review: none may.';
COMMENT ON COLUMN sync.conflicts.chosen IS 'Side whose value stands.';
COMMENT ON COLUMN sync.conflicts.state IS 'decided: a rule or person decided; open: a person has to; overturned: a person decided against the rule.';
COMMENT ON COLUMN sync.conflicts.decided_by IS 'pipeline, or the person who decided; null while open.';
COMMENT ON COLUMN sync.conflicts.decided_at IS 'When it was decided.';
COMMENT ON COLUMN sync.conflicts.seen_at IS 'When the conflict was first seen.';
COMMENT ON COLUMN sync.conflicts.superseded_at IS 'When the values changed again or the sides agreed; null while it stands.';

CREATE UNIQUE INDEX conflicts_current ON sync.conflicts (entity, golden_id, field) WHERE superseded_at IS NULL;
CREATE INDEX conflicts_open ON sync.conflicts (id) WHERE superseded_at IS NULL AND state = 'open';

-- A field that never changed since we first saw it is as old as the version it came with.
ALTER TABLE source.users ADD COLUMN first_updated_at timestamptz;
COMMENT ON COLUMN source.users.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';
ALTER TABLE source.pipelines ADD COLUMN first_updated_at timestamptz;
COMMENT ON COLUMN source.pipelines.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';
ALTER TABLE source.stages ADD COLUMN first_updated_at timestamptz;
COMMENT ON COLUMN source.stages.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';
ALTER TABLE source.companies ADD COLUMN first_updated_at timestamptz;
COMMENT ON COLUMN source.companies.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';
ALTER TABLE source.contacts ADD COLUMN first_updated_at timestamptz;
COMMENT ON COLUMN source.contacts.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';
ALTER TABLE source.products ADD COLUMN first_updated_at timestamptz;
COMMENT ON COLUMN source.products.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';
ALTER TABLE source.deals ADD COLUMN first_updated_at timestamptz;
COMMENT ON COLUMN source.deals.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';
ALTER TABLE source.tasks ADD COLUMN first_updated_at timestamptz;
COMMENT ON COLUMN source.tasks.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';
ALTER TABLE source.communications ADD COLUMN first_updated_at timestamptz;
COMMENT ON COLUMN source.communications.first_updated_at IS 'When the first version we saw had last changed, by the CRM''s clock: dates fields that did not change since.';

-- The app is a side like any other: its edits are source records of a built-in connection.
INSERT INTO sync.connections (crm, name, base_url, next_due_at) VALUES ('app', 'app', 'app:', 'infinity') ON CONFLICT (name) DO NOTHING;

-- What the CRMs tell by themselves: the address of each connection, and the inbox where deliveries wait to be looked into.

CREATE TABLE sync.webhooks (
    connection_id integer PRIMARY KEY REFERENCES sync.connections (id),
    token_hash bytea NOT NULL UNIQUE,
    token_sealed bytea NOT NULL,
    state text NOT NULL DEFAULT 'unregistered' CHECK (state IN ('unregistered', 'registered', 'refused')),
    detail text,
    checked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sync.webhooks IS 'The secret address at which a connection''s CRM delivers, and whether the CRM knows it.';
COMMENT ON COLUMN sync.webhooks.connection_id IS 'Connection.';
COMMENT ON COLUMN sync.webhooks.token_hash IS 'SHA-256 of the secret part of the address: what a delivery is recognised by.';
COMMENT ON COLUMN sync.webhooks.token_sealed IS 'The secret part, encrypted with AES-256-GCM and bound to this row: what is told to the CRM.';
COMMENT ON COLUMN sync.webhooks.state IS 'unregistered: the CRM was not told; registered: it delivers; refused: it does not, detail says why.';
COMMENT ON COLUMN sync.webhooks.detail IS 'What a person should know about it.';
COMMENT ON COLUMN sync.webhooks.checked_at IS 'When the CRM was last asked about it.';
COMMENT ON COLUMN sync.webhooks.created_at IS 'When the address was made up.';

CREATE TABLE sync.inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id integer NOT NULL REFERENCES sync.connections (id),
    received_at timestamptz NOT NULL DEFAULT now(),
    entity text,
    external_id text,
    action text NOT NULL,
    dedup_key text NOT NULL,
    body_digest text NOT NULL,
    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done', 'ignored')),
    taken_at timestamptz,
    done_at timestamptz,
    UNIQUE (connection_id, dedup_key),
    CHECK (state = 'ignored' OR (entity IS NOT NULL AND external_id IS NOT NULL)),
    CHECK ((state = 'done') = (done_at IS NOT NULL))
);
COMMENT ON TABLE sync.inbox IS 'Hints from webhooks: something happened to a record, so it is read again. Nothing else of a delivery is believed.';
COMMENT ON COLUMN sync.inbox.id IS 'Order of arrival.';
COMMENT ON COLUMN sync.inbox.connection_id IS 'Connection whose address it came to.';
COMMENT ON COLUMN sync.inbox.received_at IS 'When it came; a repetition of what was looked into long ago counts anew.';
COMMENT ON COLUMN sync.inbox.entity IS 'Entity of the record; null when the delivery was about nothing we keep.';
COMMENT ON COLUMN sync.inbox.external_id IS 'Record.';
COMMENT ON COLUMN sync.inbox.action IS 'What is said to have happened, in the CRM''s word.';
COMMENT ON COLUMN sync.inbox.dedup_key IS 'What the same hint is recognised by when it is delivered again.';
COMMENT ON COLUMN sync.inbox.body_digest IS 'SHA-256 of the body it came in.';
COMMENT ON COLUMN sync.inbox.state IS 'new: the record is to be read again; done: it was; ignored: about nothing we keep.';
COMMENT ON COLUMN sync.inbox.taken_at IS 'When a process began to read it; taken again when that process has not finished for long.';
COMMENT ON COLUMN sync.inbox.done_at IS 'When the record had been read again.';

CREATE INDEX inbox_new ON sync.inbox (connection_id, id) WHERE state = 'new';
CREATE INDEX inbox_received ON sync.inbox (received_at);

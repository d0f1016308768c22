-- How fresh what an analyst reads is.
CREATE OR REPLACE VIEW crm.freshness AS
SELECT c.name AS connection, c.crm, c.status, s.entity, s.last_success_at, now() - s.last_success_at AS age, s.lag_seconds,
       s.last_error, s.what_to_do
FROM sync.sync_status s
JOIN sync.connections c ON c.id = s.connection_id
WHERE c.status <> 'removed';
COMMENT ON VIEW crm.freshness IS 'How fresh each entity of each connection is.';
COMMENT ON COLUMN crm.freshness.connection IS 'Name of the connection.';
COMMENT ON COLUMN crm.freshness.crm IS 'Kind of system.';
COMMENT ON COLUMN crm.freshness.status IS 'Status of the connection; only an active one is synced.';
COMMENT ON COLUMN crm.freshness.entity IS 'Entity.';
COMMENT ON COLUMN crm.freshness.last_success_at IS 'When it was last synced without an error.';
COMMENT ON COLUMN crm.freshness.age IS 'How long ago that was.';
COMMENT ON COLUMN crm.freshness.lag_seconds IS 'How old the data was at that moment.';
COMMENT ON COLUMN crm.freshness.last_error IS 'Last error, null after a success.';
COMMENT ON COLUMN crm.freshness.what_to_do IS 'What a person should do about it.';

-- Pairs of records of which a person says whether they are one thing.
CREATE OR REPLACE VIEW crm.open_reviews AS
SELECT r.id, r.entity, c.name || ':' || r.external_id AS record,
       CASE r.entity
           WHEN 'contacts' THEN (SELECT s.name FROM source.contacts s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'companies' THEN (SELECT s.name FROM source.companies s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'deals' THEN (SELECT s.title FROM source.deals s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'products' THEN (SELECT s.name FROM source.products s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'users' THEN (SELECT s.name FROM source.users s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'pipelines' THEN (SELECT s.name FROM source.pipelines s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
           WHEN 'stages' THEN (SELECT s.name FROM source.stages s WHERE s.connection_id = r.connection_id AND s.external_id = r.external_id)
       END AS name,
       d.name || ':' || r.other_external_id AS other_record,
       CASE r.entity
           WHEN 'contacts' THEN (SELECT s.name FROM source.contacts s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'companies' THEN (SELECT s.name FROM source.companies s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'deals' THEN (SELECT s.title FROM source.deals s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'products' THEN (SELECT s.name FROM source.products s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'users' THEN (SELECT s.name FROM source.users s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'pipelines' THEN (SELECT s.name FROM source.pipelines s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
           WHEN 'stages' THEN (SELECT s.name FROM source.stages s WHERE s.connection_id = r.other_connection_id AND s.external_id = r.other_external_id)
       END AS other_name,
       r.reason, r.explanation, r.rule, r.score, r.features, r.created_at
FROM sync.match_reviews r
JOIN sync.connections c ON c.id = r.connection_id
JOIN sync.connections d ON d.id = r.other_connection_id
WHERE r.state = 'open';
COMMENT ON VIEW crm.open_reviews IS 'Pairs of records that may be one thing: crm-pipeline match merge --review ID, or match split --review ID.';
COMMENT ON COLUMN crm.open_reviews.id IS 'Review (sync.match_reviews.id).';
COMMENT ON COLUMN crm.open_reviews.entity IS 'Entity of both records.';
COMMENT ON COLUMN crm.open_reviews.record IS 'The one record: connection:external id.';
COMMENT ON COLUMN crm.open_reviews.name IS 'What it is called there.';
COMMENT ON COLUMN crm.open_reviews.other_record IS 'The other record.';
COMMENT ON COLUMN crm.open_reviews.other_name IS 'What that is called there.';
COMMENT ON COLUMN crm.open_reviews.reason IS 'contradiction, several_candidates, one_connection or resemblance.';
COMMENT ON COLUMN crm.open_reviews.explanation IS 'Why they may be one, and what speaks against it.';
COMMENT ON COLUMN crm.open_reviews.rule IS 'Rule that brought them together, or resemblance.';
COMMENT ON COLUMN crm.open_reviews.score IS 'How alike they are, 0 to 1, of suggestions.';
COMMENT ON COLUMN crm.open_reviews.features IS 'What the score is made of: feature → 0 to 1.';
COMMENT ON COLUMN crm.open_reviews.created_at IS 'When it came up.';

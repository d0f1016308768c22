-- What each source said when.
CREATE OR REPLACE VIEW crm.value_history AS
SELECT h.entity, h.golden_id, c.name AS connection, h.external_id, h.field, h.value #>> '{}' AS value, h.valid_from, h.valid_until
FROM (
    -- what is said since a change, until the next one
    SELECT x.entity, x.golden_id, x.connection_id, x.external_id, f.field, f.new_value AS value, COALESCE(f.changed_at, f.seen_at) AS valid_from,
           COALESCE((
               SELECT COALESCE(n.changed_at, n.seen_at) FROM source.field_changes n
               WHERE n.connection_id = f.connection_id AND n.entity = f.entity AND n.external_id = f.external_id AND n.field = f.field AND n.id > f.id
               ORDER BY n.id LIMIT 1
           ), 'infinity') AS valid_until
    FROM crm.crosswalk x
    JOIN source.field_changes f ON f.connection_id = x.connection_id AND f.entity = x.entity AND f.external_id = x.external_id
    UNION ALL
    -- what was said before the first change
    SELECT x.entity, x.golden_id, x.connection_id, x.external_id, f.field, f.old_value,
           CASE x.entity
           WHEN 'contacts' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.contacts s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           WHEN 'companies' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.companies s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           WHEN 'deals' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.deals s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           WHEN 'tasks' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.tasks s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           WHEN 'communications' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.communications s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           WHEN 'products' THEN (SELECT COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') FROM source.products s WHERE s.connection_id = f.connection_id AND s.external_id = f.external_id)
           END,
           COALESCE(f.changed_at, f.seen_at)
    FROM crm.crosswalk x
    JOIN source.field_changes f ON f.connection_id = x.connection_id AND f.entity = x.entity AND f.external_id = x.external_id
    WHERE f.old_value IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM source.field_changes b
          WHERE b.connection_id = f.connection_id AND b.entity = f.entity AND b.external_id = f.external_id AND b.field = f.field AND b.id < f.id
      )
    UNION ALL
    -- what never changed
    SELECT u.entity, u.golden_id, u.connection_id, u.external_id, u.field, u.value, u.known_from, 'infinity'
    FROM (
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity') AS known_from, f.field, f.value
    FROM crm.crosswalk x
    JOIN source.contacts s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
        UNION ALL
        SELECT CASE t.kind WHEN 'phone' THEN 'phones' WHEN 'email' THEN 'emails' ELSE 'contact_points' END, jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'external_id', 'entity', 'position', 'remote_value_id'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'external_id', 'entity', 'position', 'remote_value_id'])
        FROM source.contact_points t WHERE t.connection_id = s.connection_id AND t.entity = 'contacts' AND t.external_id = s.external_id GROUP BY 1
        UNION ALL
        SELECT 'companies', jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'contact_external_id'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'contact_external_id'])
        FROM source.contact_companies t WHERE t.connection_id = s.connection_id AND t.contact_external_id = s.external_id HAVING count(*) > 0
    ) f
    WHERE x.entity = 'contacts'
    UNION ALL
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity'), f.field, f.value
    FROM crm.crosswalk x
    JOIN source.companies s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
        UNION ALL
        SELECT CASE t.kind WHEN 'phone' THEN 'phones' WHEN 'email' THEN 'emails' ELSE 'contact_points' END, jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'external_id', 'entity', 'position', 'remote_value_id'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'external_id', 'entity', 'position', 'remote_value_id'])
        FROM source.contact_points t WHERE t.connection_id = s.connection_id AND t.entity = 'companies' AND t.external_id = s.external_id GROUP BY 1
    ) f
    WHERE x.entity = 'companies'
    UNION ALL
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity'), f.field, f.value
    FROM crm.crosswalk x
    JOIN source.deals s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
        UNION ALL
        SELECT 'contacts', jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'deal_external_id', 'position'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'deal_external_id', 'position'])
        FROM source.deal_contacts t WHERE t.connection_id = s.connection_id AND t.deal_external_id = s.external_id HAVING count(*) > 0
        UNION ALL
        SELECT 'products', jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'deal_external_id'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'deal_external_id'])
        FROM source.deal_products t WHERE t.connection_id = s.connection_id AND t.deal_external_id = s.external_id HAVING count(*) > 0
    ) f
    WHERE x.entity = 'deals'
    UNION ALL
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity'), f.field, f.value
    FROM crm.crosswalk x
    JOIN source.tasks s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
        UNION ALL
        SELECT 'targets', jsonb_agg(to_jsonb(t) - ARRAY['connection_id', 'task_external_id'] ORDER BY to_jsonb(t) - ARRAY['connection_id', 'task_external_id'])
        FROM source.task_targets t WHERE t.connection_id = s.connection_id AND t.task_external_id = s.external_id HAVING count(*) > 0
    ) f
    WHERE x.entity = 'tasks'
    UNION ALL
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity'), f.field, f.value
    FROM crm.crosswalk x
    JOIN source.communications s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
    ) f
    WHERE x.entity = 'communications'
    UNION ALL
    SELECT x.golden_id, x.entity, x.connection_id, x.external_id, COALESCE(s.first_updated_at, s.remote_updated_at, s.remote_created_at, '-infinity'), f.field, f.value
    FROM crm.crosswalk x
    JOIN source.products s ON s.connection_id = x.connection_id AND s.external_id = x.external_id
    CROSS JOIN LATERAL (
        SELECT e.key AS field, e.value FROM jsonb_each(to_jsonb(s) - ARRAY['connection_id', 'external_id', 'golden_id', 'custom_fields', 'remote_created_at', 'remote_updated_at', 'first_updated_at']) e
        UNION ALL
        SELECT 'custom_fields.' || e.key, e.value FROM jsonb_each(s.custom_fields) e
    ) f
    WHERE x.entity = 'products'
    ) u
    WHERE u.value <> 'null'
      AND NOT EXISTS (
          SELECT FROM source.field_changes f
          WHERE f.connection_id = u.connection_id AND f.entity = u.entity AND f.external_id = u.external_id AND f.field = u.field
      )
) h
JOIN sync.connections c ON c.id = h.connection_id
WHERE h.valid_from < h.valid_until;
COMMENT ON VIEW crm.value_history IS 'What each source said of a golden record, and when. On 1 March: SELECT connection, field, value FROM crm.value_history WHERE golden_id = ''…'' AND timestamptz ''2026-03-01'' >= valid_from AND timestamptz ''2026-03-01'' < valid_until; all of one field: … AND field = ''position'' ORDER BY valid_from.';
COMMENT ON COLUMN crm.value_history.entity IS 'Entity.';
COMMENT ON COLUMN crm.value_history.golden_id IS 'Golden record the source record belongs to now (crm.<entity>.id).';
COMMENT ON COLUMN crm.value_history.connection IS 'Connection that said it.';
COMMENT ON COLUMN crm.value_history.external_id IS 'Record of that connection.';
COMMENT ON COLUMN crm.value_history.field IS 'Column of source.<entity>, custom_fields.<key>, or the name of a child set such as phones.';
COMMENT ON COLUMN crm.value_history.value IS 'What was said, as text; a child set as JSON; null after a field was cleared.';
COMMENT ON COLUMN crm.value_history.valid_from IS 'Since when, by the CRM''s clock; of the oldest value we know, when the first version we saw had last changed.';
COMMENT ON COLUMN crm.value_history.valid_until IS 'Until when, not including it; infinity while it is still said.';

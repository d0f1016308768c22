-- Where a golden value comes from, and what the others say.
CREATE OR REPLACE VIEW crm.value_origins AS
SELECT o.entity, o.golden_id, o.field, o.value, o.told ->> 'connection' AS connection,
       COALESCE(o.told ->> 'record', (
           SELECT min(x.external_id) FROM crm.crosswalk x JOIN sync.connections c ON c.id = x.connection_id
           WHERE x.golden_id = o.golden_id AND x.entity = o.entity AND c.name = o.told ->> 'connection'
       )) AS external_id,
       o.told ->> 'rule' AS rule, (o.told ->> 'since')::timestamptz AS since, COALESCE(o.told -> 'others', '{}') AS others
FROM (
    SELECT 'contacts' AS entity, g.id AS golden_id, p.key AS field, to_jsonb(g) ->> p.key AS value, p.value AS told
    FROM crm.contacts g CROSS JOIN LATERAL jsonb_each(g.provenance) p
    UNION ALL
    SELECT 'companies', g.id, p.key, to_jsonb(g) ->> p.key, p.value
    FROM crm.companies g CROSS JOIN LATERAL jsonb_each(g.provenance) p
    UNION ALL
    SELECT 'deals', g.id, p.key, to_jsonb(g) ->> p.key, p.value
    FROM crm.deals g CROSS JOIN LATERAL jsonb_each(g.provenance) p
    UNION ALL
    SELECT 'tasks', g.id, p.key, to_jsonb(g) ->> p.key, p.value
    FROM crm.tasks g CROSS JOIN LATERAL jsonb_each(g.provenance) p
    UNION ALL
    SELECT 'communications', g.id, p.key, to_jsonb(g) ->> p.key, p.value
    FROM crm.communications g CROSS JOIN LATERAL jsonb_each(g.provenance) p
    UNION ALL
    SELECT 'products', g.id, p.key, to_jsonb(g) ->> p.key, p.value
    FROM crm.products g CROSS JOIN LATERAL jsonb_each(g.provenance) p
) o
UNION ALL
SELECT p.entity, p.golden_id, p.kind, p.value, s.connection, s.external_id,
       CASE WHEN s.said_by > 1 THEN 'agreed' ELSE 'only' END, s.since, '{}'
FROM crm.contact_points p
CROSS JOIN LATERAL (
    SELECT c.name AS connection, x.external_id, count(*) OVER () AS said_by,
           COALESCE(n.first_updated_at, n.remote_updated_at, m.first_updated_at, m.remote_updated_at) AS since
    FROM crm.crosswalk x
    JOIN sync.connections c ON c.id = x.connection_id
    JOIN source.contact_points q ON q.connection_id = x.connection_id AND q.entity = x.entity AND q.external_id = x.external_id
        AND q.kind = p.kind AND q.value = p.value
    LEFT JOIN source.contacts n ON x.entity = 'contacts' AND n.connection_id = x.connection_id AND n.external_id = x.external_id
    LEFT JOIN source.companies m ON x.entity = 'companies' AND m.connection_id = x.connection_id AND m.external_id = x.external_id
    WHERE x.golden_id = p.golden_id AND x.entity = p.entity
    ORDER BY since NULLS LAST, c.name, x.external_id
    LIMIT 1
) s;
COMMENT ON VIEW crm.value_origins IS 'Where each golden value comes from and what the others say. One record: SELECT field, value, connection, rule, others FROM crm.value_origins WHERE golden_id = ''…''; all phones the portal alone knows: SELECT * FROM crm.value_origins WHERE field = ''phone'' AND connection = ''portal'' AND rule = ''only''.';
COMMENT ON COLUMN crm.value_origins.entity IS 'Entity.';
COMMENT ON COLUMN crm.value_origins.golden_id IS 'Golden record (crm.<entity>.id).';
COMMENT ON COLUMN crm.value_origins.field IS 'Column of the golden record; of its phones, e-mails, web addresses and messengers the kind: phone, email, web, messenger.';
COMMENT ON COLUMN crm.value_origins.value IS 'Golden value as text.';
COMMENT ON COLUMN crm.value_origins.connection IS 'Connection it comes from; of a value several agree on, who said it first; null where nobody says anything.';
COMMENT ON COLUMN crm.value_origins.external_id IS 'Record of that connection.';
COMMENT ON COLUMN crm.value_origins.rule IS 'Why it stands: only (nobody else says anything), agreed (all say the same), changed (one side changed it), person, or the rule that decided.';
COMMENT ON COLUMN crm.value_origins.since IS 'Since when that connection says so, by its CRM''s clock; of a phone or e-mail the first version of the record we saw.';
COMMENT ON COLUMN crm.value_origins.others IS 'What others say instead: connection (with the record''s id where one has several) → value.';

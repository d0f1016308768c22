-- Conflicts that wait for a person.
CREATE OR REPLACE VIEW crm.open_conflicts AS
SELECT k.id, k.entity, k.golden_id,
       CASE k.entity
           WHEN 'users' THEN (SELECT g.name FROM crm.users g WHERE g.id = k.golden_id)
           WHEN 'pipelines' THEN (SELECT g.name FROM crm.pipelines g WHERE g.id = k.golden_id)
           WHEN 'stages' THEN (SELECT g.name FROM crm.stages g WHERE g.id = k.golden_id)
           WHEN 'contacts' THEN (SELECT g.name FROM crm.contacts g WHERE g.id = k.golden_id)
           WHEN 'companies' THEN (SELECT g.name FROM crm.companies g WHERE g.id = k.golden_id)
           WHEN 'deals' THEN (SELECT g.title FROM crm.deals g WHERE g.id = k.golden_id)
           WHEN 'tasks' THEN (SELECT g.title FROM crm.tasks g WHERE g.id = k.golden_id)
           WHEN 'communications' THEN (SELECT g.body_text FROM crm.communications g WHERE g.id = k.golden_id)
           WHEN 'products' THEN (SELECT g.name FROM crm.products g WHERE g.id = k.golden_id)
       END AS name,
       k.field, v.side, v.told -> 'value' AS value, (v.told ->> 'changed_at')::timestamptz AS changed_at, k.base_value, v.side = k.chosen AS stands, k.seen_at
FROM sync.conflicts k
CROSS JOIN LATERAL jsonb_each(k.values) v (side, told)
WHERE k.superseded_at IS NULL AND k.state = 'open';
COMMENT ON VIEW crm.open_conflicts IS 'What sides of a conflict say that a person has to decide, a row for each side: crm-pipeline conflicts take ID SIDE.';
COMMENT ON COLUMN crm.open_conflicts.id IS 'Conflict (sync.conflicts.id).';
COMMENT ON COLUMN crm.open_conflicts.entity IS 'Entity.';
COMMENT ON COLUMN crm.open_conflicts.golden_id IS 'Golden record (crm.<entity>.id).';
COMMENT ON COLUMN crm.open_conflicts.name IS 'What the record is called.';
COMMENT ON COLUMN crm.open_conflicts.field IS 'Field, or group of fields that go together, such as name.';
COMMENT ON COLUMN crm.open_conflicts.side IS 'Who says it: a connection, with the record''s id where it has two.';
COMMENT ON COLUMN crm.open_conflicts.value IS 'What that side says, by column.';
COMMENT ON COLUMN crm.open_conflicts.changed_at IS 'When that side changed it.';
COMMENT ON COLUMN crm.open_conflicts.base_value IS 'What all sides last agreed on, by column; null when they never did.';
COMMENT ON COLUMN crm.open_conflicts.stands IS 'Whether this side''s value stands until a person decides.';
COMMENT ON COLUMN crm.open_conflicts.seen_at IS 'When the conflict was first seen.';

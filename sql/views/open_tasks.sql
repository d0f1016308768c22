-- Tasks still to be done, with whom and what they are about.
CREATE OR REPLACE VIEW crm.open_tasks AS
SELECT t.id, t.title, t.body, t.kind, t.due_at, t.due_at < now() AS is_overdue, u.name AS owner, t.target_entity,
       COALESCE(d.title, c.name, o.name) AS target, t.owner_id, t.target_id
FROM crm.tasks t
LEFT JOIN crm.users u ON u.id = t.owner_id
LEFT JOIN crm.deals d ON t.target_entity = 'deals' AND d.id = t.target_id
LEFT JOIN crm.contacts c ON t.target_entity = 'contacts' AND c.id = t.target_id
LEFT JOIN crm.companies o ON t.target_entity = 'companies' AND o.id = t.target_id
WHERE NOT t.is_completed AND t.deleted_at IS NULL;
COMMENT ON VIEW crm.open_tasks IS 'Tasks still to be done, with whose they are and what they are about.';
COMMENT ON COLUMN crm.open_tasks.id IS 'Task (crm.tasks.id).';
COMMENT ON COLUMN crm.open_tasks.title IS 'Title.';
COMMENT ON COLUMN crm.open_tasks.body IS 'Text.';
COMMENT ON COLUMN crm.open_tasks.kind IS 'Kind of task, as the CRM calls it.';
COMMENT ON COLUMN crm.open_tasks.due_at IS 'Deadline.';
COMMENT ON COLUMN crm.open_tasks.is_overdue IS 'Whether the deadline has passed.';
COMMENT ON COLUMN crm.open_tasks.owner IS 'Name of the user it is assigned to.';
COMMENT ON COLUMN crm.open_tasks.target_entity IS 'Entity of the record it is about.';
COMMENT ON COLUMN crm.open_tasks.target IS 'Title or name of the record it is about.';
COMMENT ON COLUMN crm.open_tasks.owner_id IS 'User it is assigned to (crm.users.id).';
COMMENT ON COLUMN crm.open_tasks.target_id IS 'Record it is about.';

-- Everything that happened with a contact, in one list.
CREATE OR REPLACE VIEW crm.contact_timeline AS
SELECT m.target_id AS contact_id, m.happened_at, m.kind, m.direction, m.body_text AS what, u.name AS who, m.id AS record_id, 'communications' AS entity
FROM crm.communications m
LEFT JOIN crm.users u ON u.id = m.author_id
WHERE m.target_entity = 'contacts' AND m.deleted_at IS NULL
UNION ALL
SELECT l.contact_id, m.happened_at, m.kind, m.direction, m.body_text, u.name, m.id, 'communications'
FROM crm.communications m
JOIN crm.deal_contacts l ON l.deal_id = m.target_id
LEFT JOIN crm.users u ON u.id = m.author_id
WHERE m.target_entity = 'deals' AND m.deleted_at IS NULL
UNION ALL
SELECT t.target_id, COALESCE(t.completed_at, t.due_at), 'task', NULL, COALESCE(t.title, t.body), u.name, t.id, 'tasks'
FROM crm.tasks t
LEFT JOIN crm.users u ON u.id = t.owner_id
WHERE t.target_entity = 'contacts' AND t.deleted_at IS NULL
UNION ALL
SELECT l.contact_id, h.changed_at, 'stage', NULL, concat_ws(': ', d.title, s.name), u.name, h.deal_id, 'deals'
FROM crm.deal_stage_history h
JOIN crm.deal_contacts l ON l.deal_id = h.deal_id
JOIN crm.deals d ON d.id = h.deal_id
LEFT JOIN crm.stages s ON s.id = h.stage_id
LEFT JOIN crm.users u ON u.id = h.author_id
WHERE d.deleted_at IS NULL;
COMMENT ON VIEW crm.contact_timeline IS 'Everything that happened with a contact: letters, calls, notes, tasks, and its deals moving through the stages.';
COMMENT ON COLUMN crm.contact_timeline.contact_id IS 'Contact (crm.contacts.id).';
COMMENT ON COLUMN crm.contact_timeline.happened_at IS 'When it happened; of a task, when it was completed or is due.';
COMMENT ON COLUMN crm.contact_timeline.kind IS 'call, sms, email, chat, meeting, note, other, task or stage.';
COMMENT ON COLUMN crm.contact_timeline.direction IS 'in or out, when there is one.';
COMMENT ON COLUMN crm.contact_timeline.what IS 'Plain text.';
COMMENT ON COLUMN crm.contact_timeline.who IS 'Name of the user.';
COMMENT ON COLUMN crm.contact_timeline.record_id IS 'Record it comes from.';
COMMENT ON COLUMN crm.contact_timeline.entity IS 'Entity of that record.';

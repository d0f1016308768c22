-- What each user has on the table.
CREATE OR REPLACE VIEW crm.owner_load AS
SELECT u.id AS owner_id, u.name AS owner, u.is_active,
       (SELECT count(*) FROM crm.deals d WHERE d.owner_id = u.id AND d.stage_category = 'open' AND d.deleted_at IS NULL) AS open_deals,
       (SELECT COALESCE(sum(d.amount), 0) FROM crm.deals d
        WHERE d.owner_id = u.id AND d.stage_category = 'open' AND d.deleted_at IS NULL) AS open_amount,
       (SELECT count(*) FROM crm.tasks t WHERE t.owner_id = u.id AND NOT t.is_completed AND t.deleted_at IS NULL) AS open_tasks,
       (SELECT count(*) FROM crm.tasks t
        WHERE t.owner_id = u.id AND NOT t.is_completed AND t.deleted_at IS NULL AND t.due_at < now()) AS overdue_tasks
FROM crm.users u
WHERE u.deleted_at IS NULL;
COMMENT ON VIEW crm.owner_load IS 'What each user has on the table: open deals and tasks.';
COMMENT ON COLUMN crm.owner_load.owner_id IS 'User (crm.users.id).';
COMMENT ON COLUMN crm.owner_load.owner IS 'Name of the user.';
COMMENT ON COLUMN crm.owner_load.is_active IS 'Whether the user may log in.';
COMMENT ON COLUMN crm.owner_load.open_deals IS 'Number of open deals.';
COMMENT ON COLUMN crm.owner_load.open_amount IS 'Sum of their amounts, currencies not told apart.';
COMMENT ON COLUMN crm.owner_load.open_tasks IS 'Number of tasks to be done.';
COMMENT ON COLUMN crm.owner_load.overdue_tasks IS 'How many of them are overdue.';

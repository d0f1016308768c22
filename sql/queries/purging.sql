-- name: queue_golden
-- Have every golden record rebuilt that a connection says anything of.
INSERT INTO sync.golden_queue (entity, golden_id)
SELECT DISTINCT entity, golden_id FROM crm.crosswalk WHERE connection_id = %(id)s
ORDER BY 1, 2
ON CONFLICT DO NOTHING;

-- name: rows
-- Delete what a table holds of a connection.
DELETE FROM {table} WHERE connection_id = %(id)s;

-- name: pairs
-- Delete what a table holds of pairs with a record of a connection.
DELETE FROM {table} WHERE connection_id = %(id)s OR other_connection_id = %(id)s;

-- name: forget_account
-- Keep of a connection only that there was one, and whose.
UPDATE sync.connections SET account = '{{}}' WHERE id = %(id)s;

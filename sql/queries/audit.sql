-- name: note
-- Write one line of the audit log.
INSERT INTO sync.audit_log (actor, action, subject, detail) VALUES (%(actor)s, %(action)s, %(subject)s, %(detail)s::jsonb);

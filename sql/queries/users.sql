-- name: caller
-- Who holds a device whose tokens are good, with its golden users, merged ones followed.
SELECT u.id, u.username, u.role, u.scope,
       ARRAY(SELECT COALESCE(r.new_id, l.golden_id)
             FROM sync.api_user_crm_users l
             LEFT JOIN crm.golden_redirects r ON r.old_id = l.golden_id AND r.entity = 'users'
             WHERE l.user_id = u.id ORDER BY 1)::text[] AS crm_users
FROM sync.devices d
JOIN sync.api_users u ON u.id = d.user_id
WHERE d.id = %(device_id)s AND u.id = %(user_id)s AND d.revoked_at IS NULL AND u.disabled_at IS NULL;

-- name: by_name
-- A user with what is needed to check a login, held until the decision is written.
SELECT id, username, role, scope, password_hash, failed_logins, locked_until, disabled_at
FROM sync.api_users WHERE lower(username) = lower(%(username)s) FOR UPDATE;

-- name: by_id
-- One user, with what is needed to log in.
SELECT id, username, role, scope, password_hash, failed_logins, locked_until, disabled_at
FROM sync.api_users WHERE id = %(user_id)s;

-- name: note_login
-- What a login was: how many wrong passwords now, and until when further ones are refused.
UPDATE sync.api_users SET failed_logins = %(failures)s, locked_until = %(locked_until)s WHERE id = %(user_id)s;

-- name: set_password
-- Another password.
UPDATE sync.api_users SET password_hash = %(password_hash)s, failed_logins = 0, locked_until = NULL WHERE id = %(user_id)s;

-- name: add
-- Add a user; no row when the name is taken.
INSERT INTO sync.api_users (username, password_hash, role, scope)
VALUES (%(username)s, %(password_hash)s, %(role)s, %(scope)s)
ON CONFLICT (lower(username)) DO NOTHING RETURNING id;

-- name: link
-- Say which golden user an API user is.
INSERT INTO sync.api_user_crm_users (user_id, golden_id) VALUES (%(user_id)s, %(golden_id)s) ON CONFLICT DO NOTHING;

-- name: golden_users
-- Golden users by id or e-mail.
SELECT id, name, email FROM crm.users
WHERE deleted_at IS NULL AND (id::text = lower(%(wanted)s) OR lower(email) = lower(%(wanted)s)) ORDER BY id;

-- name: disable
-- Let a user in no more; no row when it was disabled before.
UPDATE sync.api_users SET disabled_at = now() WHERE id = %(user_id)s AND disabled_at IS NULL RETURNING id;

-- name: all
-- Every user, with its devices.
SELECT u.id, u.username, u.role, u.scope, u.created_at, u.disabled_at, u.locked_until,
       ARRAY(SELECT l.golden_id FROM sync.api_user_crm_users l WHERE l.user_id = u.id ORDER BY 1)::text[] AS crm_users,
       (SELECT count(*) FROM sync.devices d
        WHERE d.user_id = u.id AND d.revoked_at IS NULL AND d.expires_at > now()) AS devices,
       (SELECT max(d.last_seen_at) FROM sync.devices d WHERE d.user_id = u.id) AS last_seen_at
FROM sync.api_users u ORDER BY lower(u.username);

-- name: add_device
-- A device that logged in.
INSERT INTO sync.devices (user_id, name, expires_at, created_at, last_seen_at)
VALUES (%(user_id)s, %(name)s, %(expires_at)s, %(now)s, %(now)s) RETURNING id;

-- name: give_token
-- A refresh token given out.
INSERT INTO sync.refresh_tokens (token_hash, device_id, created_at, expires_at)
VALUES (%(token_hash)s, %(device_id)s, %(now)s, %(expires_at)s);

-- name: refresh_token
-- A refresh token with its device and user, held so that of two who bring it one is the first.
SELECT t.device_id, t.expires_at, t.used_at, d.revoked_at, u.id AS user_id, u.username, u.role, u.disabled_at
FROM sync.refresh_tokens t
JOIN sync.devices d ON d.id = t.device_id
JOIN sync.api_users u ON u.id = d.user_id
WHERE t.token_hash = %(token_hash)s FOR UPDATE OF t;

-- name: use_token
-- A refresh token was exchanged.
UPDATE sync.refresh_tokens SET used_at = %(now)s WHERE token_hash = %(token_hash)s;

-- name: see_device
-- A device was here again.
UPDATE sync.devices SET last_seen_at = %(now)s, expires_at = %(expires_at)s WHERE id = %(device_id)s;

-- name: revoke_device
-- Make a device's tokens void; of one user only, when it is said of which. No row when there is no such device in use.
UPDATE sync.devices SET revoked_at = %(now)s, revoked_because = %(because)s
WHERE id = %(device_id)s AND revoked_at IS NULL AND (%(user_id)s::bigint IS NULL OR user_id = %(user_id)s)
RETURNING user_id;

-- name: revoke_all
-- Make the tokens of all of a user's devices void.
UPDATE sync.devices SET revoked_at = now(), revoked_because = %(because)s WHERE user_id = %(user_id)s AND revoked_at IS NULL;

-- name: devices
-- Devices in use: of one user, or of all.
SELECT d.id, d.name, u.username, d.created_at, d.last_seen_at, d.expires_at
FROM sync.devices d JOIN sync.api_users u ON u.id = d.user_id
WHERE d.revoked_at IS NULL AND d.expires_at > now() AND (%(user_id)s::bigint IS NULL OR d.user_id = %(user_id)s)
ORDER BY d.last_seen_at DESC, d.id;

-- name: forget
-- Forget devices that were over a month ago, and their tokens; a used token is kept as long as it could be brought again.
WITH old_tokens AS (DELETE FROM sync.refresh_tokens WHERE expires_at < %(now)s::timestamptz - interval '30 days')
DELETE FROM sync.devices WHERE expires_at < %(now)s::timestamptz - interval '30 days';

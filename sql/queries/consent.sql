-- name: keep
-- Keep what is needed to finish a consent that was asked for.
INSERT INTO sync.oauth_states (state_hash, user_id, settings, expires_at)
VALUES (%(state_hash)s, %(user_id)s, %(settings)s, %(expires_at)s);

-- name: use
-- Use a consent up: nobody gets it a second time.
UPDATE sync.oauth_states SET used_at = %(now)s
WHERE state_hash = %(state_hash)s AND used_at IS NULL AND expires_at > %(now)s
RETURNING user_id, settings;

-- name: forget
-- Forget consents that are over, and what was kept for them.
DELETE FROM sync.oauth_states WHERE expires_at < %(now)s::timestamptz - interval '1 day';

-- name: blank
-- Forget the secrets of a consent that was used up.
UPDATE sync.oauth_states SET settings = '' WHERE state_hash = %(state_hash)s;

-- name: author
-- Who asked for a consent, if they may still work here.
SELECT username, role FROM sync.api_users WHERE id = %(user_id)s AND disabled_at IS NULL;

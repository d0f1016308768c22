-- Users of the API, the golden users they are, their devices and refresh tokens, consents asked for.

CREATE TABLE sync.api_users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL CHECK (username = btrim(username) AND length(username) BETWEEN 1 AND 100),
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('admin', 'operator', 'agent')),
    scope text NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'own')),
    failed_logins integer NOT NULL DEFAULT 0 CHECK (failed_logins >= 0),
    locked_until timestamptz,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (scope = 'all' OR role = 'agent')
);
CREATE UNIQUE INDEX api_users_username ON sync.api_users (lower(username));
COMMENT ON TABLE sync.api_users IS 'Who may log in to the API.';
COMMENT ON COLUMN sync.api_users.id IS 'User.';
COMMENT ON COLUMN sync.api_users.username IS 'What the user types to log in; upper and lower case are the same.';
COMMENT ON COLUMN sync.api_users.password_hash IS 'Argon2id hash of the password.';
COMMENT ON COLUMN sync.api_users.role IS 'admin: everything; operator: status, retries, conflicts; agent: reads and edits from the mobile app.';
COMMENT ON COLUMN sync.api_users.scope IS 'Of an agent: own, only what it is responsible for through its golden users; all: every record.';
COMMENT ON COLUMN sync.api_users.failed_logins IS 'Wrong passwords since the last right one.';
COMMENT ON COLUMN sync.api_users.locked_until IS 'Until when logins are refused, longer after every further wrong password.';
COMMENT ON COLUMN sync.api_users.disabled_at IS 'Since when this user may not log in nor use a token.';
COMMENT ON COLUMN sync.api_users.created_at IS 'When the user was added.';

CREATE TABLE sync.api_user_crm_users (
    user_id bigint NOT NULL REFERENCES sync.api_users (id) ON DELETE CASCADE,
    golden_id uuid NOT NULL,
    PRIMARY KEY (user_id, golden_id)
);
CREATE INDEX api_user_crm_users_golden ON sync.api_user_crm_users (golden_id);
COMMENT ON TABLE sync.api_user_crm_users IS 'Which golden users an API user is: whose records are its own.';
COMMENT ON COLUMN sync.api_user_crm_users.user_id IS 'API user.';
COMMENT ON COLUMN sync.api_user_crm_users.golden_id IS 'Golden user (crm.users.id), as linked; a merged one is followed when it is read.';

CREATE TABLE sync.devices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id bigint NOT NULL REFERENCES sync.api_users (id) ON DELETE CASCADE,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_because text CHECK (revoked_because IN ('logout', 'revoked', 'reuse', 'password', 'disabled')),
    CHECK ((revoked_at IS NULL) = (revoked_because IS NULL))
);
CREATE INDEX devices_user ON sync.devices (user_id);
COMMENT ON TABLE sync.devices IS 'One login on one device: the family of refresh tokens that came of it. Revoked, all its tokens are void at once.';
COMMENT ON COLUMN sync.devices.id IS 'Device, as access tokens name it.';
COMMENT ON COLUMN sync.devices.user_id IS 'Whose.';
COMMENT ON COLUMN sync.devices.name IS 'What the device calls itself.';
COMMENT ON COLUMN sync.devices.created_at IS 'When it logged in.';
COMMENT ON COLUMN sync.devices.last_seen_at IS 'When it last logged in or refreshed.';
COMMENT ON COLUMN sync.devices.expires_at IS 'Until when its newest refresh token is good.';
COMMENT ON COLUMN sync.devices.revoked_at IS 'When its tokens became void.';
COMMENT ON COLUMN sync.devices.revoked_because IS 'logout: by itself; revoked: by the user or an admin; reuse: a used refresh token came again; password: the password was changed; disabled: the user was.';

CREATE TABLE sync.refresh_tokens (
    token_hash bytea PRIMARY KEY,
    device_id uuid NOT NULL REFERENCES sync.devices (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_tokens_device ON sync.refresh_tokens (device_id);
CREATE INDEX refresh_tokens_expires ON sync.refresh_tokens (expires_at);
COMMENT ON TABLE sync.refresh_tokens IS 'Refresh tokens given out. Each is good once; one that comes again was stolen or copied, and its device is revoked.';
COMMENT ON COLUMN sync.refresh_tokens.token_hash IS 'SHA-256 of the token; the token itself is kept nowhere.';
COMMENT ON COLUMN sync.refresh_tokens.device_id IS 'Device it was given to.';
COMMENT ON COLUMN sync.refresh_tokens.created_at IS 'When it was given out.';
COMMENT ON COLUMN sync.refresh_tokens.expires_at IS 'Until when it is good.';
COMMENT ON COLUMN sync.refresh_tokens.used_at IS 'When it was exchanged for the next one.';

CREATE TABLE sync.oauth_states (
    state_hash bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES sync.api_users (id) ON DELETE CASCADE,
    settings bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX oauth_states_expires ON sync.oauth_states (expires_at);
COMMENT ON TABLE sync.oauth_states IS 'Consents an administrator was sent to a CRM for, until the browser comes back. Each is good once.';
COMMENT ON COLUMN sync.oauth_states.state_hash IS 'SHA-256 of the state the browser carries.';
COMMENT ON COLUMN sync.oauth_states.user_id IS 'Who asked.';
COMMENT ON COLUMN sync.oauth_states.settings IS 'What is needed to finish, encrypted with AES-256-GCM and bound to this row; empty once it was used.';
COMMENT ON COLUMN sync.oauth_states.created_at IS 'When it was asked for.';
COMMENT ON COLUMN sync.oauth_states.expires_at IS 'Until when it is good.';
COMMENT ON COLUMN sync.oauth_states.used_at IS 'When it was used up.';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'crm_api') THEN
        GRANT USAGE ON SCHEMA sync TO crm_api;
        GRANT SELECT, INSERT, UPDATE, DELETE ON
            sync.api_users, sync.api_user_crm_users, sync.devices, sync.refresh_tokens, sync.oauth_states TO crm_api;
    END IF;
END
$$;

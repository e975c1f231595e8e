-- Tokens that say who calls. Of a secret its digest alone is kept.
CREATE TABLE token (
    id TEXT PRIMARY KEY NOT NULL,
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_unix_ms BIGINT NOT NULL,
    expires_unix_ms BIGINT,
    revoked_unix_ms BIGINT
);

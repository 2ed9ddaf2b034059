-- What people show besides a password, or in its place.

-- The secret of an authenticator app, sealed. A code of a step up to the last one serves no more.
CREATE TABLE code_apps (
    person TEXT PRIMARY KEY REFERENCES people (id),
    secret TEXT NOT NULL,
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Codes on paper: each works once, then it is gone.
CREATE TABLE recovery_codes (
    person TEXT NOT NULL REFERENCES people (id),
    sha256 TEXT NOT NULL,
    PRIMARY KEY (person, sha256)
);

CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES people (id),
    -- What the authenticator calls it, in base64url.
    credential TEXT NOT NULL UNIQUE,
    -- Its public key as COSE, in base64url.
    public_key TEXT NOT NULL,
    counter BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX passkeys_by_person ON passkeys (person);

-- Who has shown the password and not yet the rest: no session, and soon over.
CREATE TABLE half_logins (
    sha256 TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES people (id),
    expires_at BIGINT NOT NULL
);
CREATE INDEX half_logins_by_person ON half_logins (person);

-- Whether a publisher's members must have a second factor.
ALTER TABLE publishers ADD COLUMN second_factor BIGINT NOT NULL DEFAULT 0;

-- Challenges of passkeys that were answered: each serves once.
CREATE TABLE used_challenges (
    sha256 TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

-- Command lines that ask somebody with a browser to let them in.
CREATE TABLE device_logins (
    sha256 TEXT PRIMARY KEY,
    -- What the person types.
    code TEXT NOT NULL UNIQUE,
    -- What asks, as it calls itself, and from where.
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    scopes TEXT NOT NULL,
    days BIGINT NOT NULL,
    -- `waiting`, `approved`, `refused`.
    state TEXT NOT NULL,
    -- As whom, once it is approved.
    person TEXT REFERENCES people (id),
    publisher TEXT NOT NULL DEFAULT '',
    customer TEXT NOT NULL DEFAULT '',
    asked_at BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX device_logins_by_person ON device_logins (person);

-- Providers of OpenID Connect by which a publisher's members come in.
CREATE TABLE single_sign_on (
    publisher TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    client TEXT NOT NULL,
    -- Sealed.
    secret TEXT NOT NULL,
    -- Of mail addresses, separated by spaces.
    domains TEXT NOT NULL,
    -- What newcomers become; absent where only those who are invited come in.
    role TEXT
);

-- What a provider calls somebody.
CREATE TABLE identities (
    publisher TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    person TEXT NOT NULL REFERENCES people (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (publisher, issuer, subject)
);
CREATE INDEX identities_by_person ON identities (person);

-- Through whose provider somebody came in: such a session reaches that publisher's things only.
ALTER TABLE sessions ADD COLUMN publisher TEXT;

-- The address that is to be somebody's, for a link that proves it.
ALTER TABLE links ADD COLUMN mail TEXT;

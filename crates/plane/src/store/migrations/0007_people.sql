-- Who may come in: people, what they are where, and how they show it.

CREATE TABLE people (
    id TEXT PRIMARY KEY,
    -- Empty for the console; otherwise the publisher whose portal this account is for. The same address may have an account
    -- at each, and none tells of another.
    realm TEXT NOT NULL,
    -- In lower case.
    mail TEXT NOT NULL,
    name TEXT NOT NULL,
    -- argon2id, as a PHC string; absent until it is chosen.
    password TEXT,
    language TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    verified_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (realm, mail)
);

-- Publisher and customer are empty where the role has none.
CREATE TABLE memberships (
    person TEXT NOT NULL REFERENCES people (id),
    publisher TEXT NOT NULL,
    customer TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (person, publisher, customer)
);
CREATE INDEX memberships_by_publisher ON memberships (publisher, customer);

CREATE TABLE sessions (
    sha256 TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    person TEXT NOT NULL REFERENCES people (id),
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_person ON sessions (person);

CREATE TABLE invitations (
    sha256 TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    mail TEXT NOT NULL,
    publisher TEXT NOT NULL,
    customer TEXT NOT NULL,
    role TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX invitations_by_publisher ON invitations (publisher, customer);

-- What was sent to an address to prove that it is somebody's: each works once.
CREATE TABLE links (
    sha256 TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    person TEXT NOT NULL REFERENCES people (id),
    expires_at BIGINT NOT NULL
);
CREATE INDEX links_by_person ON links (person);

-- A token acts as what its row says, whoever made it. The operator's of `vclouden up` has no person.
CREATE TABLE tokens_anew (
    sha256 TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    person TEXT,
    publisher TEXT NOT NULL,
    customer TEXT NOT NULL,
    role TEXT NOT NULL,
    -- Words separated by spaces.
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    used_at BIGINT
);
INSERT INTO tokens_anew (sha256, id, name, publisher, customer, role, scopes, created_at)
    SELECT sha256, actor, actor, '', '', 'operator', 'everything', created_at FROM tokens;
DROP TABLE tokens;
ALTER TABLE tokens_anew RENAME TO tokens;
CREATE INDEX tokens_by_person ON tokens (person);
CREATE INDEX tokens_by_publisher ON tokens (publisher, customer);

-- Letters to be sent, and those that were.
CREATE TABLE mails (
    id TEXT PRIMARY KEY,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT,
    sent_at BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX mails_to_send ON mails (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Everything a control plane knows. Valid for SQLite and PostgreSQL. Ids are UUIDs as text, times are milliseconds since
-- 1970-01-01 UTC, flags are 0 or 1, states are the words of `domain::state`.

CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO counters (name, value) VALUES ('events', 0);

CREATE TABLE tokens (
    sha256 TEXT PRIMARY KEY,
    actor TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE apps (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    last_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE versions (
    app TEXT NOT NULL REFERENCES apps (slug),
    number BIGINT NOT NULL,
    artifact TEXT NOT NULL,
    archive_bytes BIGINT NOT NULL,
    unpacked_bytes BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    notes TEXT,
    manifest TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    published_by TEXT NOT NULL,
    PRIMARY KEY (app, number)
);
CREATE INDEX versions_by_artifact ON versions (artifact);

CREATE TABLE customers (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE servers (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    event_cursor BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE installations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    app TEXT NOT NULL,
    customer TEXT NOT NULL REFERENCES customers (slug),
    server TEXT NOT NULL REFERENCES servers (id),
    epoch BIGINT NOT NULL,
    version BIGINT NOT NULL,
    serves_http BIGINT NOT NULL,
    state TEXT NOT NULL,
    operation TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE UNIQUE INDEX installations_by_name ON installations (name) WHERE state <> 'removed';
CREATE INDEX installations_by_app ON installations (app);
CREATE INDEX installations_by_customer ON installations (customer);

CREATE TABLE ports (
    server TEXT NOT NULL,
    port BIGINT NOT NULL,
    installation TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (server, port),
    UNIQUE (installation, name)
);

CREATE TABLE snapshots (
    installation TEXT NOT NULL,
    reason TEXT NOT NULL,
    backup TEXT,
    version BIGINT NOT NULL,
    artifact TEXT NOT NULL,
    taken_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX snapshots_by_installation ON snapshots (installation);

CREATE TABLE operations (
    id TEXT PRIMARY KEY,
    installation TEXT NOT NULL,
    deployment TEXT,
    verb TEXT NOT NULL,
    work TEXT NOT NULL,
    state TEXT NOT NULL,
    state_before TEXT NOT NULL,
    steps TEXT NOT NULL,
    error TEXT,
    requested_by TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX operations_under_way ON operations (state) WHERE ended_at IS NULL;

CREATE TABLE deployments (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    app TEXT NOT NULL,
    version BIGINT,
    canary BIGINT NOT NULL,
    keep_hours BIGINT NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    requested_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
-- Two people deploying at once: the second finds this.
CREATE UNIQUE INDEX deployments_live ON deployments (app) WHERE ended_at IS NULL;
CREATE INDEX deployments_by_app ON deployments (app);

CREATE TABLE deployment_steps (
    deployment TEXT NOT NULL REFERENCES deployments (id),
    installation TEXT NOT NULL,
    position BIGINT NOT NULL,
    canary BIGINT NOT NULL,
    from_version BIGINT NOT NULL,
    to_version BIGINT NOT NULL,
    state TEXT NOT NULL,
    operation TEXT,
    began_at BIGINT,
    ended_at BIGINT,
    held_ms BIGINT,
    error TEXT,
    PRIMARY KEY (deployment, installation)
);
CREATE INDEX deployment_steps_by_installation ON deployment_steps (installation);

CREATE TABLE events (
    sequence BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    verb TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT,
    app TEXT,
    installation TEXT,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX events_by_installation ON events (installation, sequence);
CREATE INDEX events_by_app ON events (app, sequence);

CREATE TABLE idempotency (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    status BIGINT,
    media_type TEXT,
    body TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);

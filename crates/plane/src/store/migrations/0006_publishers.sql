-- Everything belongs to a publisher; slugs of applications and customers are unique within theirs. What was there before
-- belongs to the first one.

CREATE TABLE publishers (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO publishers (slug, name, created_at) VALUES ('main', 'Main', 0);

CREATE TABLE apps_anew (
    publisher TEXT NOT NULL REFERENCES publishers (slug),
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    last_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (publisher, slug)
);
INSERT INTO apps_anew (publisher, slug, name, last_version, created_at)
    SELECT 'main', slug, name, last_version, created_at FROM apps;

CREATE TABLE versions_anew (
    publisher TEXT NOT NULL,
    app TEXT NOT NULL,
    number BIGINT NOT NULL,
    artifact TEXT NOT NULL,
    archive_bytes BIGINT NOT NULL,
    unpacked_bytes BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    notes TEXT,
    manifest TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    published_by TEXT NOT NULL,
    withdrawn BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (publisher, app, number),
    FOREIGN KEY (publisher, app) REFERENCES apps_anew (publisher, slug)
);
INSERT INTO versions_anew (publisher, app, number, artifact, archive_bytes, unpacked_bytes, entries, notes, manifest,
        published_at, published_by, withdrawn)
    SELECT 'main', app, number, artifact, archive_bytes, unpacked_bytes, entries, notes, manifest, published_at,
        published_by, withdrawn
    FROM versions;
DROP TABLE versions;
DROP TABLE apps;
ALTER TABLE apps_anew RENAME TO apps;
ALTER TABLE versions_anew RENAME TO versions;
CREATE INDEX versions_by_artifact ON versions (artifact);

CREATE TABLE customers_anew (
    publisher TEXT NOT NULL REFERENCES publishers (slug),
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (publisher, slug)
);
INSERT INTO customers_anew (publisher, slug, name, created_at) SELECT 'main', slug, name, created_at FROM customers;
DROP TABLE customers;
ALTER TABLE customers_anew RENAME TO customers;

ALTER TABLE installations ADD COLUMN publisher TEXT NOT NULL DEFAULT 'main';
DROP INDEX installations_by_app;
DROP INDEX installations_by_customer;
CREATE INDEX installations_by_app ON installations (publisher, app);
CREATE INDEX installations_by_customer ON installations (publisher, customer);

ALTER TABLE deployments ADD COLUMN publisher TEXT NOT NULL DEFAULT 'main';
DROP INDEX deployments_live;
DROP INDEX deployments_by_app;
CREATE UNIQUE INDEX deployments_live ON deployments (publisher, app) WHERE ended_at IS NULL;
CREATE INDEX deployments_by_app ON deployments (publisher, app);

-- Absent where an event concerns no publisher, such as a server's.
ALTER TABLE events ADD COLUMN publisher TEXT;
ALTER TABLE events ADD COLUMN customer TEXT;
UPDATE events SET publisher = 'main' WHERE app IS NOT NULL OR kind IN ('app', 'version', 'customer', 'deployment');
UPDATE events SET customer = (SELECT i.customer FROM installations i WHERE i.id = events.installation)
    WHERE installation IS NOT NULL;
DROP INDEX events_by_app;
CREATE INDEX events_by_publisher ON events (publisher, sequence);
CREATE INDEX events_by_app ON events (publisher, app, sequence);

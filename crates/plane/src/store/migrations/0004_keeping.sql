-- What is kept for how long, and what may be deleted.

-- A version says itself that it is withdrawn, so that old deployments may be forgotten, and those of an application that
-- was deleted say nothing about a later one of the same name.
ALTER TABLE versions ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0;
UPDATE versions SET withdrawn = 1
    WHERE number IN (SELECT d.version FROM deployments d WHERE d.app = versions.app AND d.kind = 'deploy'
        AND d.state = 'failed' AND NOT EXISTS (SELECT 1 FROM deployments n WHERE n.app = d.app AND n.kind = 'deploy'
        AND n.version = d.version AND n.ended_at IS NOT NULL AND n.id > d.id))
    OR EXISTS (SELECT 1 FROM deployments r JOIN deployment_steps s ON s.deployment = r.id WHERE r.app = versions.app
        AND r.kind = 'rollback' AND r.whole_app = 1 AND r.ended_at IS NOT NULL AND s.state = 'finished'
        AND s.from_version = versions.number AND NOT EXISTS (SELECT 1 FROM deployments n WHERE n.app = r.app
        AND n.kind = 'deploy' AND n.version = versions.number AND n.state = 'finished' AND n.id > r.id));

-- Records of removed installations no longer keep their customer from being deleted. SQLite cannot drop a constraint.
CREATE TABLE installations_anew (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    app TEXT NOT NULL,
    customer TEXT NOT NULL,
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
INSERT INTO installations_anew (id, name, app, customer, server, epoch, version, serves_http, state, operation, error,
        created_at, removed_at)
    SELECT id, name, app, customer, server, epoch, version, serves_http, state, operation, error, created_at, removed_at
    FROM installations;
DROP TABLE installations;
ALTER TABLE installations_anew RENAME TO installations;
CREATE UNIQUE INDEX installations_by_name ON installations (name) WHERE state <> 'removed';
CREATE INDEX installations_by_app ON installations (app);
CREATE INDEX installations_by_customer ON installations (customer);

-- What a person calls a backup.
CREATE TABLE labels (
    backup TEXT PRIMARY KEY,
    installation TEXT NOT NULL,
    label TEXT NOT NULL
);

CREATE INDEX operations_by_deployment ON operations (deployment);

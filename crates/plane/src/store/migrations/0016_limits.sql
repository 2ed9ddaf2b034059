-- What a publisher may have in all; nothing where there is no limit.
ALTER TABLE publishers ADD COLUMN max_installations BIGINT;
ALTER TABLE publishers ADD COLUMN max_memory BIGINT;
ALTER TABLE publishers ADD COLUMN max_disk BIGINT;
-- What an installation may use, by the version that it runs: so much of its publisher's limits is taken. Filled in for
-- older rows when the control plane starts.
ALTER TABLE installations ADD COLUMN memory BIGINT NOT NULL DEFAULT 0;
ALTER TABLE installations ADD COLUMN disk BIGINT NOT NULL DEFAULT 0;
CREATE INDEX installations_by_server ON installations (server);

-- Whether an application is for the publisher's own use: no customer is offered it.
ALTER TABLE apps ADD COLUMN own BIGINT NOT NULL DEFAULT 0;

-- Whether a rollback was of the whole application: then the versions that it took away are withdrawn.

ALTER TABLE deployments ADD COLUMN whole_app BIGINT NOT NULL DEFAULT 0;

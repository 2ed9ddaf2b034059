-- Why installations need somebody: one row for each reason, since when.
CREATE TABLE attention (
    installation TEXT NOT NULL,
    need TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (installation, need)
);

-- What was asked for many installations at once is done one after the other: operations of one batch in the order of their
-- ids.
ALTER TABLE operations ADD COLUMN batch TEXT;
CREATE INDEX operations_by_batch ON operations (batch) WHERE batch IS NOT NULL;

-- Variables of applications and installations, sealed (`seal.rs`): who has only the store can read none.
ALTER TABLE apps ADD COLUMN variables TEXT;
ALTER TABLE installations ADD COLUMN variables TEXT;
-- What an operation gives its installation, until it has ended.
ALTER TABLE operations ADD COLUMN variables TEXT;

-- Whether a publisher's developers may run programs in installations, as its owners may.
ALTER TABLE publishers ADD COLUMN developers_exec BIGINT NOT NULL DEFAULT 0;

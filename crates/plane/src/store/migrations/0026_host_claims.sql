-- A publisher may claim another host name while one is served, and each keeps its record.
CREATE TABLE host_claims_by_host (
    publisher TEXT NOT NULL,
    -- In lower case.
    host TEXT NOT NULL,
    -- What stands in the TXT record that proves it.
    token TEXT NOT NULL,
    -- When it was made, or made again.
    created_at BIGINT NOT NULL,
    -- When the record was last looked for.
    checked_at BIGINT,
    -- When it was first seen; nothing again when somebody else has proved the name since.
    proved_at BIGINT,
    PRIMARY KEY (publisher, host)
);
-- Only what is not served was looked at by itself, so that what is served and was looked at was proved by that.
INSERT INTO host_claims_by_host (publisher, host, token, created_at, checked_at, proved_at)
    SELECT c.publisher, c.host, c.token, c.created_at, c.checked_at,
           CASE WHEN b.host = c.host THEN c.checked_at END
    FROM host_claims c LEFT JOIN brands b ON b.publisher = c.publisher;
DROP TABLE host_claims;
ALTER TABLE host_claims_by_host RENAME TO host_claims;

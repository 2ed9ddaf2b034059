-- Host names that publishers say are theirs. A claim reserves nothing: `brands.host` is what is served, once it is proved.
CREATE TABLE host_claims (
    publisher TEXT PRIMARY KEY,
    -- In lower case.
    host TEXT NOT NULL,
    -- What stands in the TXT record that proves it.
    token TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it was last looked for.
    checked_at BIGINT
);

-- How a publisher's portal looks, and what its letters say of their sender.
CREATE TABLE brands (
    publisher TEXT PRIMARY KEY,
    -- Grows with each change: browsers keep what they got under an address that has it.
    version BIGINT NOT NULL,
    -- The portal's own host name, in lower case.
    host TEXT UNIQUE,
    -- Name, colours, texts, sender: JSON.
    look TEXT NOT NULL
);

CREATE TABLE brand_images (
    publisher TEXT NOT NULL,
    -- logo, picture or icon.
    kind TEXT NOT NULL,
    media_type TEXT NOT NULL,
    -- Base64.
    content TEXT NOT NULL,
    PRIMARY KEY (publisher, kind)
);

-- Whose name a letter carries in the place of the platform's, and who is answered.
ALTER TABLE mails ADD COLUMN from_name TEXT;
ALTER TABLE mails ADD COLUMN reply_to TEXT;

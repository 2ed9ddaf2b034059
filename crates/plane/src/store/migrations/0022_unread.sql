-- In which tickets somebody has not read the last word.
CREATE TABLE ticket_unread (
    person TEXT NOT NULL,
    ticket TEXT NOT NULL,
    PRIMARY KEY (person, ticket)
);
CREATE INDEX ticket_unread_by_ticket ON ticket_unread (ticket);

-- Who wrote to a publisher and was told that nobody here knows their address. They are not told again for a while.
CREATE TABLE strangers_told (
    publisher TEXT NOT NULL,
    -- Of the address.
    sha256 TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (publisher, sha256)
);
CREATE INDEX strangers_told_by_time ON strangers_told (publisher, at);

-- Support: what customers ask and publishers answer.

-- The number of the publisher's last ticket.
ALTER TABLE publishers ADD COLUMN tickets BIGINT NOT NULL DEFAULT 0;

CREATE TABLE tickets (
    id TEXT PRIMARY KEY,
    publisher TEXT NOT NULL,
    number BIGINT NOT NULL,
    customer TEXT NOT NULL,
    installation TEXT,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    -- A person; who is no member of the publisher any more looks after nothing.
    assignee TEXT,
    last_from TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (publisher, number),
    FOREIGN KEY (publisher, customer) REFERENCES customers (publisher, slug)
);
CREATE INDEX tickets_by_publisher ON tickets (publisher, updated_at, id);
CREATE INDEX tickets_by_customer ON tickets (publisher, customer, updated_at, id);

CREATE TABLE ticket_messages (
    id TEXT PRIMARY KEY,
    ticket TEXT NOT NULL REFERENCES tickets (id),
    side TEXT NOT NULL,
    -- 1 for a note that the customer does not see.
    internal BIGINT NOT NULL,
    person TEXT,
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    -- The id of the letter that it came by.
    mail_id TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX ticket_messages_by_ticket ON ticket_messages (ticket, id);
-- The same letter is taken once.
CREATE UNIQUE INDEX ticket_messages_by_mail ON ticket_messages (person, mail_id) WHERE mail_id IS NOT NULL;

-- Files, kept on disk by their digest. Without a message they wait to be used by whoever sent them.
CREATE TABLE attachments (
    id TEXT PRIMARY KEY,
    message TEXT REFERENCES ticket_messages (id),
    sender TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX attachments_by_message ON attachments (message);
CREATE INDEX attachments_by_sha256 ON attachments (sha256);

CREATE TABLE answers (
    id TEXT PRIMARY KEY,
    publisher TEXT NOT NULL REFERENCES publishers (slug),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (publisher, title)
);

-- Where one person answers one ticket by mail. The secret is in the address; here it is only sealed.
CREATE TABLE ticket_addresses (
    sha256 TEXT PRIMARY KEY,
    ticket TEXT NOT NULL REFERENCES tickets (id),
    person TEXT NOT NULL,
    sealed TEXT NOT NULL,
    UNIQUE (ticket, person)
);

-- A letter's further headers: what makes it part of a thread, and where answers go.
ALTER TABLE mails ADD COLUMN headers TEXT NOT NULL DEFAULT '{}';

-- Customers' leave for support to open an installation.
CREATE TABLE leaves (
    installation TEXT PRIMARY KEY,
    granted_by TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    until BIGINT NOT NULL
);

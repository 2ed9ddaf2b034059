-- Where a publisher wants to be told of events, and what it was told.

CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    publisher TEXT NOT NULL,
    url TEXT NOT NULL,
    -- Words separated by spaces; empty for every event.
    events TEXT NOT NULL,
    -- Sealed.
    secret TEXT NOT NULL,
    -- The sequence of the last event that was looked at.
    seen BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Since when nothing was delivered that was tried.
    failing_since BIGINT,
    disabled_at BIGINT,
    disabled_because TEXT
);
CREATE INDEX webhooks_by_publisher ON webhooks (publisher, id);

CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    webhook TEXT NOT NULL REFERENCES webhooks (id),
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- When it is tried next; absent once it was delivered or given up.
    next_at BIGINT,
    delivered_at BIGINT,
    -- How the last attempt went.
    tried_at BIGINT,
    status BIGINT,
    response TEXT,
    error TEXT,
    duration_ms BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook, id);
CREATE INDEX webhook_deliveries_to_make ON webhook_deliveries (next_at) WHERE next_at IS NOT NULL;

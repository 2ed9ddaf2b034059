-- What pages count and list with thousands of installations is read from an index alone, or in its order.
DROP INDEX installations_by_app;
DROP INDEX installations_by_customer;
DROP INDEX installations_by_server;
CREATE INDEX installations_by_app ON installations (publisher, app, version, state, server);
CREATE INDEX installations_by_customer ON installations (publisher, customer, state);
CREATE INDEX installations_by_name_of_publisher ON installations (publisher, name);
CREATE INDEX installations_by_name_of_app ON installations (publisher, app, name);
CREATE INDEX installations_by_server ON installations (server, state);
CREATE INDEX installations_by_size ON installations (publisher, state, memory, disk);
CREATE INDEX installations_in_trouble ON installations (publisher, id) WHERE error IS NOT NULL AND state <> 'removed';
CREATE INDEX tickets_by_state ON tickets (publisher, state, updated_at, id);
DROP INDEX usage_months_by_month;
CREATE INDEX usage_months_by_month ON usage_months (month, publisher, customer, former, installation, awake_seconds,
    memory, memory_used, disk, cpu_ms, requests, bytes_in, bytes_out, backups, counted_at);

-- What installations used, as their servers told. Days are those of the last weeks: the same day told twice is one row. Months are
-- sums of days, kept when the servers have forgotten them and when an installation or its customer is gone. Sizes times
-- seconds are in MiB, so that sums of thousands of installations fit.
CREATE TABLE usage_days (
    installation TEXT NOT NULL,
    -- The calendar day in UTC, such as 2026-11-23.
    day TEXT NOT NULL,
    awake_seconds BIGINT NOT NULL,
    memory BIGINT NOT NULL,
    memory_used BIGINT NOT NULL,
    disk BIGINT NOT NULL,
    cpu_ms BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    -- The most that were held at once.
    backups BIGINT NOT NULL,
    PRIMARY KEY (installation, day)
);
CREATE INDEX usage_days_by_day ON usage_days (day);

CREATE TABLE usage_months (
    installation TEXT NOT NULL,
    -- Such as 2026-11.
    month TEXT NOT NULL,
    publisher TEXT NOT NULL,
    customer TEXT NOT NULL,
    app TEXT NOT NULL,
    name TEXT NOT NULL,
    -- 1 once the customer was deleted: a later one of that name has nothing to do with it.
    former BIGINT NOT NULL,
    awake_seconds BIGINT NOT NULL,
    memory BIGINT NOT NULL,
    memory_used BIGINT NOT NULL,
    disk BIGINT NOT NULL,
    cpu_ms BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    backups BIGINT NOT NULL,
    counted_at BIGINT NOT NULL,
    PRIMARY KEY (installation, month)
);
CREATE INDEX usage_months_by_month ON usage_months (month, publisher, customer);
CREATE INDEX usage_months_by_place ON usage_months (publisher, customer, month);

-- The pictures that manifests name, taken out of their packages.
CREATE TABLE version_logos (
    publisher TEXT NOT NULL,
    app TEXT NOT NULL,
    number BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    -- Base64.
    content TEXT NOT NULL,
    PRIMARY KEY (publisher, app, number),
    FOREIGN KEY (publisher, app, number) REFERENCES versions (publisher, app, number) ON DELETE CASCADE
);

-- What a publisher tells its customers about an application: pages in a tree, every text of each, and their pictures.

CREATE TABLE documents (
    publisher TEXT NOT NULL,
    app TEXT NOT NULL,
    slug TEXT NOT NULL,
    -- The slug of the page that it stands below; empty at the top.
    parent TEXT NOT NULL,
    -- Among those below the same page.
    position BIGINT NOT NULL,
    latest BIGINT NOT NULL,
    -- The revision that customers see; none is not published.
    published BIGINT,
    PRIMARY KEY (publisher, app, slug),
    FOREIGN KEY (publisher, app) REFERENCES apps (publisher, slug)
);

CREATE TABLE document_revisions (
    publisher TEXT NOT NULL,
    app TEXT NOT NULL,
    document TEXT NOT NULL,
    number BIGINT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    -- Title and text without marks, capitals and accents, to be searched.
    words TEXT NOT NULL,
    written_by TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    PRIMARY KEY (publisher, app, document, number)
);

CREATE TABLE document_images (
    publisher TEXT NOT NULL,
    app TEXT NOT NULL,
    -- What the file is called in texts: `images/<name>`.
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    added_by TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (publisher, app, name)
);
CREATE INDEX document_images_by_content ON document_images (publisher, sha256);

-- Operations can be listed, newest first.

CREATE INDEX operations_by_time ON operations (requested_at, id);
CREATE INDEX operations_by_installation ON operations (installation, requested_at, id);

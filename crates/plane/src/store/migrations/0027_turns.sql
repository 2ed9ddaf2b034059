-- An operation of a batch leaves its installation alone until it is its turn.
ALTER TABLE operations ADD COLUMN waits BIGINT NOT NULL DEFAULT 0;
UPDATE operations SET waits = 1 WHERE batch IS NOT NULL AND ended_at IS NULL AND state = 'running';
UPDATE installations SET operation = NULL WHERE operation IN (SELECT id FROM operations WHERE waits = 1);

-- Copies have names by which they are restored. Those of backups are known; the others end within their 48 hours.

ALTER TABLE snapshots ADD COLUMN name TEXT NOT NULL DEFAULT '';
UPDATE snapshots SET name = 'backup-' || backup WHERE backup IS NOT NULL;

-- From where something was asked for.
ALTER TABLE events ADD COLUMN address TEXT;

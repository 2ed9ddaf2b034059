-- The host name that a passkey is for: a portal may have one of its own besides the platform's.
ALTER TABLE passkeys ADD COLUMN host TEXT;

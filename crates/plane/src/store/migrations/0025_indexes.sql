-- One installation's events are found by it, not among all of its publisher; a search reads the index alone.
DROP INDEX events_by_installation;
DROP INDEX installations_by_name_of_publisher;
CREATE INDEX events_by_installation ON events (installation, publisher, sequence);
CREATE INDEX installations_by_name_of_publisher ON installations (publisher, name, app, customer, state);

//! nimbus-api.

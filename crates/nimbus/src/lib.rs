//! nimbus.

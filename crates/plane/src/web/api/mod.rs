//! The HTTP API: one file per noun. Which request takes and answers what is in `docs/api.md`.

pub mod apps;
pub mod backups;
pub mod customers;
pub mod deployments;
pub mod events;
pub mod installations;
pub mod operations;
pub mod people;
pub mod publishers;
pub mod servers;
pub mod settings;
pub mod status;
pub mod tokens;
pub mod versions;

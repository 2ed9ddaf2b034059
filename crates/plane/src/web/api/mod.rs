//! The HTTP API: one file per noun. Which request answers what is in `web/openapi/answers.rs`.

pub mod announcements;
pub mod answers;
pub mod apps;
pub mod backups;
pub mod branding;
pub mod catalogue;
pub mod customers;
pub mod deployments;
pub mod devices;
pub mod documents;
pub mod environment;
pub mod events;
pub mod installations;
pub mod leaves;
pub mod mail;
pub mod operations;
pub mod people;
pub mod publishers;
pub mod servers;
pub mod settings;
pub mod status;
pub mod tickets;
pub mod tokens;
pub mod usage;
pub mod versions;
pub mod webhooks;

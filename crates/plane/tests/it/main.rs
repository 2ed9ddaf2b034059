//! The control plane over real HTTP, with a scripted server in the place of Nimbus.

mod access;
mod apps;
mod backups;
mod bad_input;
mod deployments;
mod design;
mod environment;
mod etags;
mod events;
mod factors;
mod fake;
mod idempotency;
mod installations;
mod letters;
mod open;
mod openapi;
mod operations;
mod pages;
mod postgres;
mod pruning;
mod restart;
mod roles;
mod schema;
mod schemathesis;
mod versions;
mod world;

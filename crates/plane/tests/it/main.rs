//! The control plane over real HTTP, with a scripted server in the place of Nimbus.

mod access;
mod apps;
mod backups;
mod bad_input;
mod deployments;
mod design;
mod docs;
mod events;
mod fake;
mod idempotency;
mod installations;
mod letters;
mod operations;
mod pages;
mod postgres;
mod pruning;
mod restart;
mod roles;
mod versions;
mod world;

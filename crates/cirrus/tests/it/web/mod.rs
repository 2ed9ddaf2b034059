//! HTTP over real sockets: what a browser and a hostile stranger see.

mod collect;
mod commands;
mod declared;
mod forms;
mod injection;
mod limits;
mod lists;
mod openapi;
mod original;
mod people;
mod refusals;
mod resource;
mod sessions;
mod statics;
mod uploads;
pub mod world;

//! HTTP over real sockets: what a browser and a hostile stranger see.

mod collect;
mod commands;
mod forms;
mod limits;
mod resource;
mod sessions;
mod statics;
pub mod world;

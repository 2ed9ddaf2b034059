//! What a person does, from the command line to the kernel, on a real machine with real applications.

mod backups;
mod console;
mod crashes;
pub mod guest_book;
mod hosting;
mod network;
mod proxy;
mod radicale;
mod runtimes;
mod survival;
mod tareas;
mod terminal;

//! Archives: good ones, hostile ones and damaged ones.

mod build;
mod damaged;
mod data;
mod hostile;
mod limits;
mod packing;
mod programs;

//! Bad input and bad company: each gets a clear error and changes nothing.

mod concurrency;
mod disk;
mod packages;
mod ports;
mod sandbox;

//! The command line as a program: what it accepts, prints and ends with, against a control plane that is not there.

mod commands;
mod environment;
mod fake;
mod help;
mod offline;
mod people;
mod processes;

//! One linked test binary: a module for each subject.
mod data;
mod docs;
mod fuzz;
mod script;
mod siblings;
mod web;

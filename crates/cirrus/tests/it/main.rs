//! One linked test binary: a module for each subject.
mod browser;
mod data;
mod docs;
mod fuzz;
mod outside;
mod script;
mod siblings;
mod web;

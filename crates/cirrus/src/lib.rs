//! Cirrus, the application server: an author writes tables (`schema.toml`) and routes (`app.js`) and gets a fast, tiny,
//! safe server. `data` knows tables and rows, `script` runs the author's JavaScript, `web` speaks HTTP.

pub mod app;
pub mod commands;
pub mod config;
pub mod data;
pub mod error;
mod json;
pub mod results;
pub mod script;
pub mod web;
mod words;
pub mod work;

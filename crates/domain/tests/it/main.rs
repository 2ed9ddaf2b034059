//! The manifest, as its writers meet it.

mod manifest;

//! The shape of the code: dependencies point one way, files stay readable.

mod arrows;
mod length;

use std::path::PathBuf;

/// The root of the source tree.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the tree").to_owned()
}

//! What the tests of the whole need: a machine of their own, packages to publish, load, a proxy, and a count of what is
//! left.
//!
//! A [`Machine`] is a real `vclouden up` in network and mount namespaces of the test's own, so that tests run side by
//! side and leave nothing on the machine. Helpers panic: they are called by tests only.

pub mod authority;
pub mod browser;
pub mod leftovers;
pub mod load;
pub mod machine;
pub mod mail;
pub mod nginx;
pub mod package;
pub mod program;

pub use authority::Authority;
pub use browser::Chromium;
pub use leftovers::Leftovers;
pub use load::Load;
pub use machine::Machine;
pub use mail::Post;
pub use nginx::nginx;
pub use package::Package;
pub use program::Program;

use std::path::PathBuf;

/// A client of HTTP that goes where it is sent and follows nothing.
pub fn client() -> reqwest::ClientBuilder {
    // Whoever was first has installed the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy()
}

/// The directory of build results that this test or bench was built into, such as `target/debug`.
pub fn build_dir() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows its own path");
    let dir = program.parent().expect("a program lies in a directory");
    if dir.ends_with("deps") {
        dir.parent().expect("target/<profile>/deps has a parent").to_owned()
    } else {
        dir.to_owned()
    }
}

/// The program that is tested.
pub fn vclouden() -> PathBuf {
    let path = build_dir().join("vclouden");
    assert!(path.is_file(), "{} is missing: build it with `cargo build -p vclouden`", path.display());
    path
}

/// Bases and dependencies that tests share, since building them takes the network and a minute.
pub fn cache() -> PathBuf {
    build_dir().parent().expect("target/<profile> has a parent").join("test-cache")
}

/// The static program of Cirrus.
pub fn cirrus() -> PathBuf {
    let path = build_dir().parent().expect("target/<profile> has a parent").join("packages/cirrus");
    assert!(path.is_file(), "{} is missing: build it with `make packages`", path.display());
    path
}

/// The static sample program.
pub fn hola() -> PathBuf {
    let path = build_dir().parent().expect("target/<profile> has a parent").join("packages/hola/hola");
    assert!(path.is_file(), "{} is missing: build it with `make packages`", path.display());
    path
}

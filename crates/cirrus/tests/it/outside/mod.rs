//! With the real programs that stand around an application: Nginx before it, HTTPS and mail servers behind it, and
//! certificates of an authority that the test makes.
//!
//! Needs Debian's `nginx-light`, `openssl`, `curl` and `python3-aiosmtpd`: `scripts/need test` installs them.

mod https;
mod mail;
mod nginx;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use testkit::program::{free_ports, output, until_open};
use testkit::{Authority, Program};

use super::web::world::Answer;

/// Asks with curl; what it says of the answer, head and body.
fn curl(args: &[&str]) -> Answer {
    let always = ["--silent", "--show-error", "--include", "--max-time", "120", "--header", "Expect:"];
    Answer::parse(&output(Command::new("curl").args(always).args(args), "curl"))
}

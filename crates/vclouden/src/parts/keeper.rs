//! The keeper's process. It is recognised before anything else is looked at, so that it stays small.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::failure::Outcome;

/// How Nimbus calls it: `vclouden keeper DIR`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The keeper's directory
    directory: PathBuf,
}

/// The directory, if this process was started as `vclouden keeper DIR`.
pub fn asked_for() -> Option<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (Some(word), Some(directory), None) if word == OsStr::new("keeper") && !looks_like_flag(&directory) => {
            Some(directory.into())
        }
        _ => None,
    }
}

fn looks_like_flag(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().starts_with(b"-")
}

/// Keeps an installation until it is stopped.
pub fn keep(directory: &Path) -> ExitCode {
    keeper::run(directory)
}

/// The same for a command line that [`asked_for`] does not recognise; a program with threads cannot become a keeper.
pub fn run(args: Args) -> Outcome {
    let directory = args.directory.display();
    Err(crate::failure::Failure::usage(format!("call it as `vclouden keeper {directory}`, without flags")))
}

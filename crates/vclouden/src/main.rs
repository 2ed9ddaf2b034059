//! The program: a keeper when it is told to be one, otherwise the command line.

use std::process::ExitCode;

use clap::Parser;
use vclouden::cli::Cli;
use vclouden::failure::Failure;
use vclouden::{output, parts};

fn main() -> ExitCode {
    // A keeper stays for as long as its installation: it must not even touch the pages of all the rest.
    if let Some(directory) = parts::keeper::asked_for() {
        return parts::keeper::keep(&directory);
    }
    let Err(failure) = Cli::parse().run() else { return ExitCode::SUCCESS };
    if !matches!(failure, Failure::Program(_)) {
        output::error(&failure);
    }
    ExitCode::from(u8::try_from(failure.status()).unwrap_or(1))
}

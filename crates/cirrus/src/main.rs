//! The command line of Cirrus.

use clap::Parser;

fn main() -> std::process::ExitCode {
    match cirrus::commands::Cirrus::parse().run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cirrus: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

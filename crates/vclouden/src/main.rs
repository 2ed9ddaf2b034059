//! The program: its command line.

use std::process::ExitCode;

use clap::Parser;
use vclouden::cli::Cli;
use vclouden::failure::Failure;
use vclouden::output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json();
    let Err(failure) = cli.run() else { return ExitCode::SUCCESS };
    if !matches!(failure, Failure::Program(_)) {
        output::error(&failure);
        if json {
            output::json_failure(&failure);
        }
    }
    ExitCode::from(u8::try_from(failure.status()).unwrap_or(1))
}

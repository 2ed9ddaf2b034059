//! The program: its command line.

use std::process::ExitCode;

use vclouden::cli::Cli;
use vclouden::failure::Failure;
use vclouden::output;

fn main() -> ExitCode {
    let cli = Cli::of_process();
    let json = cli.json();
    let Err(failure) = cli.run() else { return ExitCode::SUCCESS };
    if !matches!(failure, Failure::Program(_)) {
        output::failure(&failure, json);
    }
    ExitCode::from(u8::try_from(failure.status()).unwrap_or(1))
}

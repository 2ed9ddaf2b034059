//! `vclouden completions`.

use clap::ValueEnum;

use super::example;
use crate::failure::Outcome;
use crate::output::raw;

/// For which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = example!(
    "vclouden completions bash > /etc/bash_completion.d/vclouden",
    "vclouden completions zsh > \"${fpath[1]}/_vclouden\"",
    "vclouden completions fish > ~/.config/fish/completions/vclouden.fish",
))]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// A shell that completions can be made for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Does it.
pub fn run(args: Args) -> Outcome {
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "vclouden", &mut script);
    raw(&script);
    Ok(())
}

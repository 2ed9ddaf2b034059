//! What a person can tell Cirrus to do: one file per verb.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod serve;
mod watcher;

/// Cirrus, the application server: tables and routes, fast and small.
#[derive(Parser)]
#[command(name = "cirrus", version)]
pub struct Cirrus {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve an application
    Serve(serve::Serve),
}

/// The application and its data.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// The application's directory (schema.toml, app.js, views/, public/)
    pub directory: PathBuf,
    /// Where its data is kept [default: DIRECTORY/data]
    #[arg(long, env = "CIRRUS_DATA")]
    data: Option<PathBuf>,
}

impl Place {
    /// Where the data is.
    pub fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| self.directory.join("data"))
    }
}

impl Cirrus {
    /// Does what was asked.
    pub fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Serve(serve) => serve.run(),
        }
    }
}

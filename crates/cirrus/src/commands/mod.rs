//! What a person can tell Cirrus to do: one file per verb.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{app::App, data::Store, error::Error};

mod backup;
mod check;
mod import;
mod new;
mod plan;
mod serve;
mod user;
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
    /// Begin an application
    New(new::New),
    /// Show what a changed schema.toml will do to the data, or do it
    Plan(plan::Plan),
    /// Copy the database while it is in use
    Backup(backup::Backup),
    /// Look for damage and contradictions in the data
    Check(check::Check),
    /// Read rows from a CSV or JSON file, all or none
    Import(import::Import),
    /// Write the rows of a table to standard output
    Export(import::Export),
    /// Make a user, or change a password; it is read from standard input
    User(user::User),
}

/// The application and its data.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// The application's directory (schema.toml, app.js, views/, public/)
    #[arg(default_value = ".")]
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

    /// The database as the schema says; a change that loses data is refused.
    pub fn store(&self) -> Result<Store, Error> {
        let schema = App::schema(&self.directory, &App::config(&self.directory)?)?;
        Ok(Store::open(&self.data(), schema)?)
    }
}

impl Cirrus {
    /// Does what was asked.
    pub fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Serve(verb) => verb.run(),
            Verb::New(verb) => verb.run(),
            Verb::Plan(verb) => verb.run(),
            Verb::Backup(verb) => verb.run(),
            Verb::Check(verb) => verb.run(),
            Verb::Import(verb) => verb.run(),
            Verb::Export(verb) => verb.run(),
            Verb::User(verb) => verb.run(),
        }
    }
}

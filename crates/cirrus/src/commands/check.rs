//! `cirrus check`: damage and contradictions in the data, and what does not load.

use clap::Args;

use super::Place;
use crate::error::Error;

/// Arguments of `check`.
#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    place: Place,
}

impl Check {
    /// Fails when anything is wrong.
    pub fn run(self) -> anyhow::Result<()> {
        let found = self.place.store()?.check().map_err(Error::from)?;
        for problem in &found {
            println!("{problem}");
        }
        anyhow::ensure!(found.is_empty(), "{} things are wrong with the data", found.len());
        Ok(())
    }
}

//! `cirrus check`: damage and contradictions in the data.

use clap::Args;

use super::Place;
use crate::{app::App, data::Store, error::Error};

/// Arguments of `check`.
#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    place: Place,
}

impl Check {
    /// Fails when anything is wrong. Nothing is made, and the tables stay as they are.
    pub fn run(self) -> anyhow::Result<()> {
        let Place { directory, .. } = &self.place;
        let (schema, data) = (App::schema(directory, &App::config(directory)?)?, self.place.data());
        let Some(store) = Store::open_as_it_is(&data).map_err(Error::from)? else {
            println!("There is no data in {} yet.", data.display());
            return Ok(());
        };
        if store.schema().text != schema.text {
            println!("schema.toml was changed since: `cirrus plan` shows what it will do.");
        }
        let found = store.check().map_err(Error::from)?;
        for problem in &found {
            println!("{problem}");
        }
        anyhow::ensure!(found.is_empty(), "{} things are wrong with the data", found.len());
        Ok(())
    }
}

//! `cirrus plan`: what the schema would change in the data, before it does.

use clap::Args;

use super::Place;
use crate::{app::App, data::plan, error::Error};

/// Arguments of `plan`.
#[derive(Args)]
pub struct Plan {
    #[command(flatten)]
    place: Place,
    /// Do it, in one transaction
    #[arg(long)]
    apply: bool,
    /// With --apply: also what loses data (a copy of the database is kept)
    #[arg(long, requires = "apply")]
    allow_loss: bool,
}

impl Plan {
    /// Prints the plan, and applies it when told to.
    pub fn run(self) -> anyhow::Result<()> {
        let schema = App::schema(&self.place.directory, &App::config(&self.place.directory)?)?;
        let data = self.place.data();
        let planned =
            if self.apply { plan::apply(&data, &schema, self.allow_loss) } else { plan::preview(&data, &schema) };
        let planned = planned.map_err(Error::from)?;
        print!("{planned}");
        if let Some(copy) = &planned.copy {
            println!("The database as it was is in {}.", copy.display());
        }
        Ok(())
    }
}

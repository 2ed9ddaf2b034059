//! `cirrus backup`: a copy of one moment, while others write.

use std::path::PathBuf;

use clap::Args;

use super::Place;
use crate::error::Error;

/// Arguments of `backup`.
#[derive(Args)]
pub struct Backup {
    /// The file to make; an existing one is replaced when the copy is whole
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Backup {
    /// Copies.
    pub fn run(self) -> anyhow::Result<()> {
        self.place.store()?.backup(&self.file).map_err(Error::from)?;
        Ok(())
    }
}

//! `cirrus import` and `cirrus export`: rows from and to CSV and JSON. An import takes the path of every write, with
//! the author's triggers.

use std::{
    io::{BufWriter, Write},
    path::PathBuf,
    sync::Arc,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use http::StatusCode;

use super::Place;
use crate::{
    app::App,
    data::{Query, export, import::Existing},
    error::Error,
    web::{Body, Response},
    work::{Job, Pool},
};

/// Arguments of `import`.
#[derive(Args)]
pub struct Import {
    /// The table
    table: String,
    /// A file that ends in .csv or .json
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Change the rows whose id is there already
    #[arg(long)]
    update: bool,
}

impl Import {
    /// Imports all rows or none.
    pub fn run(self) -> anyhow::Result<()> {
        let app = Arc::new(App::load(&self.place.directory, &self.place.data())?);
        let existing = if self.update { Existing::Update } else { Existing::Refuse };
        let rows = if app.directory.join("app.js").is_file() {
            self.with_triggers(app, existing)?
        } else {
            let session = app.store.begin().map_err(Error::from)?;
            let rows = session.import_file(&self.table, &self.file, existing).map_err(Error::from)?;
            session.commit().map_err(Error::from)?;
            rows
        };
        println!("{rows} rows");
        Ok(())
    }

    fn with_triggers(&self, app: Arc<App>, existing: Existing) -> anyhow::Result<u64> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let pool = Pool::new(app, runtime.handle().clone());
        let (table, file) = (self.table.clone(), self.file.clone());
        let job = Job::Native(Box::new(move |worker| {
            let rows = worker.session().and_then(|session| session.import_file(&table, &file, existing));
            match rows {
                Ok(rows) => Response::bytes(StatusCode::OK, "text/plain", rows.to_string()),
                Err(error) => Response::bytes(StatusCode::UNPROCESSABLE_ENTITY, "text/plain", error.to_string()),
            }
        }));
        let response = runtime.block_on(pool.submit(job)).context("the import did not end")?;
        let Body::Bytes(text) = response.body else { anyhow::bail!("the import gave no answer") };
        let text = String::from_utf8_lossy(&text).into_owned();
        anyhow::ensure!(response.status == StatusCode::OK, "{text}");
        Ok(text.parse()?)
    }
}

/// Arguments of `export`.
#[derive(Args)]
pub struct Export {
    /// The table
    table: String,
    #[command(flatten)]
    place: Place,
    /// Of what kind
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Json,
}

impl Export {
    /// Writes all rows.
    pub fn run(self) -> anyhow::Result<()> {
        let reader = self.place.store()?.reader().map_err(Error::from)?;
        let mut out = BufWriter::new(std::io::stdout().lock());
        let query = Query::of(&self.table);
        let written = match self.format {
            Format::Csv => export::csv(&reader, &query, &mut out),
            Format::Json => export::json(&reader, &query, &mut out),
        };
        written.map_err(Error::from)?;
        out.flush()?;
        Ok(())
    }
}

//! `initial-data/`: the rows that an empty database begins with. Masters come before what links to them, whatever the
//! files are called.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::import::Existing;
use super::read::Read as _;
use super::schema::Schema;
use super::{Error, Store};

/// A file and the place of its table in the schema.
struct Source {
    file: PathBuf,
    table: usize,
}

impl Store {
    /// Fills tables from the files of a directory, which need not be there: `clientes.csv`, `01-clientes.json`. All of it
    /// or nothing. What the schema says holds and totals are kept; triggers in JavaScript do not run.
    pub fn fill(&self, directory: &Path) -> Result<(), Error> {
        let session = self.begin()?;
        let schema = session.schema();
        let mut sources = sources(directory, schema)?;
        let order = masters_first(schema);
        // Several files of one table stay in the order of their names.
        sources.sort_by_key(|source| order.iter().position(|table| *table == source.table));
        for Source { file, table } in &sources {
            let imported = session.import_file(&schema.tables[*table].name, file, Existing::Refuse);
            imported.map_err(|source| Error::Initial {
                file: file.clone(),
                source: Box::new(source),
                advice: advice(schema, *table),
            })?;
        }
        session.commit()
    }
}

/// The files of the directory, by name.
fn sources(directory: &Path, schema: &Schema) -> Result<Vec<Source>, Error> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect::<Result<Vec<_>, _>>),
    };
    let entries = entries.map_err(Error::file("cannot read", directory))?;
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "csv" || extension == "json"));
    files.sort();
    let source = |file: PathBuf| {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = stem.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('-');
        match schema.find(name) {
            Ok((table, _)) => Ok(Source { file, table }),
            Err(error) => Err(Error::Initial { file, source: Box::new(error), advice: String::new() }),
        }
    };
    files.into_iter().map(source).collect()
}

/// The places of the tables that a table links to.
fn masters(schema: &Schema, table: usize) -> impl Iterator<Item = usize> {
    schema.tables[table].links().filter_map(|link| schema.tables.iter().position(|master| *master.name == *link.to))
}

/// All tables, each after those it links to, as far as that can be.
fn masters_first(schema: &Schema) -> Vec<usize> {
    fn visit(schema: &Schema, table: usize, seen: &mut [bool], order: &mut Vec<usize>) {
        if !std::mem::replace(&mut seen[table], true) {
            masters(schema, table).for_each(|master| visit(schema, master, seen, order));
            order.push(table);
        }
    }
    let (mut seen, mut order) = (vec![false; schema.tables.len()], Vec::new());
    (0..schema.tables.len()).for_each(|table| visit(schema, table, &mut seen, &mut order));
    order
}

/// For a table that links, by others, to itself.
fn advice(schema: &Schema, table: usize) -> String {
    let mut reached: Vec<usize> = masters(schema, table).filter(|master| *master != table).collect();
    let mut at = 0;
    while at < reached.len() {
        for master in masters(schema, reached[at]) {
            if master == table {
                let [this, other] = [table, reached[at]].map(|place| &schema.tables[place].name);
                return format!(
                    "\n{this} and {other} lead to each other by their links, so that neither can come first: leave the link \
                     empty in one of their files."
                );
            }
            if !reached.contains(&master) {
                reached.push(master);
            }
        }
        at += 1;
    }
    String::new()
}

//! From the tables that are there to those that `schema.toml` wants: what will change, what would be lost by it, and
//! what stands in the way. The plan is made from the rows themselves, so its numbers are those of the moment.

mod apply;
mod convert;
mod diff;
mod ledgers;

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use super::{Error, Schema, ddl, store};

pub(super) use apply::apply_on_open;
pub(crate) use ledgers::{balance_error, ledger};

/// One thing that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What happens, as a word for programs.
    pub what: What,
    /// The table (by its new name, where it has one).
    pub table: String,
    /// The field, index, total or balance.
    pub name: Option<String>,
    /// The rest of the sentence for people.
    pub detail: String,
}

/// What happens to a table or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A new table.
    CreateTable,
    /// A table goes, with its rows.
    DropTable,
    /// A table gets another name.
    RenameTable,
    /// A new field.
    AddField,
    /// A field goes, with its values.
    DropField,
    /// A field gets another name.
    RenameField,
    /// A field comes from another table, with its values.
    MoveField,
    /// A field's type or rules change.
    ChangeField,
    /// A new index.
    AddIndex,
    /// An index goes.
    DropIndex,
    /// An index covers something else.
    ChangeIndex,
    /// A total is computed anew.
    Totals,
    /// A running balance is computed anew.
    Balance,
    /// A running balance goes.
    DropBalance,
}

/// Data that would be lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The table, by its old name.
    pub table: String,
    /// The field, by its old name; `None` when whole rows go.
    pub field: Option<String>,
    /// In how many rows.
    pub rows: u64,
    /// How many values.
    pub values: u64,
    /// Why, and how to keep them.
    pub why: String,
}

impl Loss {
    /// The table or field, as `lose` in the schema names it.
    fn name(&self) -> String {
        match &self.field {
            Some(field) => format!("{}.{field}", self.table),
            None => self.table.clone(),
        }
    }
}

/// Something that the rows that are there contradict. It cannot be applied until they are put right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// The table, by its new name.
    pub table: String,
    /// The field or index.
    pub name: String,
    /// How many rows.
    pub rows: u64,
    /// What is wrong and what to do.
    pub message: String,
}

/// What applying a schema would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    /// What changes, in order.
    pub changes: Vec<Change>,
    /// What would be lost.
    pub losses: Vec<Loss>,
    /// What stands in the way.
    pub obstacles: Vec<Obstacle>,
    /// The copy of the database that was kept before, once the plan was applied and something was lost by it.
    pub copy: Option<std::path::PathBuf>,
    /// What the schema says may be lost.
    #[serde(skip)]
    lose: Vec<String>,
    /// How each table comes to be.
    #[serde(skip)]
    tables: Vec<diff::TablePlan>,
    /// Whether indexes, triggers or totals must be looked at although no table changes.
    #[serde(skip)]
    stale: bool,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.stale
    }

    /// Losses that the schema does not allow.
    fn unforeseen(&self) -> impl Iterator<Item = String> {
        self.losses.iter().map(Loss::name).filter(|name| !self.lose.contains(name))
    }

    /// The refusal, when it may not be applied.
    fn refusal(&self, allow_loss: bool) -> Option<Error> {
        if !self.obstacles.is_empty() || (!allow_loss && self.unforeseen().next().is_some()) {
            Some(Error::Refused(format!("the tables were left as they are.\n{self}")))
        } else {
            None
        }
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_empty() {
            return writeln!(out, "Nothing changes.");
        }
        for change in &self.changes {
            let name = change.name.as_ref().map_or_else(String::new, |name| format!(".{name}"));
            writeln!(out, "  {} {}{name}: {}", change.what.sign(), change.table, change.detail)?;
        }
        for loss in &self.losses {
            let Loss { rows, values, why, .. } = loss;
            writeln!(out, "LOST  {}: {values} values in {rows} rows. {why}", loss.name())?;
        }
        for obstacle in &self.obstacles {
            let Obstacle { table, name, rows, message } = obstacle;
            writeln!(out, "WRONG {table}.{name}: {rows} rows. {message}")?;
        }
        let unforeseen: Vec<_> = self.unforeseen().collect();
        if !unforeseen.is_empty() && self.copy.is_none() {
            writeln!(
                out,
                "To lose them all the same, write lose = {unforeseen:?} at the top of schema.toml, or say --apply \
                 --allow-loss. A copy of the database is kept."
            )?;
        }
        Ok(())
    }
}

impl What {
    fn sign(self) -> char {
        match self {
            What::CreateTable | What::AddField | What::AddIndex => '+',
            What::DropTable | What::DropField | What::DropIndex | What::DropBalance => '-',
            _ => '~',
        }
    }
}

/// What applying a schema to the database of a data directory would do. Nothing is changed.
pub fn preview(dir: &Path, schema: &Schema) -> Result<Plan, Error> {
    let path = dir.join(store::FILE);
    if !path.exists() {
        return diff::plan(None, &Schema::default(), schema);
    }
    let connection = store::connect(&path)?;
    match applied(&connection)? {
        None => diff::plan(None, &Schema::default(), schema),
        Some(applied) if applied.current(schema) => Ok(Plan::default()),
        Some(applied) => diff::plan(Some(&connection), &applied.schema()?, schema),
    }
}

/// Applies a schema to the database of a data directory (made when it is not there) in one transaction. What would lose
/// data is refused unless the schema or `allow_loss` says so; then a copy of the database is kept beside it.
pub fn apply(dir: &Path, schema: &Schema, allow_loss: bool) -> Result<Plan, Error> {
    std::fs::create_dir_all(dir).map_err(Error::file("cannot make", dir))?;
    let connection = store::connect(&dir.join(store::FILE))?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(Error::database("choosing the journal"))?;
    apply::apply(&connection, schema, allow_loss)
}

/// The schema a database was last brought to.
struct Applied {
    text: String,
    format: i64,
}

impl Applied {
    fn current(&self, schema: &Schema) -> bool {
        self.text == schema.text && self.format == ddl::FORMAT
    }

    fn schema(&self) -> Result<Schema, Error> {
        Schema::parse(&self.text, "the applied schema").map_err(Error::Schema)
    }
}

fn applied(connection: &Connection) -> Result<Option<Applied>, Error> {
    let failed = Error::database("reading the applied schema");
    let known = "SELECT 1 FROM sqlite_schema WHERE name = '_cirrus_schema'";
    let known = connection.query_row(known, [], |_| Ok(())).optional().map_err(&failed)?;
    if known.is_none() {
        return Ok(None);
    }
    let read = |row: &rusqlite::Row<'_>| Ok(Applied { text: row.get(0)?, format: row.get(1)? });
    connection.query_row("SELECT schema, format FROM _cirrus_schema", [], read).optional().map_err(&failed)
}

/// The schema that the database of a data directory has; `None` when there is no database, or one without tables.
pub(super) fn applied_to(dir: &Path) -> Result<Option<Schema>, Error> {
    let path = dir.join(store::FILE);
    if !path.exists() {
        return Ok(None);
    }
    applied(&store::connect(&path)?)?.map(|applied| applied.schema()).transpose()
}

/// Refuses to go on when another process applied another schema.
pub(super) fn same_schema(connection: &Connection, schema: &Schema) -> Result<(), Error> {
    match applied(connection)? {
        Some(applied) if applied.current(schema) => Ok(()),
        _ => Err(Error::SchemaChanged),
    }
}

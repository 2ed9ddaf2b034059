//! A plan carried out in one transaction: whatever fails, the tables stay as they were.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::ledgers::{balance_error, ledger};
use super::{Change, Plan, What, applied, convert, diff};
use crate::data::schema::{Schema, Table};
use crate::data::{Error, backup, ddl, moment};

/// How many copies of before destructive changes are kept.
const COPIES: usize = 5;
/// How often totals that depend on totals are computed before they are said to depend on themselves.
const PASSES: usize = 64;

/// Applies a schema when nothing would be lost.
pub(crate) fn apply_on_open(connection: &Connection, schema: &Schema) -> Result<(), Error> {
    apply(connection, schema, false).map(drop)
}

pub(super) fn apply(connection: &Connection, schema: &Schema, allow_loss: bool) -> Result<Plan, Error> {
    if applied(connection)?.is_some_and(|applied| applied.current(schema)) {
        return Ok(Plan::default());
    }
    let failed = Error::database("applying the schema");
    // Links are not followed while tables are made anew; all of them are checked at the end.
    connection.execute_batch("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE").map_err(&failed)?;
    let result = within(connection, schema, allow_loss);
    let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
    // A failed COMMIT leaves the transaction open; a failed ROLLBACK means that there is none.
    let ended = connection.execute_batch(end);
    if ended.is_err() {
        drop(connection.execute_batch("ROLLBACK"));
    }
    connection.execute_batch("PRAGMA foreign_keys = ON").map_err(&failed)?;
    let plan = result?;
    ended.map_err(&failed)?;
    Ok(plan)
}

fn within(connection: &Connection, schema: &Schema, allow_loss: bool) -> Result<Plan, Error> {
    // Looked at again inside the transaction: another process may have been faster.
    let (old, reformed) = match applied(connection)? {
        Some(applied) if applied.current(schema) => return Ok(Plan::default()),
        Some(applied) => (applied.schema()?, applied.format != ddl::FORMAT),
        None => (Schema::default(), false),
    };
    let mut plan = diff::plan(Some(connection), &old, schema)?;
    if let Some(refusal) = plan.refusal(allow_loss) {
        return Err(refusal);
    }
    if !plan.losses.is_empty() {
        plan.copy = Some(keep_copy(connection)?);
    }
    let failed = Error::database("applying the schema");
    connection.execute_batch(ddl::OWN_TABLES).map_err(&failed)?;
    let rebuilt = Apply { connection, old: &old, new: schema, plan: &plan, reformed }.all()?;
    verify(connection, &rebuilt)?;
    log(connection, schema, &plan).map_err(&failed)?;
    Ok(plan)
}

struct Apply<'a> {
    connection: &'a Connection,
    old: &'a Schema,
    new: &'a Schema,
    plan: &'a Plan,
    /// Whether another version of Cirrus made what is there.
    reformed: bool,
}

impl Apply<'_> {
    fn run(&self, sql: &str) -> Result<(), Error> {
        self.connection.execute_batch(sql).map_err(Error::database("changing tables"))
    }

    /// Yields the names of the tables that were made anew.
    fn all(&self) -> Result<BTreeSet<String>, Error> {
        let rebuilt = self.rebuilt();
        self.drop_triggers()?;
        self.drop_balances(&rebuilt)?;
        self.drop_objects(&rebuilt)?;
        self.tables()?;
        self.totals(&rebuilt)?;
        self.make_objects()?;
        self.make_balances(&rebuilt)?;
        Ok(rebuilt)
    }

    /// Tables made anew, by their new names. (Tables without rows before count as well.)
    fn rebuilt(&self) -> BTreeSet<String> {
        let anew = self.plan.tables.iter().filter(|plan| plan.rebuild);
        anew.map(|plan| self.new.tables[plan.place].name.to_string()).collect()
    }

    fn names(&self, sql: &str) -> Result<Vec<(String, String, String)>, Error> {
        let failed = Error::database("reading what there is");
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.and_then(Iterator::collect).map_err(&failed)
    }

    /// Triggers cost nothing to make, and would run while rows are copied.
    fn drop_triggers(&self) -> Result<(), Error> {
        let ours = "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '%.%'";
        for (name, _, _) in self.names(ours)? {
            self.run(&format!("DROP TRIGGER \"{name}\""))?;
        }
        Ok(())
    }

    /// Indexes and full-text tables that are no longer wanted as they are. Those of tables made anew go with them.
    fn drop_objects(&self, rebuilt: &BTreeSet<String>) -> Result<(), Error> {
        let wanted: BTreeSet<(String, String)> =
            ddl::objects(self.new).into_iter().map(|object| (object.name, object.sql)).collect();
        let ours = "SELECT name, type, sql FROM sqlite_schema WHERE name LIKE '%.%' AND \
                    (type = 'index' AND sql IS NOT NULL OR sql LIKE 'CREATE VIRTUAL TABLE%')";
        for (name, kind, sql) in self.names(ours)? {
            let table = name.split('.').next().unwrap_or_default();
            let stays = wanted.contains(&(name.clone(), sql)) && !rebuilt.contains(table);
            if !stays {
                self.run(&format!("DROP {} \"{name}\"", if kind == "index" { "INDEX" } else { "TABLE" }))?;
            }
        }
        Ok(())
    }

    fn tables(&self) -> Result<(), Error> {
        for plan in &self.plan.tables {
            let table = &self.new.tables[plan.place];
            if !plan.rebuild {
                for place in &plan.added {
                    let column = ddl::column(&table.fields[*place]);
                    self.run(&format!("ALTER TABLE \"{}\" ADD COLUMN {column}", table.name))?;
                }
                continue;
            }
            // A name with a point, which no table of the author has.
            let temporary = format!("{}.new", table.name);
            self.run(&ddl::create_table(table, &temporary))?;
            if plan.source.is_some() {
                convert::register(self.connection, plan.conversions.clone())?;
                let columns: Vec<_> = plan.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
                let sql = format!("INSERT INTO \"{temporary}\" (\"id\", {}) {}", columns.join(", "), plan.select());
                self.connection.execute(&sql, []).map_err(|error| {
                    crate::data::read::overflow(&table.name, error, "copying rows into their new table")
                })?;
            }
        }
        for table in &self.old.tables {
            let stays = self.plan.tables.iter().any(|plan| {
                let continues = !plan.split && plan.source.as_deref() == Some(&*table.name);
                continues && !plan.rebuild
            });
            if !stays {
                self.run(&format!("DROP TABLE \"{}\"", table.name))?;
            }
        }
        for plan in self.plan.tables.iter().filter(|plan| plan.rebuild) {
            let name = &self.new.tables[plan.place].name;
            self.run(&format!("ALTER TABLE \"{name}.new\" RENAME TO \"{name}\""))?;
        }
        Ok(())
    }

    /// Computes totals anew where what adds to them changed. Totals may depend on totals, so it is repeated until
    /// nothing moves.
    fn totals(&self, rebuilt: &BTreeSet<String>) -> Result<(), Error> {
        let stale: Vec<(&Table, String, String)> = self
            .new
            .tables
            .iter()
            .flat_map(|table| {
                let kept = table.fields.iter().filter(|field| field.kept);
                let stale = kept.filter(|field| self.stale(table, &field.name, rebuilt));
                stale
                    .map(|field| (table, field.name.to_string(), ddl::total_of(self.new, table, field)))
                    .collect::<Vec<_>>()
            })
            .collect();
        for _ in 0..PASSES {
            let mut changed = 0;
            for (table, field, total) in &stale {
                let sql =
                    format!("UPDATE \"{}\" SET \"{field}\" = {total} WHERE \"{field}\" IS NOT {total}", table.name);
                let computed = self.connection.execute(&sql, []);
                changed +=
                    computed.map_err(|error| crate::data::read::overflow(&table.name, error, "computing totals"))?;
            }
            if changed == 0 {
                return Ok(());
            }
        }
        Err(Error::Refused("totals depend on themselves in a circle, so they never come to rest".to_owned()))
    }

    fn stale(&self, table: &Table, field: &str, rebuilt: &BTreeSet<String>) -> bool {
        let adding =
            self.new.tables.iter().filter(|detail| {
                detail.accumulate.iter().any(|adds| adds.master == table.name && *adds.total == *field)
            });
        rebuilt.contains(&*table.name)
            || adding.into_iter().any(|detail| rebuilt.contains(&*detail.name))
            || self.plan.changes.iter().any(|change| {
                change.what == What::Totals && *change.table == *table.name && change.name.as_deref() == Some(field)
            })
    }

    fn make_objects(&self) -> Result<(), Error> {
        let there = "SELECT name, type, tbl_name FROM sqlite_schema WHERE name LIKE '%.%'";
        let there: BTreeSet<String> = self.names(there)?.into_iter().map(|(name, _, _)| name).collect();
        for object in ddl::objects(self.new) {
            if !there.contains(&object.name) {
                self.run(&object.sql)?;
                if let Some(fill) = &object.fill {
                    self.run(fill)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a balance of the old schema goes on untouched.
    fn same_balance(&self, table: &Table, name: &str, rebuilt: &BTreeSet<String>) -> bool {
        let (old, new) = (self.old.table(&table.name), self.new.table(&table.name));
        let (Some(old), Some(new)) = (old, new) else { return false };
        let unique = |table: &Table| {
            let unique = table.indexes.iter().filter(|index| index.kind == crate::data::schema::IndexKind::Unique);
            unique.map(|index| index.fields.clone()).collect::<Vec<_>>()
        };
        !self.reformed
            && !rebuilt.contains(&*new.name)
            && old.balance(name).is_some()
            && old.balance(name) == new.balance(name)
            && unique(old) == unique(new)
    }

    fn drop_balances(&self, rebuilt: &BTreeSet<String>) -> Result<(), Error> {
        for table in &self.old.tables {
            for balance in table.balances.iter().filter(|balance| !self.same_balance(table, &balance.name, rebuilt)) {
                for sql in ledger(table, balance)?.drop_ddl() {
                    self.run(&sql)?;
                }
            }
        }
        Ok(())
    }

    fn make_balances(&self, rebuilt: &BTreeSet<String>) -> Result<(), Error> {
        for table in &self.new.tables {
            for balance in table.balances.iter().filter(|balance| !self.same_balance(table, &balance.name, rebuilt)) {
                let made = ledger(table, balance)?.rebuild(self.connection);
                made.map_err(|error| balance_error(&table.name, error))?;
            }
        }
        Ok(())
    }
}

/// Every link leads somewhere, and the file is sound.
fn verify(connection: &Connection, rebuilt: &BTreeSet<String>) -> Result<(), Error> {
    let failed = Error::database("checking the changed tables");
    let mut statement = connection.prepare("PRAGMA foreign_key_check").map_err(&failed)?;
    let mut rows = statement.query([]).map_err(&failed)?;
    if let Some(row) = rows.next().map_err(&failed)? {
        let (table, id): (String, Option<i64>) = (row.get(0).map_err(&failed)?, row.get(1).map_err(&failed)?);
        let master: String = row.get(2).map_err(&failed)?;
        let id = id.unwrap_or_default();
        return Err(Error::Refused(format!(
            "row {id} of {table} links to a row of {master} that is not there. Put it right before. \
             Nothing was changed."
        )));
    }
    if !rebuilt.is_empty() {
        backup::integrity(connection)?;
    }
    Ok(())
}

fn log(connection: &Connection, schema: &Schema, plan: &Plan) -> rusqlite::Result<()> {
    let now = moment::instant(std::time::SystemTime::now());
    if !plan.changes.is_empty() {
        let changes: Vec<&Change> = plan.changes.iter().collect();
        let details = serde_json::json!({ "changes": changes, "losses": plan.losses });
        let copy = plan.copy.as_ref().map(|copy| copy.to_string_lossy().into_owned());
        connection.execute(
            "INSERT INTO _cirrus_changes (applied, summary, changes, copy) VALUES (?, ?, ?, ?)",
            rusqlite::params![now, plan.to_string(), details.to_string(), copy],
        )?;
    }
    connection.execute(
        "INSERT INTO _cirrus_schema (id, format, schema, applied) VALUES (1, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET format = excluded.format, schema = excluded.schema, applied = excluded.applied",
        rusqlite::params![ddl::FORMAT, schema.text, now],
    )?;
    Ok(())
}

/// Copies the database as it was when the transaction began: a second connection still sees that.
fn keep_copy(connection: &Connection) -> Result<PathBuf, Error> {
    let path = connection.path().filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = path.ok_or_else(|| Error::Refused("a database in memory cannot be copied".to_owned()))?;
    let dir = path.parent().unwrap_or(Path::new(".")).join("copies");
    std::fs::create_dir_all(&dir).map_err(Error::file("cannot make", &dir))?;
    let now = moment::instant(std::time::SystemTime::now()).replace([':', '.'], "-");
    let copy = dir.join(format!("before-{now}.sqlite"));
    backup::copy(&path, &copy)?;
    let mut copies: Vec<PathBuf> = std::fs::read_dir(&dir)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(Error::file("cannot read", &dir))?;
    copies.retain(|copy| copy.file_name().is_some_and(|name| name.to_string_lossy().starts_with("before-")));
    copies.sort();
    let old = copies.len().saturating_sub(COPIES);
    for old in &copies[..old] {
        std::fs::remove_file(old).map_err(Error::file("cannot remove", old))?;
    }
    Ok(copy)
}

//! A consistent copy of the database while it is being written, and the check that a database is sound.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::plan::ledger;
use super::read::{Read as _, overflow};
use super::{Error, Store, ddl, store};

/// Pages copied at a time. A copy in WAL mode reads one snapshot, so writers go on beside it.
const PAGES: i32 = 256;

impl Store {
    /// Copies the database into a new file (an existing one is replaced when the copy is complete and sound). Writers
    /// go on meanwhile; the copy is the state of one moment.
    pub fn backup(&self, to: &Path) -> Result<(), Error> {
        copy(self.path(), to)
    }

    /// Looks for damage and for what contradicts itself: pages, indexes, links, full texts, totals and balances.
    pub fn check(&self) -> Result<Vec<String>, Error> {
        let reader = self.reader()?;
        reader.consistently(|reader| {
            let connection = reader.connection();
            let mut found = damages(connection)?;
            found.extend(dangling(connection)?);
            for table in &self.schema().tables {
                for field in table.fields.iter().filter(|field| field.kept) {
                    let total = ddl::total_of(self.schema(), table, field);
                    let sql =
                        format!("SELECT count(*) FROM \"{}\" WHERE \"{}\" IS NOT {total}", table.name, field.name);
                    let wrong: i64 = connection
                        .query_row(&sql, [], |row| row.get(0))
                        .map_err(|error| overflow(&table.name, error, "checking totals"))?;
                    if wrong > 0 {
                        found.push(format!(
                            "{}.{}: {wrong} rows do not hold the sum of their details",
                            table.name, field.name
                        ));
                    }
                }
                for balance in &table.balances {
                    match ledger(table, balance)?.verify(connection) {
                        Ok(None) => {}
                        Ok(Some(difference)) => {
                            found
                                .push(format!("{}: the balance {} is wrong: {difference:?}", table.name, balance.name));
                        }
                        Err(error) => found.push(error.to_string()),
                    }
                }
            }
            Ok(found)
        })
    }
}

/// Checks a database file that nobody needs to have open: a backup.
pub fn check_file(path: &Path) -> Result<(), Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(Error::database("opening the file"))?;
    integrity(&connection)
}

/// Fails when SQLite finds damage.
pub(super) fn integrity(connection: &Connection) -> Result<(), Error> {
    match damages(connection)?.as_slice() {
        [] => Ok(()),
        damages => {
            let path = connection.path().unwrap_or_default().into();
            Err(Error::Damaged { path, detail: damages.join("; ") })
        }
    }
}

fn damages(connection: &Connection) -> Result<Vec<String>, Error> {
    let failed = Error::database("checking the file");
    let mut statement = connection.prepare("PRAGMA integrity_check(20)").map_err(&failed)?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0));
    let mut found: Vec<String> = rows.and_then(Iterator::collect).map_err(&failed)?;
    found.retain(|line| line != "ok");
    Ok(found)
}

fn dangling(connection: &Connection) -> Result<Vec<String>, Error> {
    let failed = Error::database("checking links");
    let sql = "SELECT \"table\" || ' links to rows of ' || parent || ' that are not there: ' || count(*) \
               FROM pragma_foreign_key_check GROUP BY \"table\", parent";
    let mut statement = connection.prepare(sql).map_err(&failed)?;
    let rows = statement.query_map([], |row| row.get(0));
    rows.and_then(Iterator::collect).map_err(&failed)
}

/// Copies a database file through SQLite, checks the copy, and puts it in its place.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = to.with_file_name(name);
    remove(&part)?;
    let done = copy_into(from, &part);
    if done.is_err() {
        remove(&part)?;
    }
    done?;
    std::fs::rename(&part, to).map_err(Error::file("cannot make", to))?;
    // Not before the name is on the disk is the copy one that can be relied on.
    let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::file("cannot flush", dir))
}

fn copy_into(from: &Path, part: &Path) -> Result<(), Error> {
    let failed = Error::database("copying the database");
    let source = store::connect(from)?;
    // Held open from first to last page: a writer in between does not make the copy begin again.
    source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").map_err(&failed)?;
    let mut target = Connection::open(part).map_err(&failed)?;
    {
        let backup = Backup::new(&source, &mut target).map_err(&failed)?;
        loop {
            match backup.step(PAGES).map_err(&failed)? {
                StepResult::Done => break,
                StepResult::More => {}
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
    // A single file, without a journal beside it.
    target.pragma_update(None, "journal_mode", "delete").map_err(&failed)?;
    integrity(&target)?;
    target.close().map_err(|(_, error)| failed(error))?;
    std::fs::File::open(part).and_then(|file| file.sync_all()).map_err(Error::file("cannot flush", part))
}

fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file("cannot remove", path)(error)),
        _ => Ok(()),
    }
}

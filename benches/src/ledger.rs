//! A ledger of a million rows: insert a back-dated row, read twenty with their balances; beside the ways that people
//! know, and the quickest that we know for a table of one fixed shape.

use anyhow::{Context, Result, ensure};
use cirrus::data::siblings::{Affinity, Amount, BalanceSpec, Bound, Column, FANOUT, Ledger, Window};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};

use crate::figure::Figure;

const ROWS: i64 = 1_000_000;
const MONTHS: i64 = 60;
/// Rows of a read.
const PAGE: usize = 20;
/// Operations of a sample that costs little, and those before it that do not count: the candidate before it has left
/// the processor's caches full of its own.
const OPERATIONS: i64 = 200;
const WARM: i64 = 50;
const ROUNDS: usize = 15;

const TABLE: &str = "CREATE TABLE mov (id INTEGER PRIMARY KEY, cuenta INTEGER NOT NULL, tercero INTEGER NOT NULL,
    anio INTEGER NOT NULL, mes INTEGER NOT NULL, debe INTEGER NOT NULL, haber INTEGER NOT NULL, saldo INTEGER, nota TEXT)";
const INDEX: &str = "CREATE INDEX hermano ON mov (cuenta, tercero, anio, mes)";
const INSERT: &str = "INSERT INTO mov (id, cuenta, tercero, anio, mes, debe, haber, saldo, nota)
    VALUES (?, ?, ?, ?, ?, 100, 0, 0, 'otro')";
/// Every later sibling is rewritten.
const CASCADE: &str = "CREATE TRIGGER cascade AFTER INSERT ON mov BEGIN
    UPDATE mov SET saldo = saldo + new.debe - new.haber
      WHERE cuenta = new.cuenta AND tercero = new.tercero AND (anio, mes, id) > (new.anio, new.mes, new.id);
    UPDATE mov SET saldo = new.debe - new.haber + coalesce((SELECT saldo FROM mov
        WHERE cuenta = new.cuenta AND tercero = new.tercero AND (anio, mes, id) < (new.anio, new.mes, new.id)
        ORDER BY anio DESC, mes DESC, id DESC LIMIT 1), 0) WHERE id = new.id; END";
const STORED: &str = "SELECT id, debe, haber, saldo, anio, mes FROM mov
    WHERE cuenta = ?1 AND tercero = ?2 AND (anio, mes, id) >= (?3, ?4, ?5) ORDER BY anio, mes, id";
const WINDOW: &str =
    "SELECT * FROM (SELECT id, debe, haber, sum(debe - haber) OVER (ORDER BY anio, mes, id) saldo, anio, mes
      FROM mov WHERE cuenta = ?1 AND tercero = ?2)
    WHERE (anio, mes, id) >= (?3, ?4, ?5)";

/// The rows themselves lie in the order of the siblings, and a trigger keeps the sum of each month. It takes a table
/// that is made for this one balance, and months that are not large.
const CLUSTERED: &str = "CREATE TABLE lain (id, cuenta, tercero, anio, mes, debe, haber, saldo, nota,
      PRIMARY KEY (cuenta, tercero, anio, mes, id)) WITHOUT ROWID;
    INSERT INTO lain SELECT * FROM mov ORDER BY cuenta, tercero, anio, mes, id;
    DROP TABLE mov;
    ALTER TABLE lain RENAME TO mov;
    CREATE TABLE meses (cuenta, tercero, anio, mes, neto, PRIMARY KEY (cuenta, tercero, anio, mes)) WITHOUT ROWID;
    INSERT INTO meses SELECT cuenta, tercero, anio, mes, sum(debe - haber) FROM mov GROUP BY 1, 2, 3, 4;
    CREATE TRIGGER mes AFTER INSERT ON mov BEGIN
      INSERT INTO meses VALUES (new.cuenta, new.tercero, new.anio, new.mes, new.debe - new.haber)
      ON CONFLICT DO UPDATE SET neto = neto + excluded.neto; END;
    VACUUM";
const BEFORE: &str = "SELECT (SELECT coalesce(sum(neto), 0) FROM meses
      WHERE cuenta = ?1 AND tercero = ?2 AND (anio, mes) < (?3, ?4))
    + (SELECT coalesce(sum(debe - haber), 0) FROM mov
      WHERE cuenta = ?1 AND tercero = ?2 AND anio = ?3 AND mes = ?4 AND id < ?5)";
const ROWS_ALONE: &str = "SELECT id, debe, haber, anio, mes FROM mov
    WHERE cuenta = ?1 AND tercero = ?2 AND (anio, mes, id) >= (?3, ?4, ?5) ORDER BY anio, mes, id";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Ours,
    /// The same, with a field that only the table has.
    Wider,
    Plain,
    Months,
    Cascade,
    Window,
}

struct Shape {
    groups: i64,
    months: i64,
    random: u64,
    next_id: i64,
}

impl Shape {
    fn below(&mut self, limit: i64) -> i64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        i64::try_from(self.random >> 1).expect("63 bits") % limit
    }

    /// A group, a month, and a number anywhere within.
    fn place(&mut self) -> [i64; 5] {
        let (group, month, id) = (self.below(self.groups), self.below(self.months), self.below(2 * ROWS));
        [430 + group % 10, group / 10, 2020 + month / 12, 1 + month % 12, id]
    }
}

/// Microseconds of this thread's processor time, in the kernel too.
fn processor() -> f64 {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn ledger() -> Result<Ledger> {
    let integers = |names: [&str; 2]| {
        names.map(|name| Column { name: name.into(), affinity: Affinity::Integer }).into_iter().collect()
    };
    Ok(Ledger::new(BalanceSpec {
        table: "mov".into(),
        name: "saldo".into(),
        group: integers(["cuenta", "tercero"]),
        order: integers(["anio", "mes"]),
        amount: Amount::Sides { debit: "debe".into(), credit: "haber".into() },
        unique: Vec::new(),
        fanout: FANOUT,
    })?)
}

/// Rows as they come in time: those of a group lie far from one another.
fn fill(db: &Connection, shape: &mut Shape) -> Result<()> {
    db.execute_batch("BEGIN")?;
    let mut insert = db.prepare("INSERT INTO mov VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'un apunte')")?;
    let each = ROWS / shape.groups;
    let mut balances = vec![0; usize::try_from(shape.groups)?];
    for turn in 0..each {
        let month = turn * shape.months / each;
        for group in 0..shape.groups {
            let (debit, credit) = (shape.below(100_000), shape.below(100_000));
            let balance = &mut balances[usize::try_from(group)?];
            *balance += debit - credit;
            // Even numbers: between any two is room for a later one.
            let id = 2 * (turn * shape.groups + group + 1);
            let (year, month) = (2020 + month / 12, 1 + month % 12);
            insert.execute(params![id, 430 + group % 10, group / 10, year, month, debit, credit, *balance])?;
        }
    }
    db.execute_batch("COMMIT")?;
    Ok(())
}

fn open(path: &std::path::Path, shape: &mut Shape, way: Way, ledger: &Ledger) -> Result<Connection> {
    let db = Connection::open(path)?;
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000")?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.execute_batch(TABLE)?;
    fill(&db, shape)?;
    match way {
        Way::Ours | Way::Wider => ledger.rebuild(&db)?,
        Way::Cascade => db.execute_batch(&format!("{INDEX}; {CASCADE}"))?,
        Way::Plain | Way::Window => db.execute_batch(INDEX)?,
        Way::Months => db.execute_batch(CLUSTERED)?,
    }
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(db)
}

fn insert(db: &Connection, shape: &mut Shape) -> Result<()> {
    let [account, third, year, month, _] = shape.place();
    // With one group and month only the number says where a row stands: an odd one, anywhere, none of them twice.
    shape.next_id = if shape.groups == 1 { (shape.next_id + 2 * 617_777) % (2 * ROWS) } else { shape.next_id + 1 };
    let mut statement = db.prepare_cached(INSERT)?;
    statement.execute([shape.next_id, account, third, year, month])?;
    Ok(())
}

/// The sum of the balances that were read, so that none is left out.
fn read(db: &Connection, way: Way, ledger: &Ledger, [account, third, rest @ ..]: [i64; 5]) -> Result<i64> {
    if matches!(way, Way::Ours | Way::Wider) {
        let window = Window::From(Bound::before(rest.map(Into::into)), PAGE);
        let lines = ledger.page(
            db,
            &[account.into(), third.into()],
            if way == Way::Ours { &["anio", "mes"] } else { &["mes", "nota"] },
            &window,
        )?;
        return Ok(lines.iter().map(|line| line.closing).sum());
    }
    let [year, month, id] = rest;
    if way == Way::Months {
        return by_months(db, [account, third, year, month, id]);
    }
    let mut statement = db.prepare_cached(if way == Way::Cascade { STORED } else { WINDOW })?;
    let mut rows = statement.query([account, third, year, month, id])?;
    let mut sum = 0;
    for _ in 0..PAGE {
        let Some(row) = rows.next()? else { break };
        let (_, _, _, balance): (i64, i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        sum += balance;
    }
    Ok(sum)
}

fn by_months(db: &Connection, place: [i64; 5]) -> Result<i64> {
    let mut balance: i64 = db.prepare_cached(BEFORE)?.query_row(place, |row| row.get(0))?;
    let mut statement = db.prepare_cached(ROWS_ALONE)?;
    let mut rows = statement.query(place)?;
    let mut sum = 0;
    for _ in 0..PAGE {
        let Some(row) = rows.next()? else { break };
        let (_, debit, credit): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        balance += debit - credit;
        sum += balance;
    }
    Ok(sum)
}

/// What one of so many operations costs.
fn sample(operations: i64, mut operation: impl FnMut() -> Result<()>) -> Result<f64> {
    let warm = if operations == OPERATIONS { WARM } else { 0 };
    (0..warm).try_for_each(|_| operation())?;
    let before = processor();
    (0..operations).try_for_each(|_| operation())?;
    Ok((processor() - before) / operations as f64)
}

/// What a candidate is called, how it works, how many samples of how many operations it gets.
type Candidate = (&'static str, Way, usize, i64);

fn measure(figures: [&'static str; 2], title: &str, groups: i64, months: i64, slow: (usize, i64)) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let ledger = ledger()?;
    let fresh = || Shape { groups, months, random: 88_172_645_463_325_252, next_id: 10 * ROWS + 1 };
    let database = |name: &str, way| open(&dir.path().join(name), &mut fresh(), way, &ledger);
    let ours = database("ours", Way::Ours)?;
    let cascade = database("cascade", Way::Cascade)?;
    let plain = database("plain", Way::Plain)?;
    let clustered = database("months", Way::Months)?;
    let of = |way| match way {
        Way::Ours | Way::Wider => &ours,
        Way::Cascade => &cascade,
        Way::Plain | Way::Window => &plain,
        Way::Months => &clustered,
    };
    // All of them say the same before anything is timed.
    let mut shape = fresh();
    for _ in 0..3 {
        let place = shape.place();
        let ours = read(&ours, Way::Ours, &ledger, place)?;
        for way in [Way::Months, Way::Cascade, Way::Window] {
            let other = read(of(way), way, &ledger, place)?;
            ensure!(ours == other, "the balances differ: {ours}, {other}");
        }
    }
    let mut inserts: Vec<Candidate> = vec![
        ("Cirrus's balances", Way::Ours, ROUNDS, OPERATIONS),
        ("sums by month, rows clustered", Way::Months, ROUNDS, OPERATIONS),
        ("an index and no balance", Way::Plain, ROUNDS, OPERATIONS),
        ("a trigger that rewrites what is later", Way::Cascade, slow.0, slow.1),
    ];
    let mut reads = vec![
        ("Cirrus's balances", Way::Ours, ROUNDS, OPERATIONS),
        ("the same and a text of the row", Way::Wider, ROUNDS, OPERATIONS),
        ("sums by month, rows clustered", Way::Months, ROUNDS, OPERATIONS),
        ("a stored balance (of that trigger)", Way::Cascade, ROUNDS, OPERATIONS),
        ("a window function", Way::Window, slow.0, slow.1),
    ];
    // SQLite would walk through the month to find the number: that is no way that anybody would take.
    reads.retain(|&(_, way, ..)| groups > 1 || !matches!(way, Way::Cascade | Way::Months));
    // There would be one sum of all.
    inserts.retain(|&(_, way, ..)| groups > 1 || way != Way::Months);
    let what = [
        format!("insert into the middle, 1,000,000 rows in {title}, each committed"),
        format!("read {PAGE} rows with balance, 1,000,000 rows in {title}"),
    ];
    let [what_insert, what_read] = what.map(|text| &*text.leak());
    for (name, what, candidates, write) in
        [(figures[0], what_insert, inserts, true), (figures[1], what_read, reads, false)]
    {
        let mut figure = Figure::new(name, what, "us of CPU");
        let mut shape = fresh();
        for round in 0..=ROUNDS {
            for &(name, way, _, operations) in candidates.iter().filter(|(.., rounds, _)| round <= *rounds) {
                let db = of(way);
                let each = sample(operations, || {
                    if write {
                        return insert(db, &mut shape);
                    }
                    std::hint::black_box(read(db, way, &ledger, shape.place())?);
                    Ok(())
                })?;
                // The first round warms caches.
                if round > 0 {
                    figure.add(name, each);
                }
                // The journal is written again from its beginning, as it is in a server that runs.
                db.execute_batch("PRAGMA wal_checkpoint(RESTART)")?;
            }
        }
        figure.finish()?;
    }
    let difference = ledger.verify(&ours)?;
    ensure!(difference.is_none(), "the ledger is wrong: {}", difference.context("there is one")?);
    Ok(())
}

pub fn run() -> Result<()> {
    measure(["ledger-insert", "ledger-read"], "1,000 groups", 1000, MONTHS, (ROUNDS, 20))?;
    measure(["ledger-insert-one-group", "ledger-read-one-group"], "one group and month", 1, 1, (2, 1))
}

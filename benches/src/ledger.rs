//! A ledger of a million rows: insert a back-dated row, read twenty with their balances; beside the two ways that people know.

use anyhow::{Context, Result, ensure};
use cirrus::data::siblings::{Affinity, Amount, BalanceSpec, Bound, Column, FANOUT, Ledger, Window};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};

use crate::figure::Figure;

const ROWS: i64 = 1_000_000;
const MONTHS: i64 = 60;
/// Rows of a read.
const PAGE: usize = 20;
/// Operations of a sample that costs little.
const OPERATIONS: i64 = 200;
const ROUNDS: usize = 15;

const TABLE: &str = "CREATE TABLE mov (id INTEGER PRIMARY KEY, cuenta INTEGER NOT NULL, tercero INTEGER NOT NULL,
    anio INTEGER NOT NULL, mes INTEGER NOT NULL, debe INTEGER NOT NULL, haber INTEGER NOT NULL, saldo INTEGER, nota TEXT)";
const INDEX: &str = "CREATE INDEX hermano ON mov (cuenta, tercero, anio, mes)";
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Ours,
    /// The same, with a field that only the table has.
    Wider,
    Plain,
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
    }
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(db)
}

fn insert(db: &Connection, shape: &mut Shape) -> Result<()> {
    let [account, third, year, month, _] = shape.place();
    // With one group and month only the number says where a row stands: an odd one, anywhere, none of them twice.
    shape.next_id = if shape.groups == 1 { (shape.next_id + 2 * 617_777) % (2 * ROWS) } else { shape.next_id + 1 };
    db.prepare_cached("INSERT INTO mov VALUES (?, ?, ?, ?, ?, 100, 0, 0, 'otro')")?.execute([
        shape.next_id,
        account,
        third,
        year,
        month,
    ])?;
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
    let mut statement = db.prepare_cached(if way == Way::Cascade { STORED } else { WINDOW })?;
    let [year, month, id] = rest;
    let mut rows = statement.query([account, third, year, month, id])?;
    let mut sum = 0;
    for _ in 0..PAGE {
        let Some(row) = rows.next()? else { break };
        let (_, _, _, balance): (i64, i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        sum += balance;
    }
    Ok(sum)
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
    let of = |way| match way {
        Way::Ours | Way::Wider => &ours,
        Way::Cascade => &cascade,
        Way::Plain | Way::Window => &plain,
    };
    // All three say the same before anything is timed.
    let mut shape = fresh();
    for _ in 0..3 {
        let place = shape.place();
        let told = [Way::Ours, Way::Cascade, Way::Window].map(|way| read(of(way), way, &ledger, place));
        let [a, b, c] = told;
        let (a, b, c) = (a?, b?, c?);
        ensure!(a == b && b == c, "the balances differ: {a}, {b}, {c}");
    }
    let inserts: Vec<Candidate> = vec![
        ("Cirrus's balances", Way::Ours, ROUNDS, OPERATIONS),
        ("an index and no balance", Way::Plain, ROUNDS, OPERATIONS),
        ("a trigger that rewrites what is later", Way::Cascade, slow.0, slow.1),
    ];
    let mut reads = vec![
        ("Cirrus's balances", Way::Ours, ROUNDS, OPERATIONS),
        ("the same and a text of the row", Way::Wider, ROUNDS, OPERATIONS),
        ("a stored balance (of that trigger)", Way::Cascade, ROUNDS, OPERATIONS),
        ("a window function", Way::Window, slow.0, slow.1),
    ];
    // SQLite would walk through the month to find the number: that is no way that anybody would take.
    reads.retain(|&(_, way, ..)| groups > 1 || way != Way::Cascade);
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
            for &(name, way, rounds, operations) in &candidates {
                if round > rounds {
                    continue;
                }
                let db = of(way);
                let before = processor();
                for _ in 0..operations {
                    if write {
                        insert(db, &mut shape)?;
                    } else {
                        std::hint::black_box(read(db, way, &ledger, shape.place())?);
                    }
                }
                let each = (processor() - before) / operations as f64;
                // The first round warms caches.
                if round > 0 {
                    figure.add(name, each);
                }
                db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
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

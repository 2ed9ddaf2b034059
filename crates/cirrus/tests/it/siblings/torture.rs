//! Random operations, alone and by eight writers at once.

use std::path::Path;

use cirrus::data::siblings::{Amount, BalanceSpec, Bound, Ledger};
use rusqlite::{Connection, params};

use super::{MOVEMENTS, Random, bounded, integers, memory, movements, movements_agree, other_movements, shell};

const GROUPS: i64 = 6;

/// A random row's number, perhaps of none.
fn some_row(db: &Connection, random: &mut Random) -> i64 {
    let last: i64 = db.query_row("SELECT coalesce(max(id), 0) FROM mov", [], |row| row.get(0)).unwrap();
    1 + random.below(last.max(1))
}

/// One random write of any kind; the shares make the table grow, then shrink, in turns of `swing`.
fn operate(db: &Connection, random: &mut Random, shrinking: bool) -> rusqlite::Result<usize> {
    let place = |random: &mut Random| {
        // Few months: many ties. Sometimes far back.
        (random.below(2), random.below(GROUPS / 2), 2020 + random.below(3), 1 + random.below(3))
    };
    let amount = |random: &mut Random| (random.below(1000), random.below(1000));
    let (cuenta, tercero, anio, mes) = place(random);
    let (debe, haber) = amount(random);
    let id = some_row(db, random);
    let kind = random.below(if shrinking { 26 } else { 20 });
    match kind {
        0..=7 => db.execute(
            "INSERT INTO mov (cuenta, tercero, anio, mes, debe, haber) VALUES (?, ?, ?, ?, ?, ?)",
            params![cuenta, tercero, anio, mes, debe, haber],
        ),
        8 => db.execute("UPDATE mov SET debe = ?, haber = ? WHERE id = ?", params![debe, haber, id]),
        9 => db.execute("UPDATE mov SET cuenta = ?, tercero = ? WHERE id = ?", params![cuenta, tercero, id]),
        10 => db.execute("UPDATE mov SET anio = ?, mes = ? WHERE id = ?", params![anio, mes, id]),
        11 => db.execute(
            "UPDATE mov SET cuenta = ?, anio = ?, mes = ?, debe = ? WHERE id = ?",
            params![cuenta, anio, mes, debe, id],
        ),
        12 => db.execute("UPDATE mov SET nota = 'x' WHERE id = ?", [id]),
        13 => db.execute("UPDATE OR IGNORE mov SET id = ? WHERE id = ?", params![random.below(400) + 1, id]),
        14 => db.execute(
            "INSERT OR REPLACE INTO mov VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            params![id, cuenta, tercero, anio, mes, debe, haber, random.below(40)],
        ),
        15 => db.execute(
            "INSERT OR IGNORE INTO mov VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            params![id, cuenta, tercero, anio, mes, debe, haber, random.below(40)],
        ),
        16 => db.execute(
            "INSERT INTO mov VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)
             ON CONFLICT (id) DO UPDATE SET debe = excluded.debe, mes = excluded.mes",
            params![id, cuenta, tercero, anio, mes, debe, haber],
        ),
        17 => db.execute(
            "UPDATE OR REPLACE mov SET apunte = ?, mes = ?, id = id + ? WHERE id = ?",
            params![random.below(40), mes, random.below(2), id],
        ),
        18 => db.execute(
            "INSERT INTO mov (cuenta, tercero, anio, mes, debe, haber)
             SELECT cuenta, ?, anio, mes, haber, debe FROM mov WHERE cuenta = ? LIMIT 5",
            params![tercero, cuenta],
        ),
        19 => db.execute("UPDATE mov SET mes = mes % 3 + 1 WHERE cuenta = ? AND id % 7 = 0", [cuenta]),
        20 => db.execute("DELETE FROM mov WHERE cuenta = ? AND tercero = ? AND id % 5 = 0", [cuenta, tercero]),
        21 if random.below(20) == 0 => db.execute("DELETE FROM mov WHERE tercero = ?", [tercero]),
        _ => db.execute("DELETE FROM mov WHERE id = ?", [id]),
    }
}

#[test]
fn random_operations_keep_every_balance() {
    let seeds = [(88_172_645_463_325_252, false), (4711, true)];
    for (seed, recursive) in seeds {
        keeps_every_balance(&[movements()], seed, recursive, 2500);
    }
}

#[test]
fn random_operations_keep_balances_without_group_or_order() {
    for (seed, recursive) in [(31, true), (2026, false)] {
        keeps_every_balance(&other_movements(), seed, recursive, 500);
    }
}

/// Random operations on one table, whose balances are all proven again and again.
fn keeps_every_balance(ledgers: &[Ledger], seed: u64, recursive: bool, turns: u64) {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(MOVEMENTS).unwrap();
    ledgers.iter().for_each(|ledger| ledger.rebuild(&db).unwrap());
    db.pragma_update(None, "recursive_triggers", recursive).unwrap();
    let mut random = Random(seed);
    for turn in 1..=turns {
        operate(&db, &mut random, turn / 400 % 2 == 1).unwrap();
        for ledger in ledgers.iter().filter(|_| turn % 50 == 0) {
            let difference = ledger.verify(&db).unwrap();
            assert!(difference.is_none(), "turn {turn}: {}", difference.unwrap());
            bounded(&db, ledger);
        }
        if turn % 500 == 0 {
            ledgers.iter().for_each(|ledger| movements_agree(&db, ledger));
        }
    }
    // The structure that was grown equals the one made at once in all it says, and shrinks to nothing.
    for ledger in ledgers {
        ledger.rebuild(&db).unwrap();
        movements_agree(&db, ledger);
    }
    db.execute("DELETE FROM mov", []).unwrap();
    for ledger in ledgers {
        assert_eq!(ledger.verify(&db).unwrap(), None);
        for part in ["rows", "sums", "replaced"] {
            let sql = format!("SELECT count(*) FROM _cirrus_balance_mov_{}_{part}", ledger.spec().name);
            let left: i64 = db.query_row(&sql, [], |row| row.get(0)).unwrap();
            assert_eq!(left, 0, "{part}");
        }
    }
}

fn write(path: &Path, seed: u64) {
    let db = shell(path);
    db.execute_batch("PRAGMA synchronous = OFF").unwrap();
    let mut random = Random(seed);
    for turn in 0..150 {
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        for _ in 0..=random.below(6) {
            operate(&db, &mut random, turn / 50 % 2 == 1).unwrap();
        }
        db.execute_batch(if random.below(10) == 0 { "ROLLBACK" } else { "COMMIT" }).unwrap();
    }
}

#[test]
fn eight_writers_at_once_keep_every_balance() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite");
    let db = shell(&path);
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF").unwrap();
    db.execute_batch(MOVEMENTS).unwrap();
    let [cash, ..] = other_movements();
    let ledgers = [movements(), cash];
    let ledger = &ledgers[0];
    ledgers.iter().for_each(|ledger| ledger.rebuild(&db).unwrap());
    std::thread::scope(|threads| {
        let writers: Vec<_> = (1..=8)
            .map(|seed| {
                threads.spawn({
                    let path = &path;
                    move || write(path, seed * 7919)
                })
            })
            .collect();
        // A reader sees them agree at any moment.
        while !writers.iter().all(|writer| writer.is_finished()) {
            for ledger in &ledgers {
                let difference = ledger.verify(&db).unwrap();
                assert!(difference.is_none(), "{}", difference.unwrap());
            }
            if let Some(id) = ledger.last(&db, &[0.into(), 0.into()]).unwrap() {
                db.execute_batch("BEGIN").unwrap();
                let sum = "SELECT coalesce(sum(debe - haber), 0) FROM mov WHERE cuenta = 0 AND tercero = 0";
                let sum: i64 = db.query_row(sum, [], |row| row.get(0)).unwrap();
                let balance = ledger.balance(&db, &[0.into(), 0.into()], &Bound::end()).unwrap();
                assert_eq!(sum, balance, "with row {id}");
                db.execute_batch("COMMIT").unwrap();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    for ledger in &ledgers {
        bounded(&db, ledger);
        movements_agree(&db, ledger);
    }
    let rows: i64 = db.query_row("SELECT count(*) FROM mov", [], |row| row.get(0)).unwrap();
    assert!(rows > 100, "{rows}");
}

/// The verification sees what a missing trigger misses: a test of the tests.
#[test]
fn without_any_one_trigger_it_goes_wrong_and_is_seen() {
    let rows = ["row_added", "row_gone", "row_changed"];
    for trigger in ["added", "gone", "moved", "changed", "displaced", "prepared"].into_iter().chain(rows) {
        let (db, ledger) = memory();
        let mut random = Random(99);
        for _ in 0..200 {
            operate(&db, &mut random, false).unwrap();
        }
        assert_eq!(ledger.verify(&db).unwrap(), None);
        db.execute_batch(&format!("DROP TRIGGER _cirrus_balance_mov_saldo_{trigger}")).unwrap();
        let seen = (0..200).any(|_| {
            // Without one, another may refuse; that alone is not enough.
            let _refused = operate(&db, &mut random, true);
            ledger.verify(&db).unwrap().is_some()
        });
        assert!(seen, "without {trigger}");
        ledger.rebuild(&db).unwrap();
        movements_agree(&db, &ledger);
    }
}

/// One group, one month, in the sizes of production: written in order, from the front, and in the middle.
#[test]
fn one_group_of_many_rows_stays_in_bounds() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE uno (id INTEGER PRIMARY KEY, grupo INTEGER, mes INTEGER, importe INTEGER)").unwrap();
    let spec = BalanceSpec {
        table: "uno".into(),
        name: "saldo".into(),
        group: integers(&["grupo"]),
        order: integers(&["mes"]),
        amount: Amount::Net("importe".into()),
        unique: Vec::new(),
        fanout: cirrus::data::siblings::FANOUT,
    };
    let ledger = Ledger::new(spec).unwrap();
    ledger.rebuild(&db).unwrap();
    let many = |from: &str| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000) INSERT INTO uno {from}"
        )
    };
    // In order; each before all others; each at a place of its own.
    db.execute_batch(&many("SELECT 100000 + i, 1, 1, i % 100 - 40 FROM n")).unwrap();
    db.execute_batch(&many("SELECT 90000 - i, 1, 1, i % 90 - 40 FROM n")).unwrap();
    db.execute_batch(&many("SELECT 200000 + i * 7919 % 15013, 1, 1, i % 80 - 40 FROM n")).unwrap();
    bounded(&db, &ledger);
    assert_eq!(ledger.verify(&db).unwrap(), None);
    let spans: i64 = db
        .query_row("SELECT count(*) FROM _cirrus_balance_uno_saldo_sums WHERE level = 2", [], |row| row.get(0))
        .unwrap();
    assert!((5..60).contains(&spans), "{spans}");
    // Thinned out, it goes on being right, and what is empty goes.
    db.execute_batch("DELETE FROM uno WHERE id < 110000 AND id % 10 <> 0; DELETE FROM uno WHERE id > 200000").unwrap();
    assert_eq!(ledger.verify(&db).unwrap(), None);
    for id in [75_000, 80_000, 89_990, 100_010, 114_990] {
        let sum = "SELECT sum(importe) FROM uno WHERE id <= ?";
        let sum: i64 = db.query_row(sum, [id], |row| row.get(0)).unwrap();
        assert_eq!(ledger.closing(&db, id).unwrap(), Some(sum), "{id}");
    }
    assert_eq!(ledger.closing(&db, 200_001).unwrap(), None);
}

//! What a balance refuses, and what nobody can slip past it.

use cirrus::data::siblings::{Affinity, Amount, BalanceSpec, Bound, Cut, Error, Ledger, Window};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{column, integers, memory, movements_agree};

/// A table that lets in anything, so that only the balance can refuse.
fn loose(amount: Amount) -> (Connection, Ledger) {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, grupo INTEGER, fecha TEXT, importe, otro)").unwrap();
    let ledger = Ledger::new(BalanceSpec {
        table: "t".into(),
        name: "saldo".into(),
        group: integers(&["grupo"]),
        order: vec![column("fecha", Affinity::Text)],
        amount,
        unique: Vec::new(),
        fanout: 4,
    });
    let ledger = ledger.unwrap();
    ledger.rebuild(&db).unwrap();
    (db, ledger)
}

fn net() -> (Connection, Ledger) {
    loose(Amount::Net("importe".into()))
}

#[test]
fn values_that_cannot_be_summed_or_ordered_are_refused_with_everything_written() {
    let (db, ledger) = net();
    db.execute("INSERT INTO t VALUES (1, 1, '2024-01-01', 5, 0)", []).unwrap();
    for values in [
        "NULL, '2024-01-01', 1",
        "1, NULL, 1",
        "1, x'00', 1",
        "'abc', '2024-01-01', 1",
        "1, '2024-01-01', NULL",
        "1, '2024-01-01', 1.5",
        "1, '2024-01-01', 'uno'",
        "1, '2024-01-01', 9223372036854775807 + 1",
        "1, '2024-01-01', -9223372036854775807 - 1",
    ] {
        for policy in ["", "OR IGNORE", "OR REPLACE", "OR ABORT"] {
            let sql = format!("INSERT {policy} INTO t (id, grupo, fecha, importe) VALUES (7, {values})");
            let error = db.execute(&sql, []).unwrap_err().to_string();
            assert!(error.starts_with("balance t.saldo: "), "{sql}: {error}");
        }
    }
    for change in ["grupo = NULL", "fecha = NULL", "importe = NULL", "importe = 0.5"] {
        for policy in ["", "OR IGNORE", "OR REPLACE"] {
            let error = db.execute(&format!("UPDATE {policy} t SET {change}"), []).unwrap_err().to_string();
            assert!(error.starts_with("balance t.saldo: "), "{change}: {error}");
        }
    }
    assert_eq!(db.query_row("SELECT count(*), sum(importe) FROM t", [], |r| Ok((r.get(0)?, r.get(1)?))), Ok((1, 5)));
    assert_eq!(ledger.verify(&db).unwrap(), None);
}

#[test]
fn a_sum_beyond_64_bits_is_refused_when_it_is_written() {
    let (db, ledger) = net();
    let most = i64::MAX;
    db.execute("INSERT INTO t VALUES (1, 1, 'a', ?, 0)", [most - 10]).unwrap();
    db.execute("INSERT INTO t VALUES (2, 1, 'b', 10, 0)", []).unwrap();
    for policy in ["", "OR IGNORE", "OR REPLACE"] {
        let sql = format!("INSERT {policy} INTO t VALUES (3, 1, 'c', 1, 0)");
        let error = db.execute(&sql, []).unwrap_err().to_string();
        assert!(error.contains("64 bits"), "{error}");
        let error =
            db.execute(&format!("UPDATE {policy} t SET importe = 11 WHERE id = 2"), []).unwrap_err().to_string();
        assert!(error.contains("64 bits"), "{error}");
    }
    // Another group has room; and what goes makes room.
    db.execute("INSERT INTO t VALUES (4, 2, 'c', ?, 0)", [most]).unwrap();
    db.execute("INSERT INTO t VALUES (5, 3, 'c', ?, 0)", [-most]).unwrap();
    assert_eq!(ledger.closing(&db, 2).unwrap(), Some(most));
    db.execute("DELETE FROM t WHERE id = 2", []).unwrap();
    db.execute("INSERT INTO t VALUES (3, 1, 'c', 1, 0)", []).unwrap();
    assert_eq!(ledger.closing(&db, 3).unwrap(), Some(most - 9));
    assert_eq!(ledger.verify(&db).unwrap(), None);
}

#[test]
fn a_rebuild_that_fails_changes_nothing() {
    let (db, ledger) = net();
    db.execute("INSERT INTO t VALUES (1, 1, 'a', 5, 0)", []).unwrap();
    for statement in ledger.drop_ddl() {
        db.execute_batch(&statement).unwrap();
    }
    db.execute("INSERT INTO t VALUES (2, 1, 'b', 1.5, 0)", []).unwrap();
    assert!(matches!(ledger.rebuild(&db), Err(Error::Invalid(_))));
    db.execute_batch("BEGIN; INSERT INTO t VALUES (3, 1, 'c', 1, 0)").unwrap();
    assert!(matches!(ledger.rebuild(&db), Err(Error::Invalid(_))));
    db.execute_batch("DELETE FROM t WHERE id = 2").unwrap();
    ledger.rebuild(&db).unwrap();
    db.execute_batch("COMMIT").unwrap();
    assert_eq!(ledger.closing(&db, 3).unwrap(), Some(6));
    db.execute_batch("INSERT INTO t VALUES (4, 1, 'd', 4, 0)").unwrap();
    assert_eq!(ledger.closing(&db, 4).unwrap(), Some(10));
}

/// `INSERT OR REPLACE` deletes without running delete triggers.
#[test]
fn replaced_rows_leave_the_balance() {
    let (db, ledger) = memory();
    let insert = "INSERT INTO mov VALUES (1, 1, 1, 2024, 1, 10, 0, 100, NULL), (2, 1, 1, 2024, 2, 20, 0, 200, NULL),
                  (3, 2, 1, 2024, 1, 30, 0, 300, NULL)";
    db.execute(insert, []).unwrap();
    for replacing in [
        // Itself; itself elsewhere; another by the unique field; two at once.
        "INSERT OR REPLACE INTO mov VALUES (1, 1, 1, 2024, 1, 11, 0, 100, NULL)",
        "REPLACE INTO mov VALUES (1, 1, 2, 2023, 1, 12, 0, 100, NULL)",
        "REPLACE INTO mov VALUES (4, 1, 1, 2024, 2, 40, 0, 200, NULL)",
        "REPLACE INTO mov VALUES (1, 1, 1, 2024, 2, 40, 0, 300, NULL)",
        "UPDATE OR REPLACE mov SET apunte = 300 WHERE id = 4",
        "INSERT OR IGNORE INTO mov VALUES (4, 1, 1, 2024, 2, 41, 0, 200, NULL)",
        "REPLACE INTO mov VALUES (9, 1, 1, 2024, 2, 50, 0, 9, NULL), (9, 1, 1, 2024, 2, 51, 0, 9, NULL)",
        "UPDATE OR REPLACE mov SET id = 4 WHERE id = 9",
    ] {
        db.execute(replacing, []).unwrap();
        movements_agree(&db, &ledger);
    }
}

/// Deleting a master deletes its movements, and the balances know.
#[test]
fn cascades_are_seen() {
    let (db, ledger) = memory();
    db.execute_batch(
        "PRAGMA foreign_keys = ON; CREATE TABLE asiento (id INTEGER PRIMARY KEY);
         ALTER TABLE mov ADD COLUMN asiento INTEGER REFERENCES asiento ON DELETE CASCADE;
         INSERT INTO asiento VALUES (1), (2);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO mov SELECT i, i % 2, 0, 2024, i % 12 + 1, i, 0, NULL, NULL, 1 + i % 3 / 2 FROM n;
         DELETE FROM asiento WHERE id = 1;",
    )
    .unwrap();
    movements_agree(&db, &ledger);
    let left: i64 = db.query_row("SELECT count(*) FROM mov", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 33);
}

#[test]
fn questions_that_do_not_fit_are_told() {
    let (db, ledger) = net();
    let one = [Value::Integer(1)];
    let long = Bound::before(vec![Value::Integer(1); 3]);
    assert!(matches!(ledger.totals(&db, &[], &Bound::end()), Err(Error::Invalid(_))));
    assert!(matches!(ledger.totals(&db, &one, &long), Err(Error::Invalid(_))));
    assert!(matches!(ledger.page(&db, &one, &[], &Window::From(Bound::start(), 1 << 20)), Err(Error::Invalid(_))));
    assert!(matches!(ledger.periods(&db, &one, Cut::Fields(2), &Bound::start(), 5), Err(Error::Invalid(_))));
    assert!(matches!(ledger.trial(&db, &[], None, (&Bound::start(), &Bound::end()), 1 << 20), Err(Error::Invalid(_))));
    assert_eq!(ledger.opening(&db, 77).unwrap(), None);
    assert_eq!(ledger.previous(&db, 77).unwrap(), None);
    assert_eq!(ledger.first(&db, &one).unwrap(), None);
    assert_eq!(ledger.balance(&db, &one, &Bound::end()).unwrap(), 0);
}

//! A ledger, an inventory and a cash flow, each with the reports that people ask of them.

use cirrus::data::siblings::{Affinity, Amount, BalanceSpec, Bound, Cut, Ledger, Movement, Window};
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::{Random, agrees, column, integers, memory};

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn a_back_dated_entry_carries_to_every_later_sibling_and_no_other() {
    let (db, ledger) = memory();
    for (id, cuenta, mes, debe, haber) in
        [(1, 430, 1, 100, 0), (2, 430, 2, 0, 30), (3, 430, 3, 50, 0), (4, 572, 1, 7, 0), (5, 430, 2, 5, 0)]
    {
        db.execute(
            "INSERT INTO mov VALUES (?, ?, 1, 2024, ?, ?, ?, NULL, NULL)",
            params![id, cuenta, mes, debe, haber],
        )
        .unwrap();
    }
    let openings = || [1, 2, 5, 3, 4].map(|id| ledger.opening(&db, id).unwrap().unwrap());
    assert_eq!(openings(), [0, 100, 70, 75, 0]);
    db.execute("INSERT INTO mov VALUES (6, 430, 1, 2023, 12, 1000, 0, NULL, NULL)", []).unwrap();
    assert_eq!(openings(), [1000, 1100, 1070, 1075, 0]);
    assert_eq!(ledger.first(&db, &[430.into(), 1.into()]).unwrap(), Some(6));
    assert_eq!(ledger.previous(&db, 1).unwrap(), Some(6));
    db.execute("UPDATE mov SET debe = 500 WHERE id = 6", []).unwrap();
    assert_eq!(openings(), [500, 600, 570, 575, 0]);
    db.execute("UPDATE mov SET cuenta = 572 WHERE id = 6", []).unwrap();
    assert_eq!(openings(), [0, 100, 70, 75, 500]);
    db.execute("UPDATE mov SET anio = 2025 WHERE id = 6", []).unwrap();
    assert_eq!(openings(), [0, 100, 70, 75, 0]);
    db.execute("DELETE FROM mov WHERE id = 1", []).unwrap();
    assert_eq!(ledger.opening(&db, 2).unwrap(), Some(0));
    assert_eq!(ledger.closing(&db, 3).unwrap(), Some(25));
}

#[test]
fn months_and_trial_balance() {
    let (db, ledger) = memory();
    let mut random = Random(5);
    for _ in 0..900 {
        let row = params![
            400 + random.below(5),
            random.below(4),
            2022 + random.below(3),
            1 + random.below(12),
            random.below(100),
            random.below(100)
        ];
        db.execute("INSERT INTO mov (cuenta, tercero, anio, mes, debe, haber) VALUES (?, ?, ?, ?, ?, ?)", row).unwrap();
    }
    // By month, against the plain sums; here a row counts as debit or credit by its net.
    let months = ledger.periods(&db, &[401.into(), 2.into()], Cut::Fields(2), &Bound::start(), 100).unwrap();
    let mut plain = db
        .prepare(
            "SELECT anio, mes, count(*), sum(max(debe - haber, 0)), sum(max(haber - debe, 0)) FROM mov
             WHERE cuenta = 401 AND tercero = 2 GROUP BY 1, 2 ORDER BY 1, 2",
        )
        .unwrap();
    let mut balance = 0;
    let plain: Vec<Movement> = plain
        .query_map([], |row| {
            let opening = balance;
            let (debit, credit): (i64, i64) = (row.get(3)?, row.get(4)?);
            balance += debit - credit;
            let of = vec![row.get(0)?, row.get(1)?];
            Ok(Movement { of, rows: row.get(2)?, opening, debit, credit, closing: balance })
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(months, plain);
    // Page by page it is the same.
    let (mut paged, mut from) = (Vec::new(), Bound::start());
    loop {
        let some = ledger.periods(&db, &[401.into(), 2.into()], Cut::Fields(2), &from, 7).unwrap();
        let Some(last) = some.last() else { break };
        from = Cut::Fields(2).end(&last.of);
        paged.extend(some);
    }
    assert_eq!(paged, plain);
    let years = ledger.periods(&db, &[401.into(), 2.into()], Cut::Fields(1), &Bound::before([2023.into()]), 9).unwrap();
    assert_eq!(years.iter().map(|year| year.of.clone()).collect::<Vec<_>>(), [vec![2023.into()], vec![2024.into()]]);
    assert_eq!(years[1].closing, balance);
    // All accounts in the first quarter of 2023.
    let (from, to) = (Bound::before([2023.into(), 1.into()]), Bound::after([2023.into(), 3.into()]));
    let trial = ledger.trial(&db, &[], None, (&from, &to), 100).unwrap();
    assert_eq!(trial.len(), 20);
    for line in &trial {
        let (opening, rows, closing): (i64, i64, i64) = db
            .query_row(
                "SELECT coalesce(sum(debe - haber) FILTER (WHERE anio < 2023), 0),
                        count(*) FILTER (WHERE anio = 2023 AND mes <= 3),
                        coalesce(sum(debe - haber) FILTER (WHERE (anio, mes) <= (2023, 3)), 0)
                 FROM mov WHERE cuenta = ? AND tercero = ?",
                params![line.of[0], line.of[1]],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .unwrap();
        assert_eq!((line.opening, line.rows, line.closing), (opening, rows, closing));
        assert_eq!(line.closing - line.opening, line.debit - line.credit);
    }
    // The third parties of one account, two at a time.
    let within = [Value::Integer(403)];
    let first = ledger.trial(&db, &within, None, (&from, &to), 2).unwrap();
    let rest = ledger.trial(&db, &within, Some(&first[1].of), (&from, &to), 9).unwrap();
    let both: Vec<_> = first.into_iter().chain(rest).collect();
    assert_eq!(both, trial.into_iter().filter(|line| line.of[0] == 403.into()).collect::<Vec<_>>());
}

/// An inventory: quantities and values of a product in a warehouse by date, two balances of one table.
#[test]
fn kardex() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE kardex (id INTEGER PRIMARY KEY, producto TEXT NOT NULL, almacen INTEGER NOT NULL,
         fecha TEXT NOT NULL, entrada INTEGER NOT NULL DEFAULT 0, salida INTEGER NOT NULL DEFAULT 0,
         coste INTEGER NOT NULL, valor INTEGER AS ((entrada - salida) * coste))",
    )
    .unwrap();
    let spec = |name: &str, amount| BalanceSpec {
        table: "kardex".into(),
        name: name.into(),
        group: vec![column("producto", Affinity::Text), column("almacen", Affinity::Integer)],
        order: vec![column("fecha", Affinity::Text)],
        amount,
        unique: Vec::new(),
        fanout: 4,
    };
    let sides = Amount::Sides { debit: "entrada".into(), credit: "salida".into() };
    let stock = Ledger::new(spec("existencias", sides)).unwrap();
    let value = Ledger::new(spec("valor", Amount::Net("valor".into()))).unwrap();
    for ledger in [&stock, &value] {
        ledger.rebuild(&db).unwrap();
    }
    let mut random = Random(7);
    for turn in 0..600 {
        let fecha = format!("2024-{:02}-{:02}", 1 + random.below(6), 1 + random.below(28));
        let product = ["tornillo", "tuerca", "ñandú"][usize::try_from(random.below(3)).unwrap()];
        let (entrada, salida) = (random.below(50), random.below(40));
        match turn % 5 {
            0..=2 => db.execute(
                "INSERT INTO kardex (producto, almacen, fecha, entrada, salida, coste) VALUES (?, ?, ?, ?, ?, ?)",
                params![product, random.below(2), fecha, entrada, salida, 100 + random.below(20)],
            ),
            3 => db.execute(
                "UPDATE kardex SET fecha = ?, coste = coste + 1 WHERE id = ?",
                params![fecha, random.below(turn + 1)],
            ),
            _ => db.execute("DELETE FROM kardex WHERE id = ?", [random.below(turn + 1)]),
        }
        .unwrap();
    }
    agrees(&db, &stock, "entrada - salida");
    agrees(&db, &value, "(entrada - salida) * coste");
    // By month, told apart into what came and what went, though a row may have both.
    let group = [text("tornillo"), Value::Integer(1)];
    let months = stock.periods(&db, &group, Cut::Characters(7), &Bound::start(), 100).unwrap();
    let mut plain = db
        .prepare(
            "SELECT substr(fecha, 1, 7), count(*), sum(entrada), sum(salida) FROM kardex
             WHERE producto = 'tornillo' AND almacen = 1 GROUP BY 1 ORDER BY 1",
        )
        .unwrap();
    let plain: Vec<(Vec<Value>, i64, i64, i64)> = plain
        .query_map([], |row| Ok((vec![row.get(0)?], row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let told: Vec<_> = months.into_iter().map(|month| (month.of, month.rows, month.debit, month.credit)).collect();
    assert_eq!(told, plain);
}

/// A cash flow: one sequence without groups, by date.
#[test]
fn cash_flow() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE caja (id INTEGER PRIMARY KEY, fecha TEXT NOT NULL, importe INTEGER NOT NULL)")
        .unwrap();
    let ledger = Ledger::new(BalanceSpec {
        table: "caja".into(),
        name: "saldo".into(),
        group: Vec::new(),
        order: vec![column("fecha", Affinity::Text)],
        amount: Amount::Net("importe".into()),
        unique: Vec::new(),
        fanout: 4,
    })
    .unwrap();
    ledger.rebuild(&db).unwrap();
    let mut random = Random(11);
    for _ in 0..300 {
        let fecha = format!("2024-{:02}-{:02}", 1 + random.below(12), 1 + random.below(28));
        db.execute("INSERT INTO caja (fecha, importe) VALUES (?, ?)", params![fecha, random.below(2000) - 900])
            .unwrap();
    }
    db.execute("DELETE FROM caja WHERE id % 3 = 0", []).unwrap();
    agrees(&db, &ledger, "importe");
    let june =
        ledger.movement(&db, &[], &Bound::before([text("2024-06-01")]), &Bound::before([text("2024-07-01")])).unwrap();
    let sql = "SELECT count(*), coalesce(sum(importe), 0) FROM caja WHERE fecha LIKE '2024-06-%'";
    let (rows, sum): (i64, i64) = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!((june.rows, june.closing - june.opening), (rows, sum));
    // A page from a day on.
    let lines = ledger.page(&db, &[], &["fecha"], &Window::From(Bound::before([text("2024-06-01")]), 5)).unwrap();
    assert_eq!(lines[0].opening, june.opening);
    assert!(lines.iter().all(|line| matches!(&line.values[0], Value::Text(fecha) if &**fecha >= "2024-06-01")));
}

/// A balance without an order is by number; with several and mixed fields, by all of them.
#[test]
fn any_order() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE v (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b REAL NOT NULL, c INTEGER NOT NULL, n INTEGER NOT NULL)",
    )
    .unwrap();
    let spec = |name: &str, group, order| BalanceSpec {
        table: "v".into(),
        name: name.into(),
        group,
        order,
        amount: Amount::Net("n".into()),
        unique: Vec::new(),
        fanout: 4,
    };
    let mixed = [("a", Affinity::Text), ("b", Affinity::Real), ("c", Affinity::Integer)];
    let order: Vec<_> = mixed.iter().map(|(name, affinity)| column(name, *affinity)).collect();
    let by_id = Ledger::new(spec("por_id", integers(&["c"]), Vec::new())).unwrap();
    let by_all = Ledger::new(spec("por_todo", Vec::new(), order)).unwrap();
    for ledger in [&by_id, &by_all] {
        ledger.rebuild(&db).unwrap();
    }
    let mut random = Random(3);
    for _ in 0..400 {
        let a = ["", "a", "á", "b", "Z"][usize::try_from(random.below(5)).unwrap()];
        let b = (random.below(9) - 4) as f64 / 2.0;
        db.execute(
            "INSERT OR REPLACE INTO v VALUES (?, ?, ?, ?, ?)",
            params![random.below(300) - 20, a, b, random.below(3) - 1, random.below(100)],
        )
        .unwrap();
    }
    agrees(&db, &by_id, "n");
    agrees(&db, &by_all, "n");
}

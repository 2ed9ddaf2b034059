//! Siblings and running balances, against what a window function over the whole table says.

mod refusals;
mod shapes;
mod torture;

use cirrus::data::siblings::{Affinity, Amount, BalanceSpec, Bound, Column, Ledger, Window};
use rusqlite::Connection;
use rusqlite::types::Value;

/// Random numbers that are the same every time.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

pub fn column(name: &str, affinity: Affinity) -> Column {
    Column { name: name.into(), affinity }
}

pub fn integers(names: &[&str]) -> Vec<Column> {
    names.iter().map(|name| column(name, Affinity::Integer)).collect()
}

/// The movements of accounts with third parties, ordered by year and month.
pub fn movements() -> Ledger {
    movements_by("saldo", &["cuenta", "tercero"], &["anio", "mes"])
}

/// Without a group, without an order, without either: a cash book, a log of each account, a log of all.
pub fn other_movements() -> [Ledger; 3] {
    [
        movements_by("caja", &[], &["anio", "mes"]),
        movements_by("diario", &["cuenta"], &[]),
        movements_by("todo", &[], &[]),
    ]
}

/// Movements in other groups and orders. Blocks of few rows, to split often.
fn movements_by(name: &str, group: &[&str], order: &[&str]) -> Ledger {
    let spec = BalanceSpec {
        table: "mov".into(),
        name: name.into(),
        group: integers(group),
        order: integers(order),
        amount: Amount::Net("debe - haber".into()),
        unique: vec![vec!["apunte".into()]],
        fanout: 4,
    };
    Ledger::new(spec).unwrap()
}

pub const MOVEMENTS: &str =
    "CREATE TABLE mov (id INTEGER PRIMARY KEY, cuenta INTEGER NOT NULL, tercero INTEGER NOT NULL,
    anio INTEGER NOT NULL, mes INTEGER NOT NULL, debe INTEGER NOT NULL, haber INTEGER NOT NULL, apunte INTEGER UNIQUE,
    nota TEXT)";

/// A connection as a SQLite shell has it: no pragma but waiting for others.
pub fn shell(path: &std::path::Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(600)).unwrap();
    db
}

pub fn memory() -> (Connection, Ledger) {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(MOVEMENTS).unwrap();
    let ledger = movements();
    for statement in ledger.ddl() {
        db.execute_batch(&statement).unwrap_or_else(|error| panic!("{error}:\n{statement}"));
    }
    (db, ledger)
}

/// A row, its opening and its closing balance.
type Told = (i64, i64, i64);

/// Every answer about every row equals what SQL says of the table alone.
pub fn agrees(db: &Connection, ledger: &Ledger, net: &str) {
    let difference = ledger.verify(db).unwrap();
    assert!(difference.is_none(), "{}", difference.unwrap());
    let table = &ledger.spec().table;
    let width = ledger.spec().group.len();
    let names = |columns: &[Column]| columns.iter().map(|column| format!("{}, ", column.name)).collect::<String>();
    let (group, order) = (names(&ledger.spec().group), names(&ledger.spec().order));
    let partition = match group.strip_suffix(", ") {
        Some(group) => format!("PARTITION BY {group}"),
        None => String::new(),
    };
    let mut truth = db
        .prepare(&format!(
            "SELECT {group}id, sum({net}) OVER w, {net}, lag(id) OVER w, lead(id) OVER w FROM {table}
             WINDOW w AS ({partition} ORDER BY {order}id ROWS UNBOUNDED PRECEDING) ORDER BY {group}{order}id"
        ))
        .unwrap();
    let mut rows = truth.query([]).unwrap();
    let mut pages: Vec<(Vec<Value>, Vec<Told>)> = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let of: Vec<Value> = (0..width).map(|at| row.get(at).unwrap()).collect();
        let (id, closing, net): (i64, i64, i64) =
            (row.get(width).unwrap(), row.get(width + 1).unwrap(), row.get(width + 2).unwrap());
        assert_eq!(ledger.opening(db, id).unwrap(), Some(closing - net), "opening of {id}");
        assert_eq!(ledger.closing(db, id).unwrap(), Some(closing), "closing of {id}");
        assert_eq!(ledger.previous(db, id).unwrap(), row.get(width + 3).unwrap(), "previous of {id}");
        assert_eq!(ledger.next(db, id).unwrap(), row.get(width + 4).unwrap(), "next of {id}");
        if pages.last().is_none_or(|(last, _)| *last != of) {
            pages.push((of, Vec::new()));
        }
        pages.last_mut().unwrap().1.push((id, closing - net, closing));
    }
    for (of, expected) in &pages {
        let page = |window| {
            let lines = ledger.page(db, of, &["id"], &window).unwrap();
            for line in &lines {
                assert_eq!(line.values, [Value::Integer(line.id)]);
                assert_eq!(line.closing - line.opening, line.debit - line.credit);
            }
            lines.into_iter().map(|line| (line.id, line.opening, line.closing)).collect::<Vec<_>>()
        };
        assert_eq!(&page(Window::From(Bound::start(), 10_000)), expected);
        assert_eq!(&page(Window::UpTo(Bound::end(), 10_000)), expected);
        assert_eq!(page(Window::UpTo(Bound::end(), 3)), expected[expected.len().saturating_sub(3)..]);
        assert_eq!(page(Window::From(Bound::end(), 3)), []);
        assert_eq!(page(Window::UpTo(Bound::start(), 3)), []);
        assert_eq!(ledger.first(db, of).unwrap(), Some(expected[0].0));
        assert_eq!(ledger.last(db, of).unwrap(), expected.last().map(|line| line.0));
        let totals = ledger.totals(db, of, &Bound::end()).unwrap();
        assert_eq!(totals.rows, i64::try_from(expected.len()).unwrap());
        assert_eq!(totals.balance(), expected.last().map(|line| line.2));
    }
    let all = ledger.trial(db, &[], None, (&Bound::start(), &Bound::end()), 10_000).unwrap();
    let closings: Vec<_> = all.into_iter().map(|line| (line.of, line.closing)).collect();
    let expected: Vec<_> = pages.iter().map(|(of, page)| (of.clone(), page.last().unwrap().2)).collect();
    assert_eq!(closings, expected);
}

pub fn movements_agree(db: &Connection, ledger: &Ledger) {
    agrees(db, ledger, "debe - haber");
}

/// No part of the structure has more than it may: this is what bounds the cost of every operation.
pub fn bounded(db: &Connection, ledger: &Ledger) {
    let spec = ledger.spec();
    let most = |level: u8, what: &str| -> i64 {
        let sql = format!(
            "SELECT coalesce(max({what}), 0) FROM _cirrus_balance_{}_{}_sums WHERE level = {level}",
            spec.table, spec.name
        );
        db.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert!(most(1, "n") <= i64::from(spec.fanout), "rows of a block");
    assert!(most(2, "parts") <= i64::from(2 * spec.fanout), "blocks of a span");
}

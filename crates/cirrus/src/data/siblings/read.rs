//! Questions about one row or one group: balances, siblings, pages.

use std::borrow::Cow;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::structure::{Names, ceiling, descending, list, lowest, quote};
use super::{Affinity, BalanceSpec, Bound, Error, Ledger, Totals};

/// The most rows in a window.
pub const MAX_WINDOW: usize = 10_000;

/// One row of a group with its balance.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The row.
    pub id: i64,
    /// The fields that were asked for.
    pub values: Vec<Value>,
    /// What it adds, in units.
    pub debit: i64,
    /// What it takes away, in units.
    pub credit: i64,
    /// The balance before it: the closing balance of its previous sibling, or 0.
    pub opening: i64,
    /// The balance after it.
    pub closing: i64,
}

/// Which rows of a group: so many from a bound on, or so many up to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Window {
    /// The rows after the bound, at most so many.
    From(Bound, usize),
    /// The last rows before the bound, at most so many; in their order still.
    UpTo(Bound, usize),
}

/// SQL that is asked often.
#[derive(Clone, Debug)]
pub(super) struct Queries {
    /// Group and order of a row, by its id.
    place: String,
    /// Totals before a key, and through it.
    totals: [String; 2],
    /// The balance before a key, and through it, in two parts.
    balance: [String; 2],
    /// The rows of a window, without what is selected: from a key, after it, before it and through it.
    window: [String; 4],
    previous: String,
    next: String,
    first: String,
    last: String,
}

/// `?n, ?n+1, ...`
pub(super) fn parameters(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ")
}

impl Queries {
    pub fn new(spec: &BalanceSpec, names: &Names) -> Queries {
        let source: Vec<String> = spec.group.iter().chain(&spec.order).map(|c| quote(&c.name)).collect();
        let constant = if spec.group.is_empty() { "0" } else { "" };
        let source = [constant.to_owned(), source.join(", ")];
        let source = source.iter().filter(|s| !s.is_empty()).cloned().collect::<Vec<_>>().join(", ");
        let Names { rows, .. } = names;
        let group = group_is(names, "");
        let key = list("", &names.key);
        let back = descending(&names.key);
        let here = parameters(names.group.len() + 1, names.key.len());
        let sibling = |than: &str, order: &str| {
            format!("SELECT id FROM {rows} WHERE {group} AND ({key}) {than} ({here}) ORDER BY {order} LIMIT 1")
        };
        let end = |order: &str| format!("SELECT id FROM {rows} WHERE {group} ORDER BY {order} LIMIT 1");
        Queries {
            place: format!("SELECT {source} FROM {} WHERE id = ?1", names.table),
            totals: ["<", "<="].map(|than| totals(names, than)),
            balance: ["<", "<="].map(|than| balance(names, than)),
            window: [">=", ">", "<", "<="].map(|than| window(names, than)),
            previous: sibling("<", &back),
            next: sibling(">", &key),
            first: end(&key),
            last: end(&back),
        }
    }
}

/// `x.g1 = ?1 AND x.g2 = ?2`
pub(super) fn group_is(names: &Names, prefix: &str) -> String {
    let each = names.group.iter().enumerate().map(|(at, column)| format!("{prefix}{column} = ?{}", at + 1));
    each.collect::<Vec<_>>().join(" AND ")
}

/// Three rows: sums over the spans before that of a key, over its blocks before that of the key, and over that one's rows
/// before (or through) the key. The plus signs take the columns' affinity away, without which SQLite does not search by a
/// vector.
fn totals(names: &Names, than: &str) -> String {
    let Names { rows, sums, .. } = names;
    let key = list("", &names.key);
    let bare = list("+", &names.key);
    let back = descending(&names.key);
    let group = group_is(names, "");
    let here = parameters(names.group.len() + 1, names.key.len());
    let [span, block] = [2, 1].map(|level| {
        format!(
            "(SELECT {bare} FROM {sums} WHERE {group} AND level = {level} AND ({key}) {than} ({here})
              ORDER BY {back} LIMIT 1)"
        )
    });
    let amounts = "coalesce(sum(x.debit), 0), coalesce(sum(x.credit), 0)";
    let in_group = group_is(names, "x.");
    let x = list("x.", &names.key);
    format!(
        "SELECT coalesce(sum(x.n), 0), {amounts} FROM {sums} x WHERE {in_group} AND x.level = 2 AND ({x}) < {span}
         UNION ALL
         SELECT coalesce(sum(x.n), 0), {amounts} FROM {sums} x
           WHERE {in_group} AND x.level = 1 AND ({x}) >= {span} AND ({x}) < {block}
         UNION ALL
         SELECT count(*), {amounts} FROM {rows} x WHERE {in_group} AND ({x}) >= {block} AND ({x}) {than} ({here})"
    )
}

/// One row: the balance of the spans and blocks before that of a key, and of that one's rows before (or through) the key;
/// none for a group without rows. It is asked most often, so the block is looked for once, and a group's only span, which
/// has no sums, is not looked for at all.
fn balance(names: &Names, than: &str) -> String {
    let Names { rows, sums, .. } = names;
    let [key, bare, x, b] = ["", "+", "x.", "+b."].map(|of| list(of, &names.key));
    let back = |of: &str| descending(&names.key.iter().map(|column| format!("{of}{column}")).collect::<Vec<_>>());
    let [group, in_group] = ["", "x."].map(|of| group_is(names, of));
    let here = parameters(names.group.len() + 1, names.key.len());
    let span = format!(
        "(SELECT {bare} FROM {sums} WHERE {group} AND level = 2 AND ({key}) {than} ({here}) ORDER BY {} LIMIT 1)",
        back("")
    );
    let sum = |from: &str, of: &str| {
        format!("(SELECT coalesce(sum(x.debit - x.credit), 0) FROM {from} x WHERE {in_group} AND {of})")
    };
    format!(
        "SELECT CASE WHEN (SELECT n FROM {sums} WHERE {group} AND level = 2 ORDER BY {key} LIMIT 1) IS NULL
             THEN {} ELSE {} + {} END, {}
         FROM {sums} b WHERE {} AND b.level = 1 AND ({}) {than} ({here}) ORDER BY {} LIMIT 1",
        sum(sums, &format!("x.level = 1 AND ({x}) < ({b})")),
        sum(sums, &format!("x.level = 2 AND ({x}) < {span}")),
        sum(sums, &format!("x.level = 1 AND ({x}) >= {span} AND ({x}) < ({b})")),
        sum(rows, &format!("({x}) >= ({b}) AND ({x}) {than} ({here})")),
        group_is(names, "b."),
        list("b.", &names.key),
        back("b."),
    )
}

/// Rows of a group on one side of a key, from the key outwards.
fn window(names: &Names, than: &str) -> String {
    let x: Vec<String> = names.key.iter().map(|c| format!("x.{c}")).collect();
    format!(
        "WHERE {} AND ({}) {than} ({}) ORDER BY {}",
        group_is(names, "x."),
        x.join(", "),
        parameters(names.group.len() + 1, x.len()),
        if than.starts_with('<') { descending(&x) } else { x.join(", ") },
    )
}

/// A row's group and its place in the order.
struct Place {
    group: Vec<Value>,
    /// The order's values, then the id.
    key: Vec<Value>,
}

impl Ledger {
    /// Sums over the rows of a group up to a bound. A group without rows has zeros.
    pub fn totals(&self, db: &Connection, group: &[Value], bound: &Bound) -> Result<Totals, Error> {
        if *bound == Bound::start() {
            return Ok(Totals::default());
        }
        let group = self.group(group)?;
        let key = self.key(bound)?;
        let mut statement = db.prepare_cached(&self.queries.totals[usize::from(bound.through)])?;
        let mut parts = statement.query(params_from_iter(group.iter().chain(&*key)))?;
        let mut sum = Totals::default();
        while let Some(row) = parts.next().map_err(|error| self.overflows(error))? {
            let part = Totals { rows: row.get(0)?, debit: row.get(1)?, credit: row.get(2)? };
            sum = sum.plus(part).ok_or_else(|| self.overflow())?;
        }
        Ok(sum)
    }

    /// A bound as a whole key. SQLite searches by a part of a key only up to equality, and would read all that is equal to it:
    /// so the rest is filled with what is below or above every value.
    pub(super) fn key<'a>(&self, bound: &'a Bound) -> Result<Cow<'a, [Value]>, Error> {
        let (given, width) = (bound.values.len(), self.names.key.len());
        if given > width {
            return Err(Error::Invalid("a bound has at most the order's values and an id".into()));
        }
        if given == width {
            return Ok((&*bound.values).into());
        }
        let affinities = self.spec.order.iter().map(|c| c.affinity).chain([Affinity::Integer]);
        let rest = affinities.skip(given).map(if bound.through { ceiling } else { lowest });
        Ok(bound.values.iter().cloned().chain(rest).collect::<Vec<_>>().into())
    }

    /// The balance of a group at a bound, in units.
    pub fn balance(&self, db: &Connection, group: &[Value], bound: &Bound) -> Result<i64, Error> {
        self.balance_within(db, &self.group(group)?, bound)
    }

    /// The same, of a group as the structure holds it.
    fn balance_within(&self, db: &Connection, group: &[Value], bound: &Bound) -> Result<i64, Error> {
        let key = self.key(bound)?;
        let mut statement = db.prepare_cached(&self.queries.balance[usize::from(bound.through)])?;
        let mut found = statement.query(params_from_iter(group.iter().chain(&*key)))?;
        let Some(row) = found.next().map_err(|error| self.overflows(error))? else { return Ok(0) };
        let mut sum = 0_i64;
        for at in 0..2 {
            // What is not an integer any more did not fit.
            let ValueRef::Integer(part) = row.get_ref(at)? else { return Err(self.overflow()) };
            sum = sum.checked_add(part).ok_or_else(|| self.overflow())?;
        }
        Ok(sum)
    }

    /// The balance before a row; `None` when there is no such row.
    pub fn opening(&self, db: &Connection, id: i64) -> Result<Option<i64>, Error> {
        self.beside(db, id, Bound::before)
    }

    /// The balance after a row; `None` when there is no such row.
    pub fn closing(&self, db: &Connection, id: i64) -> Result<Option<i64>, Error> {
        self.beside(db, id, Bound::after)
    }

    fn beside(&self, db: &Connection, id: i64, bound: fn(Vec<Value>) -> Bound) -> Result<Option<i64>, Error> {
        snapshot(db, || {
            let Some(place) = self.place(db, id)? else { return Ok(None) };
            self.balance_within(db, &place.group, &bound(place.key)).map(Some)
        })
    }

    /// The sibling before a row: the last of its group that is ordered before it. `None` too when there is no such row.
    pub fn previous(&self, db: &Connection, id: i64) -> Result<Option<i64>, Error> {
        self.sibling(db, id, &self.queries.previous)
    }

    /// The sibling after a row.
    pub fn next(&self, db: &Connection, id: i64) -> Result<Option<i64>, Error> {
        self.sibling(db, id, &self.queries.next)
    }

    /// The first row of a group.
    pub fn first(&self, db: &Connection, group: &[Value]) -> Result<Option<i64>, Error> {
        let group = self.group(group)?;
        one(db, &self.queries.first, params_from_iter(&*group))
    }

    /// The last row of a group.
    pub fn last(&self, db: &Connection, group: &[Value]) -> Result<Option<i64>, Error> {
        let group = self.group(group)?;
        one(db, &self.queries.last, params_from_iter(&*group))
    }

    /// Rows of a group in their order, each with the fields `columns` and its balances.
    pub fn page(
        &self,
        db: &Connection,
        group: &[Value],
        columns: &[&str],
        window: &Window,
    ) -> Result<Vec<Line>, Error> {
        let (bound, limit, back) = match window {
            Window::From(bound, limit) => (bound, *limit, false),
            Window::UpTo(bound, limit) => (bound, *limit, true),
        };
        if limit > MAX_WINDOW {
            return Err(Error::Invalid(format!("at most {MAX_WINDOW} rows at a time")));
        }
        let group = self.group(group)?;
        let side = &self.queries.window[2 * usize::from(back) + usize::from(bound.through)];
        let sql = self.select(columns, side);
        let mut statement = db.prepare_cached(&sql)?;
        let key = self.key(bound)?;
        let mut rows = statement.query(params_from_iter(group.iter().chain(&*key)))?;
        let mut lines = Vec::with_capacity(limit.min(128));
        let mut balance = None;
        while lines.len() < limit {
            let Some(row) = rows.next()? else { break };
            // While this statement runs, what others ask on this connection is of the same state of the database.
            let before = match balance {
                Some(balance) => balance,
                None => self.balance_within(db, &group, bound)?,
            };
            // A row of the structure without one of the table: somebody took the triggers away.
            let id = row.get::<_, Option<i64>>(0)?.ok_or_else(|| self.broken())?;
            let (debit, credit): (i64, i64) = (row.get(1)?, row.get(2)?);
            let net = debit.checked_sub(credit).ok_or_else(|| self.overflow())?;
            let other = if back { before.checked_sub(net) } else { before.checked_add(net) };
            let other = other.ok_or_else(|| self.overflow())?;
            let (opening, closing) = if back { (other, before) } else { (before, other) };
            let values = (3..3 + columns.len()).map(|at| row.get(at)).collect::<Result<_, _>>()?;
            lines.push(Line { id, values, debit, credit, opening, closing });
            balance = Some(other);
        }
        if back {
            lines.reverse();
        }
        Ok(lines)
    }

    /// The rows of a window with their fields. Those of the group and the order stand in the structure, side by side; for any
    /// other, each row is looked up in the table.
    fn select(&self, columns: &[&str], side: &str) -> String {
        let (spec, names) = (&self.spec, &self.names);
        let kept = |column: &&str| {
            let at = |fields: &[super::Column]| fields.iter().position(|field| field.name == **column);
            let group = at(&spec.group).map(|at| format!(", x.{}", names.group[at]));
            group.or_else(|| at(&spec.order).map(|at| format!(", x.{}", names.key[at])))
        };
        let looks_up = columns.iter().any(|column| kept(column).is_none());
        let field = |column: &&str| kept(column).unwrap_or_else(|| format!(", t.{}", quote(column)));
        let fields: String = columns.iter().map(field).collect();
        let rows = &names.rows;
        if looks_up {
            let table = &names.table;
            return format!(
                "SELECT t.id, x.debit, x.credit{fields} FROM {rows} x LEFT JOIN {table} t ON t.id = x.id {side}"
            );
        }
        format!("SELECT x.id, x.debit, x.credit{fields} FROM {rows} x {side}")
    }

    fn sibling(&self, db: &Connection, id: i64, sql: &str) -> Result<Option<i64>, Error> {
        snapshot(db, || {
            let Some(place) = self.place(db, id)? else { return Ok(None) };
            one(db, sql, params_from_iter(place.group.iter().chain(&place.key)))
        })
    }

    fn place(&self, db: &Connection, id: i64) -> Result<Option<Place>, Error> {
        let (groups, keys) = (self.names.group.len(), self.names.key.len());
        let read = |row: &Row<'_>| {
            let group = (0..groups).map(|at| row.get(at)).collect::<Result<_, _>>()?;
            let mut key: Vec<Value> = (groups..groups + keys - 1).map(|at| row.get(at)).collect::<Result<_, _>>()?;
            key.push(Value::Integer(id));
            Ok(Place { group, key })
        };
        Ok(db.prepare_cached(&self.queries.place)?.query_row([id], read).optional()?)
    }

    /// The values of a group, as the structure holds them.
    pub(super) fn group<'a>(&self, group: &'a [Value]) -> Result<Cow<'a, [Value]>, Error> {
        if group.len() != self.spec.group.len() {
            let names: Vec<_> = self.spec.group.iter().map(|c| c.name.as_str()).collect();
            return Err(Error::Invalid(format!("a group of {} is given by {}", self.spec.name, names.join(", "))));
        }
        Ok(if group.is_empty() { vec![Value::Integer(0)].into() } else { group.into() })
    }

    /// `sum()` fails rather than go beyond 64 bits.
    pub(super) fn overflows(&self, error: rusqlite::Error) -> Error {
        match &error {
            rusqlite::Error::SqliteFailure(_, Some(message)) if message == "integer overflow" => self.overflow(),
            _ => Error::Sql(error),
        }
    }
}

fn one(db: &Connection, sql: &str, given: impl rusqlite::Params) -> Result<Option<i64>, Error> {
    Ok(db.prepare_cached(sql)?.query_row(given, |row| row.get(0)).optional()?)
}

/// Runs several statements on one state of the database, whoever writes meanwhile.
pub(super) fn snapshot<T>(db: &Connection, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    if !db.is_autocommit() {
        return read();
    }
    db.prepare_cached("BEGIN")?.execute([])?;
    let result = read();
    let end = db.prepare_cached("COMMIT")?.execute([]);
    let value = result?;
    end?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::super::{Affinity, Amount, BalanceSpec, Column, Ledger};

    /// Every read is a search: none walks through a table or sorts.
    #[test]
    fn reads_search() {
        let column = |name: &str, affinity| Column { name: name.into(), affinity };
        let spec = BalanceSpec {
            table: "mov".into(),
            name: "saldo".into(),
            group: vec![column("cuenta", Affinity::Integer), column("tercero", Affinity::Text)],
            order: vec![column("anio", Affinity::Integer), column("fecha", Affinity::Text)],
            amount: Amount::Net("importe".into()),
            unique: Vec::new(),
            fanout: super::super::FANOUT,
        };
        let ledger = Ledger::new(spec).unwrap();
        let db = rusqlite::Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE mov (id INTEGER PRIMARY KEY, cuenta INT, tercero TEXT, anio INT, fecha TEXT, importe, nota)",
        )
        .unwrap();
        ledger.rebuild(&db).unwrap();
        let queries = &ledger.queries;
        let windows: Vec<_> = queries
            .window
            .iter()
            .flat_map(|side| [["fecha"], ["nota"]].map(|fields| ledger.select(&fields, side)))
            .collect();
        let siblings = [&queries.place, &queries.previous, &queries.next, &queries.first, &queries.last];
        for sql in windows.iter().chain(siblings).chain(&queries.totals).chain(&queries.balance) {
            let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            plan.raw_query().mapped(|row| row.get::<_, String>(3)).map(Result::unwrap).for_each(|step| {
                assert!(!step.starts_with("SCAN") && !step.contains("TEMP B-TREE"), "{step} in {sql}");
                // By all fields of the key.
                let ranges = step.matches("(o1,o2,id)").count();
                assert!(step.matches("o1").count() == ranges, "{step} in {sql}");
            });
        }
    }
}

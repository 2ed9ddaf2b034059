//! The tables that hold a balance and the triggers that keep them, as SQL text.
//!
//! A block begins at a key and goes up to the key of the next; the first of a group begins below every key, so that any row
//! has one block, found with one search. A block that grows beyond the fan-out is cut at three quarters (most ledgers grow at
//! their end; blocks there stay well filled); a span of blocks likewise. An empty block goes, unless its span begins with it.
//!
//! What the triggers must stand, and how:
//! - `INSERT OR IGNORE` and the like: the outer statement's conflict clause rules inside triggers too, where it would skip a
//!   failed constraint in silence. So nothing here relies on constraints; what is wrong is told by RAISE, which stands.
//! - `INSERT OR REPLACE` deletes rows without running delete triggers (unless `recursive_triggers` is on): a trigger before
//!   the write notes the keys it may displace, and one after it takes away what was.
//! - `recursive_triggers` on or off: no trigger depends on its own recursion.
//! - Overflow: SQLite turns a sum that does not fit into a float. Sums have no type of their own, and a sum that is not an
//!   integer is refused.

use rusqlite::types::Value;

use super::{Affinity, Amount, BalanceSpec};

/// Names of tables, quoted.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The table itself.
    pub table: String,
    /// Keys and amounts of its rows, in order.
    pub rows: String,
    /// Blocks, which are sums of rows, and spans, which are sums of blocks; told apart by `level`.
    pub sums: String,
    /// Keys that a write may displace.
    pub replaced: String,
    /// The key's columns within those tables.
    pub group: Vec<String>,
    /// Order and `id`.
    pub key: Vec<String>,
    stem: String,
}

impl Names {
    pub fn new(spec: &BalanceSpec) -> Names {
        let stem = format!("_cirrus_balance_{}_{}", spec.table, spec.name);
        let of = |part: &str| quote(&format!("{stem}_{part}"));
        let mut key: Vec<String> = (1..=spec.order.len()).map(|n| format!("o{n}")).collect();
        key.push("id".into());
        Names {
            table: quote(&spec.table),
            rows: of("rows"),
            sums: of("sums"),
            replaced: of("replaced"),
            // A balance without a group has one, named 0.
            group: (1..=spec.group.len().max(1)).map(|n| format!("g{n}")).collect(),
            key,
            stem,
        }
    }

    fn trigger(&self, name: &str) -> String {
        quote(&format!("{}_{name}", self.stem))
    }

    /// `g1, g2, o1, id`
    pub fn all(&self) -> String {
        list("", self.group.iter().chain(&self.key))
    }
}

/// An SQL identifier.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `x.a, x.b`
pub(super) fn list<'a>(prefix: &str, columns: impl IntoIterator<Item = &'a String>) -> String {
    columns.into_iter().map(|column| format!("{prefix}{column}")).collect::<Vec<_>>().join(", ")
}

/// `x.a = y.a AND x.b = y.b`
pub(super) fn equal<'a>(left: &str, right: &str, columns: impl IntoIterator<Item = &'a String>) -> String {
    columns.into_iter().map(|c| format!("{left}{c} = {right}{c}")).collect::<Vec<_>>().join(" AND ")
}

/// `a DESC, b DESC`
pub(super) fn descending<'a>(columns: impl IntoIterator<Item = &'a String>) -> String {
    columns.into_iter().map(|c| format!("{c} DESC")).collect::<Vec<_>>().join(", ")
}

fn kind(affinity: Affinity) -> &'static str {
    match affinity {
        Affinity::Integer => "INTEGER",
        Affinity::Real => "REAL",
        Affinity::Text => "TEXT",
    }
}

/// The key of a group's first block: below every value that its columns can hold.
pub(super) fn floor(spec: &BalanceSpec) -> Vec<Value> {
    spec.order.iter().map(|c| c.affinity).chain([Affinity::Integer]).map(lowest).collect()
}

/// Not above any value that a column can hold.
pub(super) fn lowest(affinity: Affinity) -> Value {
    match affinity {
        Affinity::Text => Value::Text(String::new()),
        _ => Value::Real(f64::NEG_INFINITY),
    }
}

/// Above every value that a column can hold: texts come after numbers, and blobs after texts.
pub(super) fn ceiling(affinity: Affinity) -> Value {
    match affinity {
        Affinity::Text => Value::Blob(Vec::new()),
        _ => Value::Text(String::new()),
    }
}

/// The tables, in the order in which they can be made.
pub(super) fn tables(spec: &BalanceSpec, names: &Names) -> Vec<String> {
    let mut group: Vec<String> =
        spec.group.iter().zip(&names.group).map(|(c, name)| format!("{name} {}", kind(c.affinity))).collect();
    if group.is_empty() {
        group.push("g1 INTEGER".into());
    }
    let group = group.join(", ");
    let mut key: Vec<String> =
        spec.order.iter().zip(&names.key).map(|(c, name)| format!("{name} {}", kind(c.affinity))).collect();
    key.push("id INTEGER".into());
    let key = key.join(", ");
    let all = names.all();
    let Names { rows, sums, replaced, .. } = names;
    let (groups, keys) = (list("", &names.group), list("", &names.key));
    vec![
        format!("CREATE TABLE {rows} ({group}, {key}, debit, credit, PRIMARY KEY ({all})) WITHOUT ROWID"),
        // A small group's spans and blocks stand together: one page is written for both.
        format!(
            "CREATE TABLE {sums} ({group}, level INTEGER, {key}, n INTEGER, debit, credit, parts INTEGER,
             PRIMARY KEY ({groups}, level, {keys})) WITHOUT ROWID"
        ),
        format!("CREATE TABLE {replaced} ({group}, {key}, stale)"),
    ]
}

/// What a trigger refuses, in words.
struct Refusals {
    value: String,
    amount: String,
    overflow: String,
}

impl Refusals {
    fn new(spec: &BalanceSpec) -> Refusals {
        let say = |what: &str| {
            let text = format!("balance {}.{}: {what}", spec.table, spec.name);
            format!("RAISE(ABORT, '{}')", text.replace('\'', "''"))
        };
        Refusals {
            value: say("a field of its group or order has no value, or one of another type"),
            amount: say("the amount is not a whole number of units that fits in 64 bits"),
            overflow: say("a total does not fit in 64 bits"),
        }
    }

    /// A sum that must be an integer still.
    fn sum(&self, expression: &str) -> String {
        format!("CASE typeof({expression}) WHEN 'integer' THEN {expression} ELSE {} END", self.overflow)
    }

    fn amount(&self, expression: &str) -> String {
        format!("CASE typeof({expression}) WHEN 'integer' THEN {expression} ELSE {} END", self.amount)
    }
}

/// `g1..` and `o1.., id` of a row of the table itself, as expressions with a prefix (`new.`, `old.`, nothing).
pub(super) fn source(spec: &BalanceSpec, prefix: &str) -> (Vec<String>, Vec<String>) {
    let mut group: Vec<String> = spec.group.iter().map(|c| format!("{prefix}{}", quote(&c.name))).collect();
    if group.is_empty() {
        group.push("0".into());
    }
    let mut key: Vec<String> = spec.order.iter().map(|c| format!("{prefix}{}", quote(&c.name))).collect();
    key.push(format!("{prefix}id"));
    (group, key)
}

/// Debit and credit of a row, as expressions over the table's fields.
pub(super) fn plain_sides(spec: &BalanceSpec) -> (String, String) {
    match &spec.amount {
        Amount::Net(net) => (format!("max(({net}), 0)"), format!("max(-({net}), 0)")),
        Amount::Sides { debit, credit } => (format!("({debit})"), format!("({credit})")),
    }
}

/// The same, but integers or refused.
fn sides(spec: &BalanceSpec, refusals: &Refusals) -> (String, String) {
    let (debit, credit) = plain_sides(spec);
    (refusals.amount(&debit), refusals.amount(&credit))
}

/// The rows of the table as the structure should have them, unchecked: RAISE is for triggers only.
pub(super) fn projection(spec: &BalanceSpec, names: &Names) -> String {
    let (group, key) = source(spec, "");
    let (debit, credit) = plain_sides(spec);
    format!("SELECT {}, {}, {debit}, {credit} FROM {}", group.join(", "), key.join(", "), names.table)
}

/// The values of the structure's row for a new row of the table, inside a trigger; wrong ones are refused. (Values and not a
/// select, whose result SQLite would put into a temporary table first.)
fn values(spec: &BalanceSpec, names: &Names, refusals: &Refusals) -> String {
    let (mut group, key) = source(spec, "new.");
    let constant = if spec.group.is_empty() { group.pop() } else { None };
    let checked = |(value, affinity): (String, Option<Affinity>)| match affinity {
        Some(Affinity::Text) => format!("CASE typeof({value}) WHEN 'text' THEN {value} ELSE {} END", refusals.value),
        Some(_) => format!(
            "CASE typeof({value}) WHEN 'integer' THEN {value} WHEN 'real' THEN {value} ELSE {} END",
            refusals.value
        ),
        None => value,
    };
    let affinities = spec.group.iter().chain(&spec.order).map(|c| Some(c.affinity)).chain([None]);
    let columns = constant.into_iter().chain(group.into_iter().chain(key).zip(affinities).map(checked));
    let (debit, credit) = sides(spec, refusals);
    let amounts = [debit, credit].map(|side| format!("(SELECT {side} FROM {} WHERE id = new.id)", names.table));
    columns.chain(amounts).collect::<Vec<_>>().join(", ")
}

/// The triggers, those on the table and those between the structure's own tables.
pub(super) fn triggers(spec: &BalanceSpec, names: &Names) -> Vec<String> {
    let refusals = Refusals::new(spec);
    let mut all = on_rows(names, &refusals);
    all.extend(on_sums(spec, names));
    all.extend(on_table(spec, names, &refusals));
    all
}

/// A `WHERE` for the block (level 1) or span (2) that holds the row or block `of` (`new.`, `old.`). The plus signs take the
/// columns' affinity away, without which SQLite does not search by a vector.
fn holding(names: &Names, level: u8, of: &str) -> String {
    holding_where(names, level, of, "")
}

/// The same, with sums: there is none where a group's only span has none.
fn summing(names: &Names, level: u8, of: &str) -> String {
    holding_where(names, level, of, " AND n IS NOT NULL")
}

fn holding_where(names: &Names, level: u8, of: &str, more: &str) -> String {
    let key = list("", &names.key);
    let group = equal("", of, &names.group);
    format!(
        "WHERE {group} AND level = {level} AND ({key}) =
           (SELECT {key} FROM {} WHERE {group} AND level = {level} AND ({key}) <= ({}){more} ORDER BY {} LIMIT 1)",
        names.sums,
        list(&format!("+{of}"), &names.key),
        descending(&names.key),
    )
}

/// Triggers of the rows: each adds to, takes from or changes its block and span.
fn on_rows(names: &Names, refusals: &Refusals) -> Vec<String> {
    let Names { rows, sums, .. } = names;
    let debit = refusals.sum("debit + new.debit");
    let credit = refusals.sum("credit + new.credit");
    let more = format!("n = n + 1, debit = {debit}, credit = {credit}");
    let insert = format!(
        "CREATE TRIGGER {} AFTER INSERT ON {rows} BEGIN
           UPDATE {sums} SET {more} {};
           UPDATE {sums} SET {more} {};
         END",
        names.trigger("row_added"),
        summing(names, 2, "new."),
        holding(names, 1, "new."),
    );
    let debit = refusals.sum("debit - old.debit");
    let credit = refusals.sum("credit - old.credit");
    let less = format!("n = n - 1, debit = {debit}, credit = {credit}");
    let delete = format!(
        "CREATE TRIGGER {} AFTER DELETE ON {rows} BEGIN
           UPDATE {sums} SET {less} {};
           UPDATE {sums} SET {less} {};
         END",
        names.trigger("row_gone"),
        holding(names, 1, "old."),
        summing(names, 2, "old."),
    );
    let debit = refusals.sum("debit - old.debit + new.debit");
    let credit = refusals.sum("credit - old.credit + new.credit");
    let other = format!("debit = {debit}, credit = {credit}");
    let update = format!(
        "CREATE TRIGGER {} AFTER UPDATE OF debit, credit ON {rows} BEGIN
           UPDATE {sums} SET {other} {};
           UPDATE {sums} SET {other} {};
         END",
        names.trigger("row_changed"),
        holding(names, 1, "new."),
        summing(names, 2, "new."),
    );
    vec![insert, delete, update]
}

/// The first block's key, as SQL.
fn floor_text(spec: &BalanceSpec) -> String {
    let text = |value: Value| if value == Value::Text(String::new()) { "''" } else { "-9e999" };
    floor(spec).into_iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Triggers of the sums: splits, and what goes when it is empty.
fn on_sums(spec: &BalanceSpec, names: &Names) -> Vec<String> {
    let Names { rows, sums, .. } = names;
    let group = equal("", "new.", &names.group);
    let key = list("", &names.key);
    let here = list("+new.", &names.key);
    let this = equal("", "new.", &names.key);
    // SQLite sets up a trigger's whole program before it looks at its WHEN: a small one asks, so that the large ones below,
    // which watch `parts`, are only begun when there is something to do.
    let due = format!(
        "CREATE TRIGGER {} AFTER UPDATE OF n ON {sums} WHEN new.n = 0 OR (new.level = 1 AND new.n > {}) BEGIN
           UPDATE {sums} SET parts = parts WHERE {group} AND level = new.level AND {this};
         END",
        names.trigger("sum_due"),
        spec.fanout,
    );
    let empty = format!(
        "CREATE TRIGGER {} AFTER UPDATE OF parts ON {sums} WHEN new.n = 0 BEGIN
           UPDATE {sums} SET parts = parts - 1 {} AND new.level = 1 AND ({key}) IS NOT ({here});
           DELETE FROM {sums} WHERE {group} AND level = 1 AND {this} AND new.level = 1
             AND NOT EXISTS (SELECT 1 FROM {sums} WHERE {group} AND level = 2 AND {this});
           DELETE FROM {sums} WHERE new.level = 2 AND new.id <> -9e999 AND {group} AND level = 1 AND ({key}) IN
             (SELECT {key} FROM {sums} WHERE {group} AND level = 1 AND ({key}) >= ({here}) ORDER BY {key} LIMIT new.parts);
           DELETE FROM {sums} WHERE new.level = 2 AND new.id <> -9e999 AND {group} AND level = 2 AND {this};
           DELETE FROM {sums} WHERE {group} AND NOT EXISTS (SELECT 1 FROM {rows} WHERE {group});
         END",
        names.trigger("sum_empty"),
        holding(names, 2, "new."),
    );
    vec![due, empty, split(spec, names, 1), split(spec, names, 2)]
}

/// The trigger that cuts a block (level 1) or span (2) which has grown beyond the fan-out.
fn split(spec: &BalanceSpec, names: &Names, level: u8) -> String {
    let Names { rows, sums, .. } = names;
    let fanout = spec.fanout * u32::from(level);
    let keep = fanout * 3 / 4;
    let (name, count) = if level == 1 { ("block_full", "n") } else { ("span_full", "parts") };
    // What it consists of.
    let (parts, of_level, one) = if level == 1 { (rows, "", "1") } else { (sums, " AND p.level = 1", "p.n") };
    let [group, p_group] = ["", "p."].map(|prefix| equal(prefix, "new.", &names.group));
    let [key, p_key] = ["", "p."].map(|prefix| list(prefix, &names.key));
    let here = list("+new.", &names.key);
    let columns = format!("{}, level, {key}, n, debit, credit, parts", list("", &names.group));
    let sum = |from: &str, limit: &str| {
        format!(
            "SELECT sum(n), sum(debit), sum(credit), count(*) FROM (SELECT {one} AS n, p.debit, p.credit FROM {parts} p
             WHERE {p_group}{of_level} AND ({p_key}) >= ({from}) ORDER BY {p_key} LIMIT {limit})"
        )
    };
    let note = if level == 1 {
        format!("UPDATE {sums} SET parts = parts + 1 {};", holding(names, 2, "new."))
    } else {
        String::new()
    };
    // The new one is made with its key alone, then given the sums of the parts from there on.
    format!(
        "CREATE TRIGGER {} AFTER UPDATE OF parts ON {sums} WHEN new.{count} > {fanout} AND new.level = {level} BEGIN
           INSERT INTO {sums} ({columns})
             SELECT {}, {level}, {p_key}, 0, 0, 0, 1 FROM {parts} p
             WHERE {p_group}{of_level} AND ({p_key}) >= ({here}) ORDER BY {p_key} LIMIT 1 OFFSET {keep};
           UPDATE {sums} SET (n, debit, credit, parts) = ({})
             WHERE {group} AND level = {level} AND ({key}) =
               (SELECT {key} FROM {sums} WHERE {group} AND level = {level} AND ({key}) > ({here}) ORDER BY {key} LIMIT 1);
           UPDATE {sums} SET (n, debit, credit, parts) = ({}) WHERE {group} AND level = {level} AND {};
           {note}
         END",
        names.trigger(name),
        list("p.", &names.group),
        sum(&list(&format!("+{sums}."), &names.key), &format!("new.{count} - {keep}")),
        sum(&here, &keep.to_string()),
        equal("", "new.", &names.key),
    )
}

/// Triggers of the table itself.
fn on_table(spec: &BalanceSpec, names: &Names, refusals: &Refusals) -> Vec<String> {
    let Names { table, rows, replaced, .. } = names;
    let keys = names.all();
    let columns: Vec<String> = names.group.iter().chain(&names.key).cloned().collect();
    let at = |prefix: &str| {
        let (group, key) = source(spec, prefix);
        let values = group.into_iter().chain(key);
        columns.iter().zip(values).map(|(c, value)| format!("{c} = {value}")).collect::<Vec<_>>().join(" AND ")
    };
    let tuple = |prefix: &str| {
        let (group, key) = source(spec, prefix);
        group.into_iter().chain(key).collect::<Vec<_>>().join(", ")
    };
    let settle = |which: &str| {
        format!(
            "UPDATE {replaced} SET stale = 1
               WHERE {which}NOT EXISTS (SELECT 1 FROM {table} t WHERE t.id = {replaced}.id);
             DELETE FROM {replaced} WHERE id IS NOT NULL;"
        )
    };
    let noted = format!("EXISTS (SELECT 1 FROM {replaced})");
    let add = format!("INSERT INTO {rows} ({keys}, debit, credit) VALUES ({});", values(spec, names, refusals));
    let gone = format!("DELETE FROM {rows} WHERE {};", at("old."));
    let (debit, credit) = sides(spec, refusals);
    let now = format!("(SELECT {debit}, {credit} FROM {table} WHERE id = new.id)");
    let moved = format!("({}) IS NOT ({})", tuple("old."), tuple("new."));
    let note = |other: &str| {
        format!(
            "WHEN {} BEGIN
               DELETE FROM {replaced} WHERE id IS NOT NULL;
               INSERT INTO {replaced} ({keys}) {};
             END",
            collides(spec, names, other),
            colliding(spec, names, other)
        )
    };
    let mut all = vec![
        format!("CREATE TRIGGER {} BEFORE INSERT ON {table} {}", names.trigger("noted"), note("")),
        format!(
            "CREATE TRIGGER {} BEFORE UPDATE ON {table} {}",
            names.trigger("noted_again"),
            note(" AND id <> old.id")
        ),
        format!(
            "CREATE TRIGGER {} AFTER UPDATE OF stale ON {replaced} WHEN new.stale BEGIN DELETE FROM {rows} WHERE {}; END",
            names.trigger("displaced"),
            equal("", "new.", &columns),
        ),
        prepare(spec, names, &noted, &settle("id = new.id OR ")),
        format!("CREATE TRIGGER {} AFTER INSERT ON {table} BEGIN {add} END", names.trigger("added")),
        format!("CREATE TRIGGER {} AFTER DELETE ON {table} BEGIN {gone} END", names.trigger("gone")),
        format!(
            "CREATE TRIGGER {} AFTER UPDATE ON {table} WHEN {moved} BEGIN {gone} {add} END",
            names.trigger("moved")
        ),
        format!(
            "CREATE TRIGGER {} AFTER UPDATE ON {table} WHEN NOT ({moved}) BEGIN
               UPDATE {rows} SET (debit, credit) = {now} WHERE {} AND (debit, credit) IS NOT {now};
             END",
            names.trigger("changed"),
            at("new."),
        ),
    ];
    if !spec.unique.is_empty() {
        // A row that does not move displaces what has other numbers.
        all.push(format!(
            "CREATE TRIGGER {} AFTER UPDATE ON {table} WHEN {noted} AND NOT ({moved}) BEGIN {} END",
            names.trigger("settled_again"),
            settle("")
        ));
    }
    all
}

/// The trigger before a row comes: what was displaced goes, since it may have had its key, or be all that the group had;
/// then a group without blocks gets its first block and span.
fn prepare(spec: &BalanceSpec, names: &Names, noted: &str, settle: &str) -> String {
    let Names { rows, sums, .. } = names;
    let columns = format!("{}, level, {}, n, debit, credit, parts", list("", &names.group), list("", &names.key));
    let first = format!("NOT EXISTS (SELECT 1 FROM {sums} WHERE {})", equal("", "new.", &names.group));
    format!(
        "CREATE TRIGGER {} BEFORE INSERT ON {rows} WHEN {noted} OR {first} BEGIN
           {settle}
           INSERT INTO {sums} ({columns}) SELECT {}, s.level, {}, s.n, s.n, s.n, 1
             FROM (SELECT 1 AS level, 0 AS n UNION ALL SELECT 2, NULL) s WHERE {first};
         END",
        names.trigger("prepared"),
        list("new.", &names.group),
        floor_text(spec),
    )
}

/// For each unique key, whether a row is the same in it: each is a search of its index.
fn same_keys(spec: &BalanceSpec, other: &str) -> Vec<String> {
    let same = |key: &Vec<String>| {
        let all = key.iter().map(|column| format!("{0} = new.{0}", quote(column)));
        format!("{}{other}", all.collect::<Vec<_>>().join(" AND "))
    };
    [format!("id = new.id{other}")].into_iter().chain(spec.unique.iter().map(same)).collect()
}

/// Whether a new row would displace any.
fn collides(spec: &BalanceSpec, names: &Names, other: &str) -> String {
    let keys = same_keys(spec, other);
    let each = keys.iter().map(|key| format!("EXISTS (SELECT 1 FROM {} WHERE {key})", names.table));
    each.collect::<Vec<_>>().join(" OR ")
}

/// The places of the rows that a new row would displace.
fn colliding(spec: &BalanceSpec, names: &Names, other: &str) -> String {
    let (group, key) = source(spec, "");
    let source = group.into_iter().chain(key).collect::<Vec<_>>().join(", ");
    let keys = same_keys(spec, other);
    let each = keys.iter().map(|key| format!("SELECT {source} FROM {} WHERE {key}", names.table));
    each.collect::<Vec<_>>().join(" UNION ")
}

/// Takes all of it away.
pub(super) fn drops(names: &Names) -> Vec<String> {
    let triggers = ["noted", "noted_again", "settled_again", "added", "gone", "moved", "changed"];
    let mut all: Vec<String> =
        triggers.iter().map(|name| format!("DROP TRIGGER IF EXISTS {}", names.trigger(name))).collect();
    // The triggers of these go with them.
    for table in [&names.rows, &names.sums, &names.replaced] {
        all.push(format!("DROP TABLE IF EXISTS {table}"));
    }
    all
}

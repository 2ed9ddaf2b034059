//! What differs between two schemas, and what the rows say to it.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::convert::{self, Conversion};
use super::{Change, Loss, Obstacle, Plan, What};
use crate::data::schema::{Default, Field, IndexKind, Kind, Schema, Table};
use crate::data::{Error, Value, ddl, moment};

/// How a wanted table comes to be.
#[derive(Clone, Debug)]
pub(super) struct TablePlan {
    /// Its place in the wanted schema.
    pub(super) place: usize,
    /// The old table its rows come from, by its old name.
    pub(super) source: Option<String>,
    /// Whether it is split off from its source, which goes on.
    pub(super) split: bool,
    /// Which rows of the source come, as SQL.
    pub(super) only: Option<String>,
    /// Whether it is made anew and filled; otherwise columns are appended.
    pub(super) rebuild: bool,
    /// Columns to append, when it is not made anew.
    pub(super) added: Vec<usize>,
    /// What each column that is not computed is filled with, as SQL over the source, which is called `s`.
    pub(super) columns: Vec<(String, String)>,
    /// The conversions that the columns use, by number.
    pub(super) conversions: Vec<Conversion>,
}

impl TablePlan {
    /// The rows of the new table as a query over the old ones.
    pub(super) fn select(&self) -> String {
        let source = self.source.as_ref().expect("only asked for tables with a source");
        let columns: Vec<_> = self.columns.iter().map(|(name, sql)| format!("{sql} AS \"{name}\"")).collect();
        let only = self.only.as_ref().map_or_else(String::new, |only| format!(" WHERE {only}"));
        format!("SELECT s.\"id\" AS \"id\", {} FROM \"{source}\" AS s{only}", columns.join(", "))
    }
}

struct Diff<'d> {
    connection: Option<&'d Connection>,
    old: &'d Schema,
    new: &'d Schema,
    now: String,
    plan: Plan,
    /// Old fields whose values are found somewhere else in the new schema, as (table, field).
    carried: BTreeSet<(String, String)>,
}

pub(super) fn plan(connection: Option<&Connection>, old: &Schema, new: &Schema) -> Result<Plan, Error> {
    let now = moment::instant(std::time::SystemTime::now());
    let plan = Plan { lose: new.lose.clone(), ..Plan::default() };
    let mut diff = Diff { connection, old, new, now, plan, carried: BTreeSet::new() };
    for (place, table) in new.tables.iter().enumerate() {
        diff.table(place, table)?;
    }
    for table in &old.tables {
        if !diff.plan.tables.iter().any(|plan| !plan.split && plan.source.as_deref() == Some(&*table.name)) {
            diff.dropped(table)?;
        }
    }
    diff.indexes();
    diff.totals();
    diff.balances();
    diff.plan.stale = true;
    Ok(diff.plan)
}

/// The old table that a wanted one continues.
pub(super) fn source<'s>(old: &'s Schema, new: &Schema, table: &Table) -> Option<&'s Table> {
    if let Some(same) = old.table(&table.name) {
        return Some(same);
    }
    let from = table.from.as_deref()?;
    // A table that goes on under its own name is not the origin of another.
    if new.table(from).is_some() { None } else { old.table(from) }
}

impl<'d> Diff<'d> {
    fn change(&mut self, what: What, table: &str, name: Option<&str>, detail: impl Into<String>) {
        let (table, name, detail) = (table.to_owned(), name.map(str::to_owned), detail.into());
        self.plan.changes.push(Change { what, table, name, detail });
    }

    fn count(&self, sql: &str, conversions: &[Conversion]) -> Result<u64, Error> {
        let Some(connection) = self.connection else { return Ok(0) };
        convert::register(connection, conversions.to_vec())?;
        let count: i64 =
            connection.query_row(sql, [], |row| row.get(0)).map_err(Error::database("counting rows for the plan"))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn table(&mut self, place: usize, table: &'d Table) -> Result<(), Error> {
        let Some(source) = source(self.old, self.new, table) else { return self.created(place, table) };
        let renamed = source.name != table.name;
        if renamed {
            self.change(What::RenameTable, &table.name, None, format!("was {}", source.name));
        }
        let mut plan = TablePlan {
            place,
            source: Some(source.name.to_string()),
            split: false,
            only: None,
            rebuild: renamed,
            added: Vec::new(),
            columns: Vec::new(),
            conversions: Vec::new(),
        };
        let mut used = BTreeSet::new();
        for (number, field) in table.fields.iter().enumerate() {
            self.field(&mut plan, number, table, source, field, &mut used)?;
        }
        for field in &source.fields {
            if !used.contains(&*field.name) && table.field(&field.name).is_none() {
                plan.rebuild = true;
                self.dropped_field(table, source, field)?;
            }
        }
        self.obstacles(&plan, table, source)?;
        self.plan.tables.push(plan);
        Ok(())
    }

    /// A new table. When values move into it from one other table, it is split off from that: one row for each of its
    /// rows that has such a value, with the same number.
    fn created(&mut self, place: usize, table: &'d Table) -> Result<(), Error> {
        let mut origins = table.fields.iter().filter_map(|field| field.from.as_ref()?.table.as_deref());
        let origin = origins.next().and_then(|origin| self.old.table(origin));
        let split = origin.filter(|origin| origins.all(|other| *other == *origin.name));
        let mut plan = TablePlan {
            place,
            source: split.map(|origin| origin.name.to_string()),
            split: split.is_some(),
            only: None,
            rebuild: true,
            added: Vec::new(),
            columns: Vec::new(),
            conversions: Vec::new(),
        };
        let detail = split.map_or("a new table".to_owned(), |origin| format!("split off from {}", origin.name));
        self.change(What::CreateTable, &table.name, None, detail);
        if let Some(origin) = split {
            let mut moved = Vec::new();
            for field in table.fields.iter().filter(|field| !matches!(field.kind, Kind::Formula { .. })) {
                let from = field.from.as_ref().and_then(|from| origin.field(&from.field));
                let sql = match (&field.kind, from) {
                    (_, Some(from)) => {
                        self.carried.insert((origin.name.to_string(), from.name.to_string()));
                        let base = format!("s.\"{}\"", from.name);
                        moved.push(format!("{base} IS NOT NULL"));
                        self.converted(&mut plan, table, origin, from, field, &base)?
                    }
                    (Kind::Link { to, .. }, None) if *to == origin.name => "s.\"id\"".to_owned(),
                    _ => self.unsaid(field),
                };
                plan.columns.push((field.name.to_string(), sql));
            }
            plan.only = Some(moved.join(" OR "));
            self.obstacles(&plan, table, origin)?;
        }
        self.plan.tables.push(plan);
        Ok(())
    }

    fn field(
        &mut self,
        plan: &mut TablePlan,
        number: usize,
        table: &'d Table,
        source: &'d Table,
        field: &'d Field,
        used: &mut BTreeSet<String>,
    ) -> Result<(), Error> {
        let same = source.field(&field.name);
        let renamed = field.from.as_ref().filter(|from| from.table.is_none()).and_then(|from| {
            // Its old name may live on only as another field's.
            source.field(&from.field).filter(|old| same.is_none() && table.field(&old.name).is_none())
        });
        let old = same.or(renamed);
        if let Some(old) = old {
            used.insert(old.name.to_string());
            self.carried.insert((source.name.to_string(), old.name.to_string()));
        }
        if renamed.is_some() {
            plan.rebuild = true;
            let from = field.from.as_ref().map_or("", |from| &from.field);
            self.change(What::RenameField, &table.name, Some(&field.name), format!("was {from}"));
        }
        if let Some(old) = old
            && let Some(detail) = difference(old, field)
        {
            plan.rebuild |= ddl::column(old) != ddl::column(field);
            self.change(What::ChangeField, &table.name, Some(&field.name), detail);
        }
        let computed = matches!(field.kind, Kind::Formula { .. });
        if computed || field.kept {
            self.computed(plan, table, source, old, field)?;
            if field.kept {
                plan.columns.push((field.name.to_string(), "0".to_owned()));
                if old.is_some_and(|old| old.kept) {
                    plan.columns.last_mut().expect("just pushed").1 = self.kept(old, field);
                } else if old.is_none() {
                    plan.added.push(number);
                }
            } else if old.is_none() {
                plan.rebuild = true;
            }
            return Ok(());
        }
        let sql = match old {
            Some(old) => {
                let base = format!("s.\"{}\"", old.name);
                self.converted(plan, table, source, old, field, &base)?
            }
            None => match self.moved(plan, table, source, field)? {
                Some(sql) => sql,
                None => {
                    self.change(What::AddField, &table.name, Some(&field.name), describe(field));
                    let constant = matches!(field.default, Some(Default::Value(_)));
                    if (field.required && !constant) || (matches!(field.kind, Kind::Link { .. }) && constant) {
                        plan.rebuild = true;
                    }
                    plan.added.push(number);
                    self.unsaid(field)
                }
            },
        };
        plan.columns.push((field.name.to_string(), sql));
        Ok(())
    }

    /// A total that stays one keeps its value when its scale does; totals are computed anew where they must be.
    fn kept(&self, old: Option<&Field>, field: &Field) -> String {
        match old {
            Some(old) if old.kind.result() == field.kind.result() => format!("s.\"{}\"", old.name),
            _ => "0".to_owned(),
        }
    }

    /// A field that is computed from now on loses what was written in it.
    fn computed(
        &mut self,
        plan: &mut TablePlan,
        table: &Table,
        source: &Table,
        old: Option<&Field>,
        field: &Field,
    ) -> Result<(), Error> {
        let Some(old) = old else {
            self.change(What::AddField, &table.name, Some(&field.name), describe(field));
            return Ok(());
        };
        if old.kept || matches!(old.kind, Kind::Formula { .. }) {
            return Ok(());
        }
        plan.rebuild = true;
        let zero = if field.kept { format!(" AND \"{}\" <> 0", old.name) } else { String::new() };
        let sql = format!("SELECT count(*) FROM \"{}\" WHERE \"{}\" IS NOT NULL{zero}", source.name, old.name);
        let why = "From now on it is computed. Give the computation another name to keep them.";
        self.lose(source, old, &sql, &[], why)
    }

    /// A value of an old field as one of a new.
    fn converted(
        &mut self,
        plan: &mut TablePlan,
        table: &Table,
        source: &Table,
        old: &Field,
        field: &Field,
        base: &str,
    ) -> Result<String, Error> {
        let mut sql = base.to_owned();
        let mut why = String::new();
        if let Some(conversion) = Conversion::between(old, field) {
            sql = conversion.sql(plan.conversions.len(), base);
            plan.conversions.push(conversion);
            why = format!(
                "They cannot be of type {} exactly. Put them right before, or keep the type.",
                field.kind.word()
            );
        }
        if let Some(target) = self.other_target(old, field) {
            sql = match target {
                Some(target) => format!("(SELECT m.\"id\" FROM \"{target}\" AS m WHERE m.\"id\" = {sql})"),
                None => "NULL".to_owned(),
            };
            why = "They lead to no row of the table they should link to.".to_owned();
        }
        if !why.is_empty() {
            plan.rebuild = true;
            let lost =
                format!("SELECT count(*) FROM \"{}\" AS s WHERE {base} IS NOT NULL AND {sql} IS NULL", source.name);
            let conversions = plan.conversions.clone();
            let named = if plan.split { source } else { self.old.table(&source.name).unwrap_or(table) };
            self.lose(named, old, &lost, &conversions, &why)?;
        }
        Ok(match &field.default {
            Some(default) if field.required => format!("coalesce({sql}, {})", self.default(field, default)),
            _ => sql,
        })
    }

    /// For a link that led elsewhere before (or was none): the old table that its master continues.
    fn other_target(&self, old: &Field, field: &Field) -> Option<Option<String>> {
        let Kind::Link { to, .. } = &field.kind else { return None };
        let master = self.new.table(to)?;
        let before = source(self.old, self.new, master).map(|table| table.name.to_string());
        match &old.kind {
            Kind::Link { to: old, .. } if Some(&**old) == before.as_deref() => None,
            _ => Some(before),
        }
    }

    fn default(&self, field: &Field, default: &Default) -> String {
        match default {
            Default::Value(value) => ddl::literal(value),
            Default::Now => ddl::literal(&convert::moment_of(field, &self.now)),
        }
    }

    /// What rows that are there get for a new field. The present moment only where a value is required: it says nothing
    /// about them.
    fn unsaid(&self, field: &Field) -> String {
        match &field.default {
            Some(Default::Now) if !field.required => "NULL".to_owned(),
            Some(default) => self.default(field, default),
            None => ddl::literal(&Value::Null),
        }
    }

    /// A value that comes from another table: through a link of this table, through a link of the other, or by number.
    fn moved(
        &mut self,
        plan: &mut TablePlan,
        table: &Table,
        source: &Table,
        field: &Field,
    ) -> Result<Option<String>, Error> {
        let Some(from) = &field.from else { return Ok(None) };
        let Some(other) = from.table.as_ref().and_then(|name| self.old.table(name)) else { return Ok(None) };
        let Some(origin) = other.field(&from.field) else { return Ok(None) };
        let (x, g, s) = (&other.name, &origin.name, &source.name);
        let to = |table: &'d Table, master: &str| table.links().find(|link| link.to == master).map(|link| link.field);
        let (old_source, old_other) = (self.old.table(s), self.old.table(x));
        let ours = old_source.and_then(|source| to(source, x));
        let theirs = old_other.and_then(|other| to(other, s));
        let (base, lost, by) = if let Some(link) = ours {
            let l = &link.name;
            (
                format!("(SELECT o.\"{g}\" FROM \"{x}\" AS o WHERE o.\"id\" = s.\"{l}\")"),
                format!("NOT EXISTS (SELECT 1 FROM \"{s}\" AS s WHERE s.\"{l}\" = o.\"id\")"),
                format!("through its link {l}"),
            )
        } else if let Some(link) = theirs {
            let l = &link.name;
            let first = |id: &str| {
                format!(
                    "(SELECT p.\"{g}\" FROM \"{x}\" AS p WHERE p.\"{l}\" = {id} AND p.\"{g}\" IS NOT NULL \
                     ORDER BY p.\"id\" LIMIT 1)"
                )
            };
            (
                first("s.\"id\""),
                format!("o.\"{g}\" IS NOT {}", first(&format!("o.\"{l}\""))),
                format!("through {x}.{l}"),
            )
        } else {
            (
                format!("(SELECT o.\"{g}\" FROM \"{x}\" AS o WHERE o.\"id\" = s.\"id\")"),
                format!("NOT EXISTS (SELECT 1 FROM \"{s}\" AS s WHERE s.\"id\" = o.\"id\")"),
                "by the number of the row".to_owned(),
            )
        };
        plan.rebuild = true;
        self.change(What::MoveField, &table.name, Some(&field.name), format!("from {x}.{g}, {by}"));
        let stays = self.new.tables.iter().any(|new| {
            let continues = self::source(self.old, self.new, new).is_some_and(|old| old.name == *x);
            continues && new.field(g).is_some()
        });
        if !stays {
            let sql = format!("SELECT count(*) FROM \"{x}\" AS o WHERE o.\"{g}\" IS NOT NULL AND {lost}");
            self.lose(other, origin, &sql, &[], "No row takes them. Keep the field, or move them before.")?;
        }
        self.carried.insert((x.to_string(), g.to_string()));
        self.converted(plan, table, source, origin, field, &base).map(Some)
    }

    fn lose(
        &mut self,
        table: &Table,
        field: &Field,
        sql: &str,
        conversions: &[Conversion],
        why: &str,
    ) -> Result<(), Error> {
        let values = self.count(sql, conversions)?;
        if values > 0 {
            let (table, field, why) = (table.name.to_string(), Some(field.name.to_string()), why.to_owned());
            self.plan.losses.push(Loss { table, field, rows: values, values, why });
        }
        Ok(())
    }

    fn dropped_field(&mut self, table: &Table, source: &Table, field: &Field) -> Result<(), Error> {
        self.change(What::DropField, &table.name, Some(&field.name), format!("was {}", describe(field)));
        let moves = |new: &Table| {
            let comes = |candidate: &Field| {
                let from = candidate.from.as_ref();
                from.is_some_and(|from| from.table.as_deref() == Some(&*source.name) && *from.field == *field.name)
            };
            new.fields.iter().any(comes)
        };
        if field.kept || matches!(field.kind, Kind::Formula { .. }) || self.new.tables.iter().any(moves) {
            return Ok(());
        }
        let sql = format!("SELECT count(*) FROM \"{}\" WHERE \"{}\" IS NOT NULL", source.name, field.name);
        let why = format!("If it has another name now, say so there: from = \"{}\"", field.name);
        self.lose(source, field, &sql, &[], &why)
    }

    fn dropped(&mut self, table: &Table) -> Result<(), Error> {
        self.change(What::DropTable, &table.name, None, "the table goes");
        let rows = self.count(&format!("SELECT count(*) FROM \"{}\"", table.name), &[])?;
        if rows == 0 {
            return Ok(());
        }
        let mut values = 0;
        for field in table.fields.iter().filter(|field| field.writable()) {
            let moved = self.carried.contains(&(table.name.to_string(), field.name.to_string()));
            if !moved {
                values += self.count(&format!("SELECT count(\"{}\") FROM \"{}\"", field.name, table.name), &[])?;
            }
        }
        let why = format!("If it has another name now, say so there: from = \"{}\"", table.name);
        self.plan.losses.push(Loss { table: table.name.to_string(), field: None, rows, values, why });
        Ok(())
    }

    /// What the rows that are there contradict.
    fn obstacles(&mut self, plan: &TablePlan, table: &Table, source: &Table) -> Result<(), Error> {
        let mut rows = plan.select();
        for (name, sql) in &plan.columns {
            let field = table.field(name).expect("the plan is made from the table's fields");
            let before = source.field(name).is_some_and(|old| old.required);
            if field.required && (plan.rebuild || !before) {
                let missing = format!("SELECT count(*) FROM \"{}\" AS s WHERE {sql} IS NULL", source.name);
                let missing = if plan.split {
                    format!("SELECT count(*) FROM ({rows}) WHERE \"{name}\" IS NULL")
                } else {
                    missing
                };
                let message = "It is required, and they have no value. Give it a default, or fill it before.";
                self.obstacle(table, name, &missing, plan, message)?;
            }
        }
        for field in &table.fields {
            if let Kind::Formula { of, result } = &field.kind {
                let computed = of.sql_as(*result, "").expect("the schema checked the formula");
                rows = format!("SELECT *, {computed} AS \"{}\" FROM ({rows})", field.name);
            }
        }
        for field in &table.fields {
            let Some(check) = &field.check else { continue };
            let before = source.field(&field.name).and_then(|old| old.check.as_ref());
            if plan.rebuild || before != Some(check) {
                let sql = format!("SELECT count(*) FROM ({rows}) WHERE NOT ({})", check.sql(""));
                let message = format!("They do not meet {}. Put them right before.", check.text());
                self.obstacle(table, &field.name, &sql, plan, &message)?;
            }
        }
        for index in table.indexes.iter().filter(|index| index.kind == IndexKind::Unique) {
            if plan.rebuild || source.index(&index.name) != Some(index) {
                let fields: Vec<_> = index.fields.iter().map(|field| format!("\"{field}\"")).collect();
                let all: Vec<_> = fields.iter().map(|field| format!("{field} IS NOT NULL")).collect();
                let sql = format!(
                    "SELECT ifnull(sum(\"group.rows\"), 0) FROM (SELECT count(*) AS \"group.rows\" FROM ({rows}) \
                     WHERE {} GROUP BY {} HAVING count(*) > 1)",
                    all.join(" AND "),
                    fields.join(", ")
                );
                let message = "They share their values, and the index is unique. Put them right before.";
                self.obstacle(table, &index.name, &sql, plan, message)?;
            }
        }
        Ok(())
    }

    fn obstacle(&mut self, table: &Table, name: &str, sql: &str, plan: &TablePlan, message: &str) -> Result<(), Error> {
        let rows = self.count(sql, &plan.conversions)?;
        if rows > 0 {
            let (table, name, message) = (table.name.to_string(), name.to_owned(), message.to_owned());
            self.plan.obstacles.push(Obstacle { table, name, rows, message });
        }
        Ok(())
    }

    fn indexes(&mut self) {
        for table in &self.new.tables {
            let before = source(self.old, self.new, table);
            for index in &table.indexes {
                let old = before.and_then(|before| before.index(&index.name));
                let detail = format!("{} on {}", word(index.kind), index.fields.join(", "));
                match old {
                    None => self.change(What::AddIndex, &table.name, Some(&index.name), detail),
                    Some(old) if old != index => self.change(What::ChangeIndex, &table.name, Some(&index.name), detail),
                    Some(_) => {}
                }
            }
            for old in before.iter().flat_map(|before| &before.indexes) {
                if table.index(&old.name).is_none() {
                    self.change(What::DropIndex, &table.name, Some(&old.name), "no longer kept");
                }
            }
        }
    }

    fn totals(&mut self) {
        for table in &self.new.tables {
            let before = source(self.old, self.new, table);
            for field in table.fields.iter().filter(|field| field.kept) {
                let now = adds(self.new, table, &field.name);
                let then = before.map(|before| adds(self.old, before, &field.name)).unwrap_or_default();
                if now != then {
                    let detail = format!("is now the sum of {}", now.join(" and "));
                    self.change(What::Totals, &table.name, Some(&field.name), detail);
                }
            }
        }
    }

    fn balances(&mut self) {
        for table in &self.new.tables {
            let before = source(self.old, self.new, table);
            for balance in &table.balances {
                let old = before.and_then(|before| before.balance(&balance.name));
                if old != Some(balance) {
                    let detail = super::ledgers::described(balance);
                    self.change(What::Balance, &table.name, Some(&balance.name), detail);
                }
            }
            for old in before.iter().flat_map(|before| &before.balances) {
                if table.balance(&old.name).is_none() {
                    self.change(What::DropBalance, &table.name, Some(&old.name), "no longer kept");
                }
            }
        }
    }
}

/// What adds to a total, in words.
pub(super) fn adds(schema: &Schema, master: &Table, total: &str) -> Vec<String> {
    let every = schema.tables.iter().flat_map(|table| table.accumulate.iter().map(move |adds| (table, adds)));
    let ours = every.filter(|(_, adds)| adds.master == master.name && *adds.total == *total);
    ours.map(|(table, adds)| format!("{} of {} by {}", adds.add.text(), table.name, adds.link)).collect()
}

fn word(kind: IndexKind) -> &'static str {
    match kind {
        IndexKind::Unique => "unique",
        IndexKind::Repeated => "repeated",
        IndexKind::Ordered => "ordered",
        IndexKind::Words => "words",
        IndexKind::Pieces => "pieces",
    }
}

/// A field in a few words.
fn describe(field: &Field) -> String {
    let mut words = match &field.kind {
        Kind::Decimal { scale, .. } => format!("decimal of {scale} places"),
        Kind::Choice { of } => format!("choice of {}", of.join(", ")),
        Kind::Link { to, on_delete } => format!("link to {to} ({on_delete:?})").to_lowercase(),
        Kind::Formula { of, .. } => format!("formula {}", of.text()),
        kind => kind.word().to_owned(),
    };
    if field.required {
        words.push_str(", required");
    }
    if let Some(check) = &field.check {
        words.push_str(", ");
        words.push_str(check.text());
    }
    words
}

/// What changes about a field, in words; `None` when nothing does.
fn difference(old: &Field, new: &Field) -> Option<String> {
    let (before, after) = (describe(old), describe(new));
    if before != after {
        return Some(format!("{before} becomes {after}"));
    }
    let bounds = old.kind != new.kind;
    let default = old.default != new.default;
    (bounds || default).then(|| if bounds { "its bounds change".to_owned() } else { "its default changes".to_owned() })
}

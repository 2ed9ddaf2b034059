//! Reports over balances: what moved within a stretch of the order, period by period or group by group. Each line costs two
//! positions, whatever the number of rows between them.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::read::{group_is, parameters, snapshot};
use super::structure::{list, quote};
use super::{Affinity, Bound, Error, Ledger, Totals};

/// The most lines of a report at a time.
pub const MAX_LINES: usize = 10_000;

/// What a group did between two bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Movement {
    /// What the line is about: the values of the period, or of the group.
    pub of: Vec<Value>,
    /// How many rows moved it.
    pub rows: i64,
    /// The balance before them, in units.
    pub opening: i64,
    /// The sum of their debits.
    pub debit: i64,
    /// The sum of their credits.
    pub credit: i64,
    /// The balance after them.
    pub closing: i64,
}

/// What makes a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Rows that agree in so many leading fields of the order: with the order (year, month), 2 gives months and 1 years.
    Fields(usize),
    /// Rows whose first field of the order, a text or a date, begins with the same so many characters: of `YYYY-MM-DD`, 7
    /// gives months and 4 years.
    Characters(usize),
}

impl Ledger {
    /// What a group did between two bounds; `of` is the group.
    pub fn movement(&self, db: &Connection, group: &[Value], from: &Bound, to: &Bound) -> Result<Movement, Error> {
        snapshot(db, || {
            let before = self.totals(db, group, from)?;
            let after = self.totals(db, group, to)?;
            self.between(group.to_vec(), before, after)
        })
    }

    /// The periods of a group in which something moved, in order, from a bound on; at most `limit`. To go on, ask from
    /// [`Bound::after`] the last one's values (with [`Cut::Characters`], see [`Cut::end`]).
    pub fn periods(
        &self,
        db: &Connection,
        group: &[Value],
        cut: Cut,
        from: &Bound,
        limit: usize,
    ) -> Result<Vec<Movement>, Error> {
        self.fits(cut, limit)?;
        snapshot(db, || {
            let mut before = self.totals(db, group, from)?;
            let mut bound = from.clone();
            let mut lines = Vec::new();
            while lines.len() < limit {
                let Some(of) = self.period_after(db, group, cut, &bound)? else { break };
                bound = cut.end(&of);
                let after = self.totals(db, group, &bound)?;
                lines.push(self.between(of, before, after)?);
                before = after;
            }
            Ok(lines)
        })
    }

    /// A trial balance: what each group did between two bounds, in the order of the groups, at most `limit`. `within` limits
    /// it to groups that begin with these values (all third parties of an account); `after` goes on after a group.
    pub fn trial(
        &self,
        db: &Connection,
        within: &[Value],
        after: Option<&[Value]>,
        (from, to): (&Bound, &Bound),
        limit: usize,
    ) -> Result<Vec<Movement>, Error> {
        if within.len() > self.spec.group.len() || after.is_some_and(|after| after.len() != self.spec.group.len()) {
            return Err(Error::Invalid(format!("these are no groups of {}", self.spec.name)));
        }
        self.fits(Cut::Fields(0), limit)?;
        snapshot(db, || {
            let mut lines = Vec::new();
            for group in self.groups(db, within, after, limit)? {
                let opening = self.totals(db, &group, from)?;
                let closing = self.totals(db, &group, to)?;
                lines.push(self.between(group, opening, closing)?);
            }
            Ok(lines)
        })
    }

    fn groups(
        &self,
        db: &Connection,
        within: &[Value],
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>, Error> {
        // From group to group by search: a group may have many sums. No level is as high as 9.
        let names = &self.names.group;
        let width = self.spec.group.len();
        let columns = list("", names);
        let select = |conditions: &str| {
            format!("SELECT {columns} FROM {} WHERE {conditions} ORDER BY {columns}, level LIMIT 1", self.names.sums)
        };
        let begins: Vec<_> = (0..within.len()).map(|at| format!("{} = ?{}", names[at], at + 1)).collect();
        let begins = if begins.is_empty() { "1".to_owned() } else { begins.join(" AND ") };
        let given: Vec<_> = (0..names.len()).map(|at| format!("?{}", within.len() + at + 1)).collect();
        let mut first = db.prepare_cached(&select(&begins))?;
        let more = format!("{begins} AND ({columns}, level) > ({}, 9)", given.join(", "));
        let mut next = db.prepare_cached(&select(&more))?;
        let read = |row: &Row<'_>| (0..width).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
        let mut groups: Vec<Vec<Value>> = Vec::new();
        while groups.len() < limit {
            let found = match groups.last().map(Vec::as_slice).or(after) {
                None => first.query_row(params_from_iter(within), read).optional()?,
                // The one that a balance without groups has is the last.
                Some([]) => None,
                Some(last) => next.query_row(params_from_iter(within.iter().chain(last)), read).optional()?,
            };
            let Some(group) = found else { break };
            groups.push(group);
        }
        Ok(groups)
    }

    /// The first period that has a row after a bound.
    fn period_after(
        &self,
        db: &Connection,
        group: &[Value],
        cut: Cut,
        bound: &Bound,
    ) -> Result<Option<Vec<Value>>, Error> {
        let names = &self.names;
        let group = self.group(group)?;
        let what = match cut {
            Cut::Fields(count) => list("", &names.key[..count]),
            Cut::Characters(count) => format!("substr({}, 1, {count})", names.key[0]),
        };
        let width = if let Cut::Fields(count) = cut { count } else { 1 };
        let than = if bound.through { ">" } else { ">=" };
        let from = group.len() + 1;
        let sql = format!(
            "SELECT {what} FROM {} WHERE {} AND ({key}) {than} ({}) ORDER BY {key} LIMIT 1",
            names.rows,
            group_is(names, ""),
            parameters(from, names.key.len()),
            key = list("", &names.key)
        );
        let read = |row: &Row<'_>| (0..width).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
        let key = self.key(bound)?;
        Ok(db.prepare_cached(&sql)?.query_row(params_from_iter(group.iter().chain(&*key)), read).optional()?)
    }

    fn between(&self, of: Vec<Value>, before: Totals, after: Totals) -> Result<Movement, Error> {
        let all = || {
            let moved = after.minus(before)?;
            Some((moved, before.balance()?, after.balance()?))
        };
        let (moved, opening, closing) = all().ok_or_else(|| self.overflow())?;
        Ok(Movement { of, rows: moved.rows, opening, debit: moved.debit, credit: moved.credit, closing })
    }

    fn fits(&self, cut: Cut, limit: usize) -> Result<(), Error> {
        if limit > MAX_LINES {
            return Err(Error::Invalid(format!("at most {MAX_LINES} lines at a time")));
        }
        match cut {
            Cut::Fields(count) if count > self.spec.order.len() => {
                Err(Error::Invalid(format!("the order of {} has fewer than {count} fields", self.spec.name)))
            }
            Cut::Characters(count)
                if count == 0 || self.spec.order.first().is_none_or(|c| c.affinity != Affinity::Text) =>
            {
                let first = self.spec.order.first().map_or("id", |c| &c.name);
                Err(Error::Invalid(format!("{} is not a text to take characters of", quote(first))))
            }
            _ => Ok(()),
        }
    }
}

impl Cut {
    /// Where the period with these values ends.
    pub fn end(self, of: &[Value]) -> Bound {
        match (self, of) {
            // After every text that begins so: no character is above this one.
            (Cut::Characters(_), [Value::Text(text)]) => Bound::before([Value::Text(format!("{text}\u{10FFFF}"))]),
            _ => Bound::after(of.to_vec()),
        }
    }
}

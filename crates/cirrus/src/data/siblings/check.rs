//! Making the structure anew from the table, and proving that it says what the table says.

use std::cmp::Ordering;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, Rows, Statement, params_from_iter};

use super::structure::{floor, plain_sides, projection, source, tables, triggers};
use super::{Error, Ledger, Totals};

/// Where the structure and the table differ first.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The group.
    pub group: Vec<Value>,
    /// The row, when it is about one.
    pub id: Option<i64>,
    /// What is wrong, for people.
    pub what: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "group {:?}", self.group)?;
        if let Some(id) = self.id {
            write!(out, ", row {id}")?;
        }
        write!(out, ": {}", self.what)
    }
}

/// A row, block, span or group: where it begins, and its sums.
#[derive(Clone, Debug)]
struct Entry {
    group: Vec<Value>,
    key: Vec<Value>,
    totals: Totals,
    /// Of a span, how many blocks it says it has.
    parts: i64,
    /// A group's only span has no sums: nobody asks for them.
    open: bool,
}

impl Entry {
    fn order(&self, other: &Entry) -> Ordering {
        compare(&self.group, &other.group).then_with(|| compare(&self.key, &other.key))
    }

    fn differs(&self, what: impl Into<String>) -> Difference {
        let id = match self.key.last() {
            Some(Value::Integer(id)) => Some(*id),
            _ => None,
        };
        Difference { group: self.group.clone(), id, what: what.into() }
    }
}

/// The order of SQLite: numbers, text, blobs.
fn compare(left: &[Value], right: &[Value]) -> Ordering {
    let class = |value: &Value| match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
        Value::Blob(_) => 3,
    };
    let one = |left: &Value, right: &Value| match (left, right) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Integer(a), Value::Real(b)) => (*a as f64).total_cmp(b),
        (Value::Real(a), Value::Integer(b)) => a.total_cmp(&(*b as f64)),
        (Value::Real(a), Value::Real(b)) => a.total_cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
        _ => class(left).cmp(&class(right)),
    };
    left.iter().zip(right).map(|(left, right)| one(left, right)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// What follows the key in a row of a query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Debit and credit.
    Row,
    /// How many rows, their debit and credit.
    Counted,
    /// The same, and how many parts.
    Sum,
}

/// Entries in order, one ahead.
struct Stream<'s> {
    rows: Rows<'s>,
    shape: Shape,
    next: Option<Entry>,
}

impl<'s> Stream<'s> {
    fn new(ledger: &Ledger, statement: &'s mut Statement<'_>, shape: Shape) -> Result<Self, Error> {
        let mut stream = Stream { rows: statement.query([])?, shape, next: None };
        stream.take(ledger)?;
        Ok(stream)
    }

    fn take(&mut self, ledger: &Ledger) -> Result<Option<Entry>, Error> {
        let next = match self.rows.next().map_err(|error| ledger.overflows(error))? {
            None => None,
            Some(row) => {
                let (group, key) = (ledger.names.group.len(), ledger.names.key.len());
                let at = group + key;
                let number = |offset| number(ledger, row, at + offset);
                let open = self.shape == Shape::Sum && row.get_ref(at)? == ValueRef::Null;
                let (totals, parts) = match self.shape {
                    Shape::Sum if open => (Totals::default(), number(3)?),
                    Shape::Row => (Totals { rows: 1, debit: number(0)?, credit: number(1)? }, 0),
                    Shape::Counted => (Totals { rows: number(0)?, debit: number(1)?, credit: number(2)? }, 0),
                    Shape::Sum => (Totals { rows: number(0)?, debit: number(1)?, credit: number(2)? }, number(3)?),
                };
                Some(Entry {
                    group: (0..group).map(|at| row.get(at)).collect::<Result<_, _>>()?,
                    key: (group..at).map(|at| row.get(at)).collect::<Result<_, _>>()?,
                    totals,
                    parts,
                    open,
                })
            }
        };
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// A number that must be an integer.
fn number(ledger: &Ledger, row: &Row<'_>, at: usize) -> Result<i64, Error> {
    match row.get_ref(at)? {
        ValueRef::Integer(number) => Ok(number),
        _ => Err(Error::Invalid(format!(
            "balance {}.{}: an amount is not a whole number of units that fits in 64 bits",
            ledger.spec.table, ledger.spec.name
        ))),
    }
}

impl Ledger {
    /// Makes the structure anew from the rows of the table, whatever was there; in the transaction that is open, or in one
    /// of its own. Fails, and changes nothing, when a row has no value in its group or order, or a sum does not fit.
    pub fn rebuild(&self, db: &Connection) -> Result<(), Error> {
        let outer = !db.is_autocommit();
        db.execute_batch("SAVEPOINT cirrus_balance_rebuild")?;
        let done = self.build(db);
        let end = match &done {
            Ok(()) => "RELEASE cirrus_balance_rebuild",
            Err(_) if outer => "ROLLBACK TO cirrus_balance_rebuild; RELEASE cirrus_balance_rebuild",
            Err(_) => "ROLLBACK",
        };
        db.execute_batch(end)?;
        done
    }

    fn build(&self, db: &Connection) -> Result<(), Error> {
        for statement in self.drop_ddl().into_iter().chain(tables(&self.spec, &self.names)) {
            db.execute_batch(&statement)?;
        }
        let names = &self.names;
        let all = names.all();
        // By number rather than name: names of the table and of the structure may clash.
        let by: Vec<_> = (1..=names.group.len() + names.key.len()).map(|n| n.to_string()).collect();
        let from = projection(&self.spec, names);
        let fill = format!("INSERT INTO {} ({all}, debit, credit) {from} ORDER BY {}", names.rows, by.join(", "));
        db.execute_batch(&fill)?;
        self.gather(db)?;
        for statement in triggers(&self.spec, names) {
            db.execute_batch(&statement)?;
        }
        Ok(())
    }

    /// Sums of the rows: blocks and spans are filled to three quarters, so that they are not split at once.
    fn gather(&self, db: &Connection) -> Result<(), Error> {
        let names = &self.names;
        let full = i64::from(self.spec.fanout * 3 / 4);
        let into = |table: &str, columns: usize| {
            db.prepare(&format!("INSERT INTO {table} VALUES ({})", vec!["?"; columns].join(", ")))
        };
        let width = names.group.len() + names.key.len();
        let mut into = into(&names.sums, width + 5)?;
        let all = names.all();
        let mut rows = db.prepare(&format!("SELECT {all}, debit, credit FROM {} ORDER BY {all}", names.rows))?;
        let mut rows = Stream::new(self, &mut rows, Shape::Row)?;
        let floor = floor(&self.spec);
        // The block and the span that are being gathered.
        let mut now: Option<[Entry; 2]> = None;
        let mut alone = true;
        while let Some(row) = rows.take(self)? {
            let fresh = |key: &[Value]| {
                let totals = Totals::default();
                Entry { group: row.group.clone(), key: key.to_vec(), totals, parts: 1, open: false }
            };
            if let Some([block, span]) = now.as_mut().filter(|[_, span]| span.group != row.group) {
                span.open = alone;
                write(&mut into, 1, block)?;
                write(&mut into, 2, span)?;
                now = None;
            }
            let [block, span] = now.get_or_insert_with(|| {
                alone = true;
                [fresh(&floor), fresh(&floor)]
            });
            if block.totals.rows == full {
                write(&mut into, 1, block)?;
                *block = fresh(&row.key);
                if span.parts == 2 * full {
                    write(&mut into, 2, span)?;
                    *span = fresh(&row.key);
                    alone = false;
                } else {
                    span.parts += 1;
                }
            }
            for entry in [block, span] {
                entry.totals = entry.totals.plus(row.totals).ok_or_else(|| self.overflow())?;
            }
        }
        if let Some([block, span]) = &mut now {
            span.open = alone;
            write(&mut into, 1, block)?;
            write(&mut into, 2, span)?;
        }
        Ok(())
    }

    /// Compares the structure with the table: every row, block, span and group, and the balance after every row as reads tell
    /// it with what a window function over the whole table says. `None` when they agree. Reads everything once.
    pub fn verify(&self, db: &Connection) -> Result<Option<Difference>, Error> {
        super::read::snapshot(db, || Verification::run(self, db))
    }
}

fn write(into: &mut Statement<'_>, level: i64, entry: &Entry) -> Result<(), Error> {
    let Totals { rows, debit, credit } = entry.totals;
    let level = Value::Integer(level);
    let mut numbers = [rows, debit, credit, entry.parts].map(Value::Integer);
    if entry.open {
        numbers[..3].fill(Value::Null);
    }
    into.execute(params_from_iter(entry.group.iter().chain([&level]).chain(&entry.key).chain(&numbers)))?;
    Ok(())
}

/// A walk through table and structure side by side.
struct Verification<'l, 's> {
    ledger: &'l Ledger,
    blocks: Stream<'s>,
    spans: Stream<'s>,
    /// What is being walked through, with the sums and parts that were met.
    block: Option<(Entry, Totals)>,
    span: Option<(Entry, Totals, i64)>,
    /// Sums of the blocks of this span before this block, and of the spans of this group before this span, as they say.
    before: [Totals; 2],
}

impl Verification<'_, '_> {
    fn run(ledger: &Ledger, db: &Connection) -> Result<Option<Difference>, Error> {
        let names = &ledger.names;
        let all = names.all();
        let select = |what: &str, from: &str, by: &str| db.prepare(&format!("SELECT {what} FROM {from} ORDER BY {by}"));
        let mut rows = select(&format!("{all}, debit, credit"), &names.rows, &all)?;
        let sums = |level: u8| {
            let from = format!("{} WHERE level = {level}", names.sums);
            select(&format!("{all}, n, debit, credit, parts"), &from, &all)
        };
        let (mut blocks, mut spans) = (sums(1)?, sums(2)?);
        let mut truth = db.prepare(&truth(ledger))?;
        let mut closings = db.prepare(&closings(ledger))?;
        let mut closings = Stream::new(ledger, &mut closings, Shape::Counted)?;
        let mut truth = Stream::new(ledger, &mut truth, Shape::Row)?;
        let mut rows = Stream::new(ledger, &mut rows, Shape::Row)?;
        let mut walk = Verification {
            ledger,
            blocks: Stream::new(ledger, &mut blocks, Shape::Sum)?,
            spans: Stream::new(ledger, &mut spans, Shape::Sum)?,
            block: None,
            span: None,
            before: [Totals::default(); 2],
        };
        while let Some(row) = truth.take(ledger)? {
            let Some(closing) = closings.take(ledger)? else { return Err(ledger.broken()) };
            if let Some(difference) = walk.row(&row, rows.take(ledger)?, closing.totals)? {
                return Ok(Some(difference));
            }
        }
        if let Some(more) = rows.take(ledger)? {
            return Ok(Some(more.differs("the structure has a row that the table has not")));
        }
        walk.end()
    }

    fn row(&mut self, row: &Entry, kept: Option<Entry>, closing: Totals) -> Result<Option<Difference>, Error> {
        match kept.as_ref().map(|kept| kept.order(row)) {
            Some(Ordering::Equal) => {}
            Some(Ordering::Less) => {
                return Ok(kept.map(|kept| kept.differs("the structure has a row that the table has not")));
            }
            _ => return Ok(Some(row.differs("the structure lacks the row"))),
        }
        if let Some(kept) = kept
            && kept.totals != row.totals
        {
            let what = format!("the amounts are {:?}, the structure has {:?}", row.totals, kept.totals);
            return Ok(Some(row.differs(what)));
        }
        if let Some(difference) = self.advance(row)? {
            return Ok(Some(difference));
        }
        let (Some((block, in_block)), Some((_, in_span, _))) = (&mut self.block, &mut self.span) else {
            return Ok(Some(row.differs("no block holds the row")));
        };
        if block.group != row.group {
            return Ok(Some(row.differs("no block holds the row")));
        }
        for sum in [&mut *in_block, in_span] {
            *sum = sum.plus(row.totals).ok_or_else(|| self.ledger.overflow())?;
        }
        let told = self.before[0].plus(self.before[1]).and_then(|sum| sum.plus(*in_block));
        Ok((told != Some(closing))
            .then(|| row.differs(format!("after it the table has {closing:?}, the structure says {told:?}"))))
    }

    /// Opens the blocks and spans that begin up to a row, in order, a span before its first block.
    fn advance(&mut self, row: &Entry) -> Result<Option<Difference>, Error> {
        loop {
            let due = |next: &Option<Entry>| next.as_ref().is_some_and(|next| next.order(row).is_le());
            let span_first = match (&self.spans.next, &self.blocks.next) {
                (Some(span), Some(block)) => span.order(block).is_le(),
                (span, _) => span.is_some(),
            };
            let found = if span_first && due(&self.spans.next) {
                self.open_span()?
            } else if due(&self.blocks.next) {
                self.open_block()?
            } else {
                return Ok(None);
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn open_span(&mut self) -> Result<Option<Difference>, Error> {
        if let Some(difference) = self.close_block().or_else(|| self.close_span()) {
            return Ok(Some(difference));
        }
        let Some(next) = self.spans.take(self.ledger)? else { return Ok(None) };
        if self.blocks.next.as_ref().is_none_or(|block| block.order(&next).is_ne()) {
            return Ok(Some(next.differs("a span does not begin with a block")));
        }
        let same = self.span.as_ref().filter(|(last, ..)| last.group == next.group);
        let spans = match same {
            Some((last, ..)) if last.open => return Ok(Some(next.differs("a span without sums is not alone"))),
            Some((last, ..)) => self.before[1].plus(last.totals).ok_or_else(|| self.ledger.overflow())?,
            None => Totals::default(),
        };
        self.before = [Totals::default(), spans];
        self.block = None;
        self.span = Some((next, Totals::default(), 0));
        Ok(None)
    }

    fn open_block(&mut self) -> Result<Option<Difference>, Error> {
        if let Some(difference) = self.close_block() {
            return Ok(Some(difference));
        }
        let Some(next) = self.blocks.take(self.ledger)? else { return Ok(None) };
        if let Some((last, _)) = &self.block {
            self.before[0] = self.before[0].plus(last.totals).ok_or_else(|| self.ledger.overflow())?;
        }
        match &mut self.span {
            Some((span, _, parts)) if span.group == next.group => *parts += 1,
            _ => return Ok(Some(next.differs("a block is in no span"))),
        }
        self.block = Some((next, Totals::default()));
        Ok(None)
    }

    fn close_block(&self) -> Option<Difference> {
        let (block, met) = self.block.as_ref()?;
        (block.totals != *met).then(|| block.differs(format!("a block has {met:?} and says {:?}", block.totals)))
    }

    fn close_span(&self) -> Option<Difference> {
        let (span, met, parts) = self.span.as_ref()?;
        let agree = (span.open || span.totals == *met) && span.parts == *parts;
        let says = format!("{:?} in {} blocks", span.totals, span.parts);
        (!agree).then(|| span.differs(format!("a span has {met:?} in {parts} blocks and says {says}")))
    }

    fn end(mut self) -> Result<Option<Difference>, Error> {
        // Behind the last row there may be blocks in which no row is left.
        while let Some(at) = self.blocks.next.clone().or_else(|| self.spans.next.clone()) {
            if let Some(difference) = self.advance(&at)? {
                return Ok(Some(difference));
            }
        }
        Ok(self.close_block().or_else(|| self.close_span()))
    }
}

/// The rows of the table as the structure should have them.
fn truth(ledger: &Ledger) -> String {
    let width = ledger.names.group.len() + ledger.names.key.len();
    let by: Vec<_> = (1..=width).map(|n| n.to_string()).collect();
    format!("{} ORDER BY {}", projection(&ledger.spec, &ledger.names), by.join(", "))
}

/// Their closing totals, by a window function over the table.
fn closings(ledger: &Ledger) -> String {
    let (group, key) = source(&ledger.spec, "");
    let by: Vec<_> = (1..=group.len() + key.len()).map(|n| n.to_string()).collect();
    let by = by.join(", ");
    let (debit, credit) = plain_sides(&ledger.spec);
    let (group, key) = (group.join(", "), key.join(", "));
    format!(
        "SELECT {group}, {key}, count(*) OVER w, sum({debit}) OVER w, sum({credit}) OVER w FROM {}
         WINDOW w AS (PARTITION BY {group} ORDER BY {key} ROWS UNBOUNDED PRECEDING) ORDER BY {by}",
        ledger.names.table
    )
}

//! The audit: who did what to which thing and when; also what servers report.

use domain::{InstallationId, Key, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};
use serde_json::Value as Json;

use super::{
    PRUNED_AT_ONCE, Result, Rows, StoreError, Tx, all, big, containing, from_word, get, json, maybe_parse, maybe_text,
    number, one, run, text, to_json,
};
use crate::access::Reach;
use crate::wire::{Event, Outcome, word};

/// An event to be recorded.
#[derive(Clone, Debug)]
pub struct New {
    /// When.
    pub at: Millis,
    /// Who.
    pub actor: String,
    /// From which address it was asked for; absent for what nobody asked over a network.
    pub address: Option<String>,
    /// What, as noun and verb.
    pub verb: &'static str,
    /// Kind of thing.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Whose it is; absent where it concerns no publisher.
    pub publisher: Option<Slug>,
    /// The customer it concerns.
    pub customer: Option<Slug>,
    /// The application it concerns.
    pub app: Option<Slug>,
    /// The installation it concerns.
    pub installation: Option<InstallationId>,
    /// How it went.
    pub outcome: Outcome,
    /// More about it.
    pub detail: Json,
}

fn read(row: &QueryResult) -> Result<Event> {
    Ok(Event {
        sequence: number(row, "sequence")?,
        at: number(row, "at")?,
        actor: get(row, "actor")?,
        address: get(row, "address")?,
        verb: get(row, "verb")?,
        kind: get(row, "kind")?,
        id: get(row, "id")?,
        name: get(row, "name")?,
        publisher: maybe_parse(row, "publisher")?,
        customer: maybe_parse(row, "customer")?,
        app: maybe_parse(row, "app")?,
        installation: maybe_parse(row, "installation")?,
        outcome: from_word(row, "outcome")?,
        detail: json(row, "detail")?,
    })
}

/// Records an event. Its sequence comes from a row that the transaction locks, so that a reader that has seen a number
/// never misses a smaller one.
pub async fn record(tx: &Tx, event: &New) -> Result<u64> {
    let sql = "UPDATE counters SET value = value + 1 WHERE name = 'events' RETURNING value";
    let row = one(&**tx, sql, []).await?;
    let row = row.ok_or(StoreError::Row { what: "counter", why: "the one of events is missing".into() })?;
    let sequence: u64 = number(&row, "value")?;
    let sql = "INSERT INTO events (sequence, at, actor, verb, kind, id, name, app, installation, outcome, detail, \
               publisher, customer, address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let values = [
        big(sequence),
        big(event.at),
        text(&event.actor),
        text(event.verb),
        text(event.kind),
        text(&event.id),
        maybe_text(event.name.as_ref()),
        maybe_text(event.app.as_ref()),
        maybe_text(event.installation),
        text(word(&event.outcome)),
        text(to_json(&event.detail)?),
        maybe_text(event.publisher.as_ref()),
        maybe_text(event.customer.as_ref()),
        maybe_text(event.address.as_ref()),
    ];
    run(&**tx, sql, values).await?;
    Ok(sequence)
}

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this application.
    pub app: Option<Key>,
    /// Only of this installation.
    pub installation: Option<InstallationId>,
    /// Only by whom this is part of the name.
    pub actor: Option<String>,
    /// Only from where this is part of the address.
    pub address: Option<String>,
    /// Only this verb, or every verb of this noun.
    pub verb: Option<String>,
    /// Only those that went so.
    pub outcome: Option<Outcome>,
    /// Only where this is part of a thing's name or id.
    pub text: Option<String>,
    /// Only from this time on.
    pub since: Option<Millis>,
    /// Only before this time.
    pub until: Option<Millis>,
}

impl Filter {
    /// As conditions of SQL.
    fn sql(&self, address: &str, values: &mut Vec<sea_orm::Value>) -> String {
        let mut sql = String::new();
        let mut also = |condition: &str, value: sea_orm::Value| {
            values.push(value);
            let condition = condition.replace('?', &format!("${}", values.len()));
            sql.push_str(&format!(" AND ({condition})"));
        };
        if let Some(app) = &self.app {
            also("publisher = ?", text(&app.publisher));
            also("app = ?", text(&app.slug));
        }
        if let Some(installation) = self.installation {
            also("installation = ?", text(installation));
        }
        if let Some(actor) = &self.actor {
            also("LOWER(actor) LIKE ? ESCAPE '\\'", containing(actor));
        }
        if let Some(wanted) = &self.address {
            also(&format!("LOWER({address}) LIKE ? ESCAPE '\\'"), containing(wanted));
        }
        if let Some(verb) = &self.verb {
            also(if verb.contains('.') { "verb = ?" } else { "kind = ?" }, text(verb));
        }
        if let Some(outcome) = self.outcome {
            also("outcome = ?", text(word(&outcome)));
        }
        if let Some(wanted) = &self.text {
            let like = "LOWER(COALESCE(name, '')) LIKE ? ESCAPE '\\' OR LOWER(id) LIKE ? ESCAPE '\\'";
            also(like, containing(wanted));
        }
        if let Some(since) = self.since {
            also("at >= ?", big(since));
        }
        if let Some(until) = self.until {
            also("at < ?", big(until));
        }
        sql
    }
}

/// Which part of the list is wanted, and from which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Those after a sequence, oldest first.
    After(u64),
    /// Those between two sequences, newest first.
    NewestFirst {
        /// Only later ones.
        after: u64,
        /// Only earlier ones.
        before: u64,
    },
}

/// From where it was, as far as the reader may know: a customer learns it of its own people, not of its publisher's.
fn address(reach: &Reach, values: &mut Vec<sea_orm::Value>) -> String {
    let Reach::Customer(customer) = reach else { return "address".into() };
    values.extend([text(&customer.publisher), text(&customer.slug)]);
    let (publisher, customer) = (values.len() - 1, values.len());
    format!(
        "CASE WHEN EXISTS (SELECT 1 FROM memberships m JOIN people p ON p.id = m.person \
         WHERE m.publisher = ${publisher} AND m.customer = ${customer} AND p.realm = ${publisher} \
         AND p.mail = events.actor) THEN address END"
    )
}

/// At most `limit` events within reach.
pub async fn list(db: &impl ConnectionTrait, reach: &Reach, filter: &Filter, part: Part, limit: u64) -> Rows<Event> {
    let (after, before, order) = match part {
        Part::After(after) => (after, u64::MAX, "ASC"),
        Part::NewestFirst { after, before } => (after, before, "DESC"),
    };
    let mut values = vec![big(after), big(limit)];
    if before != u64::MAX {
        values.push(big(before));
    }
    let address = address(reach, &mut values);
    let mut sql = format!(
        "SELECT sequence, at, actor, {address} AS address, verb, kind, id, name, publisher, customer, app, installation, \
         outcome, detail FROM events WHERE sequence > $1"
    );
    if before != u64::MAX {
        sql.push_str(" AND sequence < $3");
    }
    sql.push_str(&reach.sql("publisher", "customer", &mut values));
    sql.push_str(&filter.sql(&address, &mut values));
    sql.push_str(&format!(" ORDER BY sequence {order} LIMIT $2"));
    all(db, &sql, values, read).await
}

/// The sequence of the last event.
pub async fn last(db: &impl ConnectionTrait) -> Result<u64> {
    let row = one(db, "SELECT value FROM counters WHERE name = 'events'", []).await?;
    Ok(row.map(|row| number(&row, "value")).transpose()?.unwrap_or(0))
}

/// Whose events are more than `most`, each with the last sequence that is too many: a publisher's, or the platform's,
/// which are nobody's. What one has says nothing of another's.
pub async fn too_many(db: &impl ConnectionTrait, most: u64) -> Rows<(Option<Slug>, u64)> {
    let sql = "SELECT publisher FROM events GROUP BY publisher HAVING COUNT(*) > $1";
    let whose = all(db, sql, [big(most)], |row| maybe_parse(row, "publisher")).await?;
    let mut found = Vec::with_capacity(whose.len());
    for publisher in whose {
        let (condition, mut values) = of_publisher(publisher.as_ref(), 2);
        values.insert(0, big(most));
        let sql = format!("SELECT sequence FROM events WHERE {condition} ORDER BY sequence DESC LIMIT 1 OFFSET $1");
        if let Some(row) = one(db, &sql, values).await? {
            found.push((publisher, number(&row, "sequence")?));
        }
    }
    Ok(found)
}

/// The condition that an event is a publisher's or the platform's; neither database finds nothing by `=`.
fn of_publisher(publisher: Option<&Slug>, place: usize) -> (String, Vec<sea_orm::Value>) {
    match publisher {
        Some(publisher) => (format!("publisher = ${place}"), vec![text(publisher)]),
        None => ("publisher IS NULL".into(), Vec::new()),
    }
}

/// Deletes some of a publisher's or the platform's events up to a sequence; how many. Those that are left go on being
/// counted from where they were.
pub async fn prune_of(tx: &Tx, publisher: Option<&Slug>, up_to: u64) -> Result<u64> {
    let (condition, more) = of_publisher(publisher, 3);
    let sql = format!(
        "DELETE FROM events WHERE sequence IN \
         (SELECT sequence FROM events WHERE sequence <= $1 AND {condition} ORDER BY sequence LIMIT $2) RETURNING sequence"
    );
    let values = [vec![big(up_to), big(PRUNED_AT_ONCE)], more].concat();
    let whose = publisher.map(ToString::to_string).unwrap_or_default();
    note_gone(tx, &format!("{GONE}/{whose}"), all(&**tx, &sql, values, |row| number(row, "sequence")).await?).await
}

/// Deletes some events from before a time; how many.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    let sql = "DELETE FROM events WHERE sequence IN \
               (SELECT sequence FROM events WHERE at < $1 ORDER BY sequence LIMIT $2) RETURNING sequence";
    let gone = all(&**tx, sql, [big(before), big(PRUNED_AT_ONCE)], |row| number(row, "sequence")).await?;
    note_gone(tx, GONE, gone).await
}

/// The counters of what is not kept any more: everybody's, or after a slash a publisher's or the platform's.
const GONE: &str = "events-gone";

/// Notes up to where events are gone; how many went.
async fn note_gone(tx: &Tx, counter: &str, gone: Vec<u64>) -> Result<u64> {
    if let Some(last) = gone.iter().max() {
        let sql = "INSERT INTO counters (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = \
                   CASE WHEN excluded.value > counters.value THEN excluded.value ELSE counters.value END";
        run(&**tx, sql, [text(counter), big(*last)]).await?;
    }
    Ok(gone.len() as u64)
}

/// The last event within reach that is not kept any more; 0 while all are.
pub async fn gone(db: &impl ConnectionTrait, reach: &Reach) -> Result<u64> {
    let sql = "SELECT COALESCE(MAX(value), 0) AS gone FROM counters WHERE ";
    let row = match reach.publisher() {
        None => one(db, &format!("{sql} name LIKE '{GONE}%'"), []).await?,
        Some(publisher) => {
            let names = [text(GONE), text(format!("{GONE}/{publisher}"))];
            one(db, &format!("{sql} name IN ($1, $2)"), names).await?
        }
    };
    Ok(row.map(|row| number(&row, "gone")).transpose()?.unwrap_or(0))
}

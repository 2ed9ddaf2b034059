//! What installations used: by day as their servers tell it, by month as it is asked for. What is told twice is counted
//! once, and nothing that is known ever becomes less.

use domain::{InstallationId, Key, Slug};
use nimbus_api::{DayUsage, Millis};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::installations::InstallationRow;
use super::{Result, Rows, Tx, all, big, get, maybe_parse, number, one, parse, run, text};
use crate::access::Reach;
use crate::wire::{Usage, UsageBy};

/// What both tables hold of a stretch of time.
const FIGURES: [&str; 9] =
    ["awake_seconds", "memory", "memory_used", "disk", "cpu_ms", "requests", "bytes_in", "bytes_out", "backups"];

const MIB: u64 = 1 << 20;

/// One day of an installation.
pub struct Day<'a> {
    /// As its server told.
    pub told: &'a DayUsage,
    /// Seconds of the day in which it existed.
    pub seconds: u64,
    /// Backups that are held.
    pub backups: u64,
}

/// The last day of which something is known of an installation.
pub async fn last_day(db: &impl ConnectionTrait, id: InstallationId) -> Result<Option<String>> {
    let row = one(db, "SELECT MAX(day) AS day FROM usage_days WHERE installation = $1", [text(id)]).await?;
    row.map_or(Ok(None), |row| get(&row, "day"))
}

/// Each figure as it is told now, or as it is known where that is more.
fn the_more(table: &str) -> String {
    let more =
        |name: &str| format!("CASE WHEN excluded.{name} > {table}.{name} THEN excluded.{name} ELSE {table}.{name} END");
    FIGURES.iter().map(|name| format!("{name} = {}", more(name))).collect::<Vec<_>>().join(", ")
}

/// Keeps what an installation used on a day.
pub async fn put(tx: &Tx, id: InstallationId, day: &Day<'_>) -> Result<()> {
    let sql = format!(
        "INSERT INTO usage_days (installation, day, {}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (installation, day) DO UPDATE SET {}",
        FIGURES.join(", "),
        the_more("usage_days")
    );
    let told = day.told;
    let values = [
        text(id),
        text(&told.day),
        big(told.awake_seconds),
        big(told.reserved_byte_seconds / MIB),
        big(told.used_byte_seconds / MIB),
        big(told.disk.saturating_mul(day.seconds) / MIB),
        big(told.cpu_ms),
        big(told.requests),
        big(told.bytes_in),
        big(told.bytes_out),
        big(day.backups),
    ];
    run(&**tx, &sql, values).await?;
    Ok(())
}

/// Adds a month up anew from its days.
pub async fn add_up(tx: &Tx, of: &InstallationRow, month: &str, now: Millis) -> Result<()> {
    // Sums of whole numbers become decimals in PostgreSQL.
    let sums = FIGURES.map(|name| {
        let how = if name == "backups" { "MAX" } else { "SUM" };
        format!("CAST({how}({name}) AS BIGINT)")
    });
    let sql = format!(
        "INSERT INTO usage_months (installation, month, publisher, customer, app, name, former, counted_at, {}) \
         SELECT installation, $2, $5, $6, $7, $8, 0, $9, {} FROM usage_days \
         WHERE installation = $1 AND day >= $3 AND day <= $4 GROUP BY installation \
         ON CONFLICT (installation, month) DO UPDATE SET name = excluded.name, counted_at = excluded.counted_at, {}",
        FIGURES.join(", "),
        sums.join(", "),
        the_more("usage_months")
    );
    let values = [
        text(of.id),
        text(month),
        text(format!("{month}-01")),
        text(format!("{month}-31")),
        text(&of.publisher),
        text(&of.customer),
        text(&of.app),
        text(&of.name),
        big(now),
    ];
    run(&**tx, &sql, values).await?;
    Ok(())
}

/// Which months of what.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// By what it is added up.
    pub by: UsageBy,
    /// Only this month.
    pub month: Option<&'a str>,
    /// Only this customer's.
    pub customer: Option<&'a Key>,
    /// Only that of customers that are deleted. Without, one that is wanted by its name is the one that there is.
    pub former: bool,
    /// Only this installation's.
    pub installation: Option<InstallationId>,
}

fn read(row: &QueryResult) -> Result<Usage> {
    Ok(Usage {
        month: get(row, "month")?,
        publisher: parse(row, "publisher")?,
        customer: maybe_parse(row, "customer")?,
        former: number::<u64>(row, "former")? > 0,
        app: maybe_parse(row, "app")?,
        installation: maybe_parse(row, "installation")?,
        name: maybe_parse(row, "name")?,
        installations: number(row, "installations")?,
        awake_seconds: number(row, "awake_seconds")?,
        memory_mib_seconds: number(row, "memory")?,
        memory_used_mib_seconds: number(row, "memory_used")?,
        disk_mib_seconds: number(row, "disk")?,
        cpu_ms: number(row, "cpu_ms")?,
        requests: number(row, "requests")?,
        bytes_in: number(row, "bytes_in")?,
        bytes_out: number(row, "bytes_out")?,
        backups: number(row, "backups")?,
        counted_at: number(row, "counted_at")?,
    })
}

/// The key by which entries of a list come, the next one after its last.
pub fn key(by: UsageBy, of: &Usage) -> String {
    let customer = of.customer.as_ref().map(ToString::to_string).unwrap_or_default();
    match by {
        UsageBy::Installation => {
            format!("{}:{}", of.installation.map(|id| id.to_string()).unwrap_or_default(), of.month)
        }
        UsageBy::Customer => format!("{}:{customer}:{}:{}", of.publisher, u8::from(of.former), of.month),
        UsageBy::Month => format!("{}:{}", of.publisher, of.month),
    }
}

/// What was used within reach, those entries after `after`.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach,
    wanted: &Wanted<'_>,
    after: &str,
    limit: u64,
) -> Rows<Usage> {
    let mut values = vec![big(limit)];
    let mut mine = reach.sql("u.publisher", "u.customer", &mut values);
    // A customer has nothing to do with what another of its name used before it, and does not know it.
    if reach.customer().is_some() || wanted.customer.is_some() && !wanted.former {
        mine.push_str(" AND u.former = 0");
    }
    if wanted.former {
        mine.push_str(" AND u.former = 1");
    }
    let mut only = |column: &str, value: String| {
        values.push(text(value));
        mine.push_str(&format!(" AND u.{column} = ${}", values.len()));
    };
    if let Some(month) = wanted.month {
        only("month", month.to_owned());
    }
    if let Some(key) = wanted.customer {
        only("publisher", key.publisher.to_string());
        only("customer", key.slug.to_string());
    }
    if let Some(id) = wanted.installation {
        only("installation", id.to_string());
    }
    // By columns as they stand in an index, so that thousands are added up in its order.
    let columns: &[&str] = match wanted.by {
        UsageBy::Installation => &["u.installation", "u.month"],
        UsageBy::Customer => &["u.publisher", "u.customer", "u.former", "u.month"],
        UsageBy::Month => &["u.publisher", "u.month"],
    };
    let order = columns.join(", ");
    if !after.is_empty() {
        mine.push_str(&format!(" AND ({order}) > ({})", after_key(columns, after, &mut values)));
    }
    // What is the same in all rows of an entry is not compared.
    let any = |column: &str| match columns.contains(&format!("u.{column}").as_str()) {
        true => format!("u.{column} AS {column}"),
        false => format!("MAX(u.{column}) AS {column}"),
    };
    let one = |column: &str, told: bool| if told { any(column) } else { format!("CAST(NULL AS TEXT) AS {column}") };
    // In one month each has one row.
    let installations = if wanted.month.is_some() { "COUNT(*)" } else { "COUNT(DISTINCT u.installation)" };
    let single = wanted.by == UsageBy::Installation;
    let sums = FIGURES.map(|name| format!("CAST(SUM(u.{name}) AS BIGINT) AS {name}"));
    let sql = format!(
        "SELECT u.month AS month, {}, {}, {}, {}, {}, {}, {installations} AS installations, \
         MAX(u.counted_at) AS counted_at, {} FROM usage_months u \
         WHERE 1 = 1{mine} GROUP BY {order} ORDER BY {order} LIMIT $1",
        any("publisher"),
        one("customer", wanted.by != UsageBy::Month || wanted.customer.is_some() || reach.customer().is_some()),
        one("app", single),
        one("installation", single),
        one("name", single),
        any("former"),
        sums.join(", "),
    );
    all(db, &sql, values, read).await
}

/// The places of a key's parts in a statement; what lacks parts is before everything.
fn after_key(columns: &[&str], after: &str, values: &mut Vec<Value>) -> String {
    let mut parts = after.split(':');
    let places = columns.iter().map(|column| {
        let part = parts.next().unwrap_or_default();
        values.push(if *column == "u.former" { big(u64::from(part == "1")) } else { text(part) });
        format!("${}", values.len())
    });
    places.collect::<Vec<_>>().join(", ")
}

/// A customer is gone; what it used stays known to its publisher.
pub async fn leave(tx: &Tx, customer: &Key) -> Result<()> {
    let sql = "UPDATE usage_months SET former = 1 WHERE publisher = $1 AND customer = $2";
    run(&**tx, sql, [text(&customer.publisher), text(&customer.slug)]).await?;
    Ok(())
}

/// Forgets what a publisher's customers used, with the publisher.
pub async fn forget(tx: &Tx, publisher: &Slug) -> Result<()> {
    run(&**tx, "DELETE FROM usage_months WHERE publisher = $1", [text(publisher)]).await?;
    Ok(())
}

/// Deletes some days of before a day, which are part of their month, and months of before a month; how many.
pub async fn prune(tx: &Tx, day: &str, month: &str) -> Result<u64> {
    let days = "DELETE FROM usage_days WHERE (installation, day) IN \
                (SELECT installation, day FROM usage_days WHERE day < $1 LIMIT $2)";
    let days = run(&**tx, days, [text(day), big(super::PRUNED_AT_ONCE)]).await?.rows_affected();
    let months = "DELETE FROM usage_months WHERE (installation, month) IN \
                  (SELECT installation, month FROM usage_months WHERE month < $1 LIMIT $2)";
    Ok(days + run(&**tx, months, [text(month), big(super::PRUNED_AT_ONCE)]).await?.rows_affected())
}

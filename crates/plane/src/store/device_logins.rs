//! Command lines that ask somebody with a browser to let them in. Only hashes of what they keep are kept.

use domain::PersonId;
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};
use serde::{Deserialize, Serialize};

use super::people::columns_of;
use super::{Result, Tx, big, count, from_word, get, maybe_parse, number, one, run, text};
use crate::access::Reach;
use crate::wire::word;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody has decided.
    Waiting,
    /// Somebody lets it in.
    Approved,
    /// Somebody does not.
    Refused,
}

/// One as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLogin {
    /// What the person types.
    pub code: String,
    /// What asks, as it calls itself.
    pub name: String,
    /// From where.
    pub address: String,
    /// What it wants to be used for.
    pub scopes: Vec<String>,
    /// Days that it wants to serve.
    pub days: u32,
    /// What became of it.
    pub state: State,
    /// As whom, once it is approved.
    pub person: Option<PersonId>,
    /// Where, once it is approved: publisher and customer as columns have them.
    pub place: (String, String),
    /// When it last asked what became of it.
    pub asked_at: Millis,
    /// Until when it waits.
    pub expires_at: Millis,
}

const COLUMNS: &str = "code, name, address, scopes, days, state, person, publisher, customer, asked_at, expires_at \
                       FROM device_logins";

fn read(row: &QueryResult) -> Result<DeviceLogin> {
    let scopes: String = get(row, "scopes")?;
    Ok(DeviceLogin {
        code: get(row, "code")?,
        name: get(row, "name")?,
        address: get(row, "address")?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        days: number(row, "days")?,
        state: from_word(row, "state")?,
        person: maybe_parse(row, "person")?,
        place: (get(row, "publisher")?, get(row, "customer")?),
        asked_at: number(row, "asked_at")?,
        expires_at: number(row, "expires_at")?,
    })
}

/// Keeps a new one; `false` when its code is taken.
pub async fn create(tx: &Tx, sha256: &str, new: &DeviceLogin, at: Millis) -> Result<bool> {
    let sql = "INSERT INTO device_logins (sha256, code, name, address, scopes, days, state, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (code) DO NOTHING";
    let values = [
        text(sha256),
        text(&new.code),
        text(&new.name),
        text(&new.address),
        text(new.scopes.join(" ")),
        big(new.days.into()),
        text(word(&new.state)),
        big(at),
        big(new.expires_at),
    ];
    Ok(run(&**tx, sql, values).await?.rows_affected() > 0)
}

/// How many wait at a time.
pub async fn waiting(db: &impl ConnectionTrait, now: Millis) -> Result<u64> {
    count(db, "SELECT COUNT(*) AS n FROM device_logins WHERE expires_at > $1", [big(now)]).await
}

/// The one of that hash.
pub async fn find(db: &impl ConnectionTrait, sha256: &str) -> Result<Option<DeviceLogin>> {
    let sql = format!("SELECT {COLUMNS} WHERE sha256 = $1");
    one(db, &sql, [text(sha256)]).await?.map(|row| read(&row)).transpose()
}

/// The one that waits under that code.
pub async fn with_code(db: &impl ConnectionTrait, code: &str, now: Millis) -> Result<Option<DeviceLogin>> {
    let sql = format!("SELECT {COLUMNS} WHERE code = $1 AND expires_at > $2 AND state = 'waiting'");
    one(db, &sql, [text(code), big(now)]).await?.map(|row| read(&row)).transpose()
}

/// Decides about the one that waits under that code; `false` when somebody did, or it waits no more.
pub async fn decide(tx: &Tx, code: &str, state: State, person: PersonId, reach: &Reach, now: Millis) -> Result<bool> {
    let (publisher, customer) = columns_of(reach);
    let sql = "UPDATE device_logins SET state = $2, person = $3, publisher = $4, customer = $5 \
               WHERE code = $1 AND state = 'waiting' AND expires_at > $6";
    let values = [text(code), text(word(&state)), text(person), text(publisher), text(customer), big(now)];
    Ok(run(&**tx, sql, values).await?.rows_affected() > 0)
}

/// Keeps that it asked.
pub async fn asked(tx: &Tx, sha256: &str, at: Millis) -> Result<()> {
    run(&**tx, "UPDATE device_logins SET asked_at = $2 WHERE sha256 = $1", [text(sha256), big(at)]).await?;
    Ok(())
}

/// Forgets one that has its answer; `false` when it had it already.
pub async fn end(tx: &Tx, sha256: &str) -> Result<bool> {
    Ok(run(&**tx, "DELETE FROM device_logins WHERE sha256 = $1", [text(sha256)]).await?.rows_affected() > 0)
}

/// Deletes those that ended before a time.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    Ok(run(&**tx, "DELETE FROM device_logins WHERE expires_at < $1", [big(before)]).await?.rows_affected())
}

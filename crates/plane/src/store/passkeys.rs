//! Passkeys that people registered, and the challenges that were answered.

use domain::PersonId;
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, get, maybe_number, maybe_text, number, one, parse, run, text};

/// A passkey as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRow {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub person: PersonId,
    /// What the authenticator calls it, in base64url.
    pub credential: String,
    /// Its public key as COSE, in base64url.
    pub key: String,
    /// How often it was used, as it counts.
    pub counter: u32,
    /// What its owner calls it.
    pub name: String,
    /// The host name that it is for; absent in rows from when every site had one alone.
    pub host: Option<String>,
    /// When it was registered.
    pub created_at: Millis,
    /// When it was last used.
    pub used_at: Option<Millis>,
}

const COLUMNS: &str = "id, person, credential, public_key, counter, name, host, created_at, used_at FROM passkeys";

fn read(row: &QueryResult) -> Result<PasskeyRow> {
    Ok(PasskeyRow {
        id: get(row, "id")?,
        person: parse(row, "person")?,
        credential: get(row, "credential")?,
        key: get(row, "public_key")?,
        counter: number(row, "counter")?,
        name: get(row, "name")?,
        host: get(row, "host")?,
        created_at: number(row, "created_at")?,
        used_at: maybe_number(row, "used_at")?,
    })
}

/// Keeps a new one; `false` when it is somebody's already.
pub async fn create(tx: &Tx, new: &PasskeyRow) -> Result<bool> {
    let sql = "INSERT INTO passkeys (id, person, credential, public_key, counter, name, host, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (credential) DO NOTHING";
    let values = [
        text(&new.id),
        text(new.person),
        text(&new.credential),
        text(&new.key),
        big(new.counter.into()),
        text(&new.name),
        maybe_text(new.host.as_ref()),
        big(new.created_at),
    ];
    Ok(run(&**tx, sql, values).await?.rows_affected() > 0)
}

/// The one that an authenticator calls so.
pub async fn find(db: &impl ConnectionTrait, credential: &str) -> Result<Option<PasskeyRow>> {
    let sql = format!("SELECT {COLUMNS} WHERE credential = $1");
    one(db, &sql, [text(credential)]).await?.map(|row| read(&row)).transpose()
}

/// Somebody's, the oldest first.
pub async fn of(db: &impl ConnectionTrait, person: PersonId) -> Rows<PasskeyRow> {
    all(db, &format!("SELECT {COLUMNS} WHERE person = $1 ORDER BY created_at, id"), [text(person)], read).await
}

/// Keeps that one was used, unless it was meanwhile: of two with the same count one is a copy.
pub async fn used(tx: &Tx, row: &PasskeyRow, counter: u32, at: Millis) -> Result<bool> {
    let sql = "UPDATE passkeys SET counter = $3, used_at = $4 WHERE id = $1 AND counter = $2";
    let values = [text(&row.id), big(row.counter.into()), big(counter.into()), big(at)];
    Ok(run(&**tx, sql, values).await?.rows_affected() > 0)
}

/// Calls one something else; `false` when somebody has none of that id.
pub async fn rename(tx: &Tx, person: PersonId, id: &str, name: &str) -> Result<bool> {
    let sql = "UPDATE passkeys SET name = $3 WHERE person = $1 AND id = $2";
    Ok(run(&**tx, sql, [text(person), text(id), text(name)]).await?.rows_affected() > 0)
}

/// Forgets one; `false` when somebody has none of that id.
pub async fn remove(tx: &Tx, person: PersonId, id: &str) -> Result<bool> {
    let sql = "DELETE FROM passkeys WHERE person = $1 AND id = $2";
    Ok(run(&**tx, sql, [text(person), text(id)]).await?.rows_affected() > 0)
}

/// Uses a challenge up; `false` when it was.
pub async fn use_challenge(tx: &Tx, sha256: &str, expires_at: Millis) -> Result<bool> {
    let sql = "INSERT INTO used_challenges (sha256, expires_at) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING";
    Ok(run(&**tx, sql, [text(sha256), big(expires_at)]).await?.rows_affected() > 0)
}

/// Forgets challenges that would not serve any more.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    Ok(run(&**tx, "DELETE FROM used_challenges WHERE expires_at < $1", [big(before)]).await?.rows_affected())
}

//! Settings of the platform, each a value as JSON under its name.

use sea_orm::ConnectionTrait;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Result, Tx, json, one, run, text, to_json};

/// The value of a setting, if it was ever set.
pub async fn get<T: DeserializeOwned>(db: &impl ConnectionTrait, name: &str) -> Result<Option<T>> {
    let row = one(db, "SELECT value FROM settings WHERE name = $1", [text(name)]).await?;
    row.map(|row| json(&row, "value")).transpose()
}

/// Sets it.
pub async fn set(tx: &Tx, name: &str, value: &impl Serialize) -> Result<()> {
    let sql =
        "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    run(&**tx, sql, [text(name), text(to_json(value)?)]).await?;
    Ok(())
}

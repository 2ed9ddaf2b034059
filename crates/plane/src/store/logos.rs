//! The pictures of applications, of each version that names one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Key;
use sea_orm::ConnectionTrait;

use super::{Result, StoreError, Tx, big, get, one, run, text};

/// A picture: its type and content.
pub async fn find(db: &impl ConnectionTrait, app: &Key, number: u32) -> Result<Option<(String, Vec<u8>)>> {
    let sql = "SELECT media_type, content FROM version_logos WHERE publisher = $1 AND app = $2 AND number = $3";
    let values = [text(&app.publisher), text(&app.slug), big(number.into())];
    let Some(row) = one(db, sql, values).await? else { return Ok(None) };
    let content = STANDARD.decode(get::<String>(&row, "content")?);
    let content = content.map_err(|error| StoreError::Row { what: "picture", why: error.to_string() })?;
    Ok(Some((get(&row, "media_type")?, content)))
}

/// Keeps the picture of a version.
pub async fn put(tx: &Tx, app: &Key, number: u32, media_type: &str, content: &[u8]) -> Result<()> {
    let sql = "INSERT INTO version_logos (publisher, app, number, media_type, content) VALUES ($1, $2, $3, $4, $5)";
    let (publisher, slug) = (text(&app.publisher), text(&app.slug));
    let values = [publisher, slug, big(number.into()), text(media_type), text(STANDARD.encode(content))];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Whether a version has one.
pub async fn has(db: &impl ConnectionTrait, app: &Key, number: u32) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM version_logos WHERE publisher = $1 AND app = $2 AND number = $3";
    Ok(super::count(db, sql, [text(&app.publisher), text(&app.slug), big(number.into())]).await? > 0)
}

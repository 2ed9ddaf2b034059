//! How publishers' portals look.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Slug;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, StoreError, Tx, all, big, get, json, maybe_text, number, one, parse, run, text, to_json};
use crate::wire::{ImageKind, Look, word};

/// A brand as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrandRow {
    /// Whose it is.
    pub publisher: Slug,
    /// Grows with each change.
    pub version: u64,
    /// The portal's own host name.
    pub host: Option<String>,
    /// All that is text.
    pub look: Look,
    /// The pictures there are.
    pub images: Vec<ImageKind>,
}

fn read(row: &QueryResult) -> Result<BrandRow> {
    let kinds: String = get(row, "kinds")?;
    let has = |kind: &&ImageKind| kinds.split(',').any(|one| one == word(*kind));
    Ok(BrandRow {
        publisher: parse(row, "publisher")?,
        version: number(row, "version")?,
        host: get(row, "host")?,
        look: json(row, "look")?,
        images: ImageKind::ALL.iter().filter(has).copied().collect(),
    })
}

/// A publisher's; one that nobody has changed yet is empty, of version 0.
pub async fn of(db: &impl ConnectionTrait, publisher: &Slug) -> Result<BrandRow> {
    // Neither database has the other's function that joins texts.
    let kinds = "(SELECT COALESCE(MAX(CASE kind WHEN 'logo' THEN 'logo,' END), '') || \
                 COALESCE(MAX(CASE kind WHEN 'picture' THEN 'picture,' END), '') || \
                 COALESCE(MAX(CASE kind WHEN 'icon' THEN 'icon,' END), '') \
                 FROM brand_images i WHERE i.publisher = b.publisher) AS kinds";
    let sql = format!("SELECT b.publisher, b.version, b.host, b.look, {kinds} FROM brands b WHERE b.publisher = $1");
    let row = one(db, &sql, [text(publisher)]).await?;
    let empty =
        || BrandRow { publisher: publisher.clone(), version: 0, host: None, look: Look::default(), images: Vec::new() };
    row.map_or_else(|| Ok(empty()), |row| read(&row))
}

/// The publisher whose portal has that host name of its own.
pub async fn with_host(db: &impl ConnectionTrait, host: &str) -> Result<Option<Slug>> {
    let row = one(db, "SELECT publisher FROM brands WHERE host = $1", [text(host)]).await?;
    row.map(|row| parse(&row, "publisher")).transpose()
}

/// Every host name of a portal's own.
pub async fn hosts(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    all(db, "SELECT host FROM brands WHERE host IS NOT NULL ORDER BY host", [], |row| get(row, "host")).await
}

/// Keeps a changed brand under the next version; its host must be free.
pub async fn put(tx: &Tx, row: &BrandRow) -> Result<()> {
    let sql = "INSERT INTO brands (publisher, version, host, look) VALUES ($1, $2, $3, $4) ON CONFLICT (publisher) \
               DO UPDATE SET version = excluded.version, host = excluded.host, look = excluded.look";
    let values = [text(&row.publisher), big(row.version + 1), maybe_text(row.host.as_ref()), text(to_json(&row.look)?)];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// A picture: its type and content.
pub async fn image(db: &impl ConnectionTrait, publisher: &Slug, kind: ImageKind) -> Result<Option<(String, Vec<u8>)>> {
    let sql = "SELECT media_type, content FROM brand_images WHERE publisher = $1 AND kind = $2";
    let Some(row) = one(db, sql, [text(publisher), text(word(&kind))]).await? else { return Ok(None) };
    let content: String = get(&row, "content")?;
    let content = STANDARD.decode(content);
    let content = content.map_err(|error| StoreError::Row { what: "picture", why: error.to_string() })?;
    Ok(Some((get(&row, "media_type")?, content)))
}

/// Keeps a picture.
pub async fn put_image(tx: &Tx, publisher: &Slug, kind: ImageKind, media_type: &str, content: &[u8]) -> Result<()> {
    let sql = "INSERT INTO brand_images (publisher, kind, media_type, content) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (publisher, kind) DO UPDATE SET media_type = excluded.media_type, content = excluded.content";
    let content = STANDARD.encode(content);
    run(&**tx, sql, [text(publisher), text(word(&kind)), text(media_type), text(content)]).await?;
    Ok(())
}

/// Deletes a picture; whether there was one.
pub async fn delete_image(tx: &Tx, publisher: &Slug, kind: ImageKind) -> Result<bool> {
    let sql = "DELETE FROM brand_images WHERE publisher = $1 AND kind = $2";
    Ok(run(&**tx, sql, [text(publisher), text(word(&kind))]).await?.rows_affected() > 0)
}

/// Forgets how a publisher's portal looked.
pub async fn forget(tx: &Tx, publisher: &Slug) -> Result<()> {
    for table in ["brand_images", "brands", "host_claims"] {
        run(&**tx, &format!("DELETE FROM {table} WHERE publisher = $1"), [text(publisher)]).await?;
    }
    Ok(())
}

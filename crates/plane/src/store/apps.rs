//! Applications.

use domain::Slug;
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, maybe_number, number, one, parse, run, text};
use crate::wire::App;

const COLUMNS: &str = "a.slug, a.name, a.created_at, \
    (SELECT MAX(v.number) FROM versions v WHERE v.app = a.slug) AS newest_version, \
    (SELECT COUNT(*) FROM versions v WHERE v.app = a.slug) AS versions, \
    (SELECT COUNT(*) FROM installations i WHERE i.app = a.slug AND i.state <> 'removed') AS installations";

fn read(row: &QueryResult) -> Result<App> {
    Ok(App {
        slug: parse(row, "slug")?,
        name: super::get(row, "name")?,
        created_at: number(row, "created_at")?,
        newest_version: maybe_number(row, "newest_version")?,
        versions: number(row, "versions")?,
        installations: number(row, "installations")?,
    })
}

/// Makes an application; `false` when there is one of that slug.
pub async fn create(tx: &Tx, slug: &Slug, name: &str, at: Millis) -> Result<bool> {
    let sql = "INSERT INTO apps (slug, name, last_version, created_at) VALUES ($1, $2, 0, $3) \
               ON CONFLICT (slug) DO NOTHING";
    Ok(run(&**tx, sql, [text(slug), text(name), big(at)]).await?.rows_affected() > 0)
}

/// The application of that slug.
pub async fn find(db: &impl ConnectionTrait, slug: &Slug) -> Result<Option<App>> {
    let sql = format!("SELECT {COLUMNS} FROM apps a WHERE a.slug = $1");
    one(db, &sql, [text(slug)]).await?.map(|row| read(&row)).transpose()
}

/// Applications by slug, those after `after`.
pub async fn list(db: &impl ConnectionTrait, after: &str, limit: u64) -> Rows<App> {
    let sql = format!("SELECT {COLUMNS} FROM apps a WHERE a.slug > $1 ORDER BY a.slug LIMIT $2");
    all(db, &sql, [text(after), big(limit)], read).await
}

/// Deletes the application and its versions.
pub async fn delete(tx: &Tx, slug: &Slug) -> Result<()> {
    run(&**tx, "DELETE FROM versions WHERE app = $1", [text(slug)]).await?;
    run(&**tx, "DELETE FROM apps WHERE slug = $1", [text(slug)]).await?;
    Ok(())
}

/// The next number of a version. Part of the transaction, so that numbers have no gaps; never given twice, also when
/// the version is deleted. `None` when there is no such application.
pub async fn next_number(tx: &Tx, slug: &Slug) -> Result<Option<u32>> {
    let sql = "UPDATE apps SET last_version = last_version + 1 WHERE slug = $1 RETURNING last_version";
    one(&**tx, sql, [text(slug)]).await?.map(|row| number(&row, "last_version")).transpose()
}

/// How many there are.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64> {
    super::count(db, "SELECT COUNT(*) AS n FROM apps", []).await
}

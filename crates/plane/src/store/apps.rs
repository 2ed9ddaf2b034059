//! Applications.

use domain::{Key, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, after_key, all, big, maybe_number, maybe_text, number, one, parse, run, text};
use crate::access::Reach;
use crate::wire::App;

const COLUMNS: &str = "a.publisher, a.slug, a.name, a.created_at, a.own, \
    (SELECT MAX(v.number) FROM versions v WHERE v.publisher = a.publisher AND v.app = a.slug) AS newest_version, \
    (SELECT COUNT(*) FROM versions v WHERE v.publisher = a.publisher AND v.app = a.slug) AS versions, \
    (SELECT COUNT(*) FROM installations i WHERE i.publisher = a.publisher AND i.app = a.slug \
    AND i.state <> 'removed') AS installations, \
    (SELECT l.number FROM version_logos l WHERE l.publisher = a.publisher AND l.app = a.slug AND l.number = \
    (SELECT MAX(v.number) FROM versions v WHERE v.publisher = a.publisher AND v.app = a.slug)) AS logo";

fn read(row: &QueryResult) -> Result<App> {
    Ok(App {
        publisher: parse(row, "publisher")?,
        slug: parse(row, "slug")?,
        name: super::get(row, "name")?,
        created_at: number(row, "created_at")?,
        own: super::get::<i64>(row, "own")? != 0,
        newest_version: maybe_number(row, "newest_version")?,
        versions: number(row, "versions")?,
        installations: number(row, "installations")?,
        logo: maybe_number(row, "logo")?,
    })
}

/// Makes an application; `false` when there is one of that slug.
pub async fn create(tx: &Tx, app: &Key, name: &str, at: Millis) -> Result<bool> {
    let sql = "INSERT INTO apps (publisher, slug, name, last_version, created_at) VALUES ($1, $2, $3, 0, $4) \
               ON CONFLICT (publisher, slug) DO NOTHING";
    Ok(run(&**tx, sql, [text(&app.publisher), text(&app.slug), text(name), big(at)]).await?.rows_affected() > 0)
}

/// The application of that slug.
pub async fn find(db: &impl ConnectionTrait, app: &Key) -> Result<Option<App>> {
    let sql = format!("SELECT {COLUMNS} FROM apps a WHERE a.publisher = $1 AND a.slug = $2");
    one(db, &sql, [text(&app.publisher), text(&app.slug)]).await?.map(|row| read(&row)).transpose()
}

/// Applications within reach by publisher and slug, those after `after`.
pub async fn list(db: &impl ConnectionTrait, reach: &Reach, after: Option<&Key>, limit: u64) -> Rows<App> {
    let mut values = vec![big(limit)];
    let mine = reach.publisher_sql("a.publisher", &mut values);
    let rest = after.map(|key| after_key("a", key, &mut values)).unwrap_or_default();
    let sql = format!("SELECT {COLUMNS} FROM apps a WHERE 1 = 1{mine}{rest} ORDER BY a.publisher, a.slug LIMIT $1");
    all(db, &sql, values, read).await
}

/// Applications within reach by publisher and slug: those that a publisher hosts for itself, or those for its customers.
pub async fn list_own(db: &impl ConnectionTrait, reach: &Reach, own: bool, limit: u64) -> Rows<App> {
    let mut values = vec![big(limit), big(own.into())];
    let mine = reach.publisher_sql("a.publisher", &mut values);
    let sql = format!("SELECT {COLUMNS} FROM apps a WHERE a.own = $2{mine} ORDER BY a.publisher, a.slug LIMIT $1");
    all(db, &sql, values, read).await
}

/// The publishers within reach that have an application of that slug; at most two.
pub async fn publishers_of(db: &impl ConnectionTrait, reach: &Reach, slug: &Slug) -> Rows<Slug> {
    let mut values = vec![text(slug)];
    let mine = reach.publisher_sql("publisher", &mut values);
    let sql = format!("SELECT publisher FROM apps WHERE slug = $1{mine} ORDER BY publisher LIMIT 2");
    all(db, &sql, values, |row| parse(row, "publisher")).await
}

/// Takes it out of what customers are offered.
pub async fn make_own(tx: &Tx, app: &Key) -> Result<()> {
    let sql = "UPDATE apps SET own = 1 WHERE publisher = $1 AND slug = $2";
    run(&**tx, sql, [text(&app.publisher), text(&app.slug)]).await?;
    Ok(())
}

/// Its variables, sealed.
pub async fn variables(db: &impl ConnectionTrait, app: &Key) -> Result<Option<String>> {
    let sql = "SELECT variables FROM apps WHERE publisher = $1 AND slug = $2";
    let row = one(db, sql, [text(&app.publisher), text(&app.slug)]).await?;
    Ok(row.map(|row| super::get(&row, "variables")).transpose()?.flatten())
}

/// Gives it these variables instead, sealed.
pub async fn set_variables(tx: &Tx, app: &Key, sealed: Option<&str>) -> Result<()> {
    let sql = "UPDATE apps SET variables = $3 WHERE publisher = $1 AND slug = $2";
    run(&**tx, sql, [text(&app.publisher), text(&app.slug), maybe_text(sealed)]).await?;
    Ok(())
}

/// Deletes the application and its versions.
pub async fn delete(tx: &Tx, app: &Key) -> Result<()> {
    let values = || [text(&app.publisher), text(&app.slug)];
    run(&**tx, "DELETE FROM versions WHERE publisher = $1 AND app = $2", values()).await?;
    run(&**tx, "DELETE FROM apps WHERE publisher = $1 AND slug = $2", values()).await?;
    Ok(())
}

/// The next number of a version. Part of the transaction, so that numbers have no gaps; never given twice, also when
/// the version is deleted. `None` when there is no such application.
pub async fn next_number(tx: &Tx, app: &Key) -> Result<Option<u32>> {
    let sql = "UPDATE apps SET last_version = last_version + 1 WHERE publisher = $1 AND slug = $2 \
               RETURNING last_version";
    one(&**tx, sql, [text(&app.publisher), text(&app.slug)]).await?.map(|row| number(&row, "last_version")).transpose()
}

/// How many there are within reach.
pub async fn count(db: &impl ConnectionTrait, reach: &Reach) -> Result<u64> {
    let mut values = Vec::new();
    let mine = reach.publisher_sql("publisher", &mut values);
    super::count(db, &format!("SELECT COUNT(*) AS n FROM apps WHERE 1 = 1{mine}"), values).await
}

//! Publishers: those who make applications and have customers.

use domain::Slug;
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, get, maybe_big, maybe_number, named_like, number, one, parse, run, text};
use crate::access::Reach;
use crate::wire::{Publisher, PublisherLimits};

/// Installations are gone through once, in an index that has all that is asked of them.
const COLUMNS: &str = "p.slug, p.name, p.created_at, p.developers_exec, p.max_installations, p.max_memory, p.max_disk, \
    (SELECT COUNT(*) FROM apps a WHERE a.publisher = p.slug) AS apps, \
    (SELECT COUNT(*) FROM customers c WHERE c.publisher = p.slug) AS customers, \
    COALESCE(u.there, 0) AS installations, COALESCE(u.running, 0) AS running, \
    CAST(COALESCE(u.memory, 0) AS BIGINT) AS memory, CAST(COALESCE(u.disk, 0) AS BIGINT) AS disk \
    FROM publishers p LEFT JOIN (SELECT i.publisher, COUNT(*) AS there, \
    SUM(CASE WHEN i.state <> 'failed' THEN 1 ELSE 0 END) AS running, \
    SUM(CASE WHEN i.state <> 'failed' THEN i.memory ELSE 0 END) AS memory, \
    SUM(CASE WHEN i.state <> 'failed' THEN i.disk ELSE 0 END) AS disk \
    FROM installations i WHERE i.state <> 'removed' GROUP BY i.publisher) u ON u.publisher = p.slug";

fn read(row: &QueryResult) -> Result<Publisher> {
    Ok(Publisher {
        slug: parse(row, "slug")?,
        name: get(row, "name")?,
        created_at: number(row, "created_at")?,
        developers_exec: get::<i64>(row, "developers_exec")? != 0,
        apps: number(row, "apps")?,
        customers: number(row, "customers")?,
        installations: number(row, "installations")?,
        running: number(row, "running")?,
        memory: number(row, "memory")?,
        disk: number(row, "disk")?,
        limits: PublisherLimits {
            installations: maybe_number(row, "max_installations")?,
            memory: maybe_number(row, "max_memory")?,
            disk: maybe_number(row, "max_disk")?,
        },
    })
}

/// Makes a publisher; `false` when there is one of that slug.
pub async fn create(tx: &Tx, slug: &Slug, name: &str, at: Millis) -> Result<bool> {
    let sql = "INSERT INTO publishers (slug, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (slug) DO NOTHING";
    Ok(run(&**tx, sql, [text(slug), text(name), big(at)]).await?.rows_affected() > 0)
}

/// Dates the publisher that came with the store.
pub async fn begin(tx: &Tx, at: Millis) -> Result<()> {
    run(&**tx, "UPDATE publishers SET created_at = $1 WHERE created_at = 0", [big(at)]).await?;
    Ok(())
}

/// The name of the publisher of that slug, if it is within reach.
pub async fn name(db: &impl ConnectionTrait, reach: &Reach, slug: &Slug) -> Result<Option<String>> {
    let mut values = vec![text(slug)];
    let mine = reach.publisher_sql("slug", &mut values);
    let sql = format!("SELECT name FROM publishers WHERE slug = $1{mine}");
    one(db, &sql, values).await?.map(|row| get(&row, "name")).transpose()
}

/// The publisher of that slug with what it has, if it is within reach.
pub async fn find(db: &impl ConnectionTrait, reach: &Reach, slug: &Slug) -> Result<Option<Publisher>> {
    let mut values = vec![text(slug)];
    let mine = reach.publisher_sql("p.slug", &mut values);
    let sql = format!("SELECT {COLUMNS} WHERE p.slug = $1{mine}");
    one(db, &sql, values).await?.map(|row| read(&row)).transpose()
}

/// Publishers within reach by slug, those after `after` whose names have `wanted` in them.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach,
    wanted: Option<&str>,
    after: &str,
    limit: u64,
) -> Rows<Publisher> {
    let mut values = vec![text(after), big(limit)];
    let mine = reach.publisher_sql("p.slug", &mut values);
    let named = wanted.map(|wanted| named_like("p", wanted, &mut values)).unwrap_or_default();
    let sql = format!("SELECT {COLUMNS} WHERE p.slug > $1{mine}{named} ORDER BY p.slug LIMIT $2");
    all(db, &sql, values, read).await
}

/// Whether its members must have a second factor.
pub async fn second_factor(db: &impl ConnectionTrait, slug: &Slug) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM publishers WHERE slug = $1 AND second_factor = 1";
    Ok(super::count(db, sql, [text(slug)]).await? > 0)
}

/// Decides it.
pub async fn require_second_factor(tx: &Tx, slug: &Slug, required: bool) -> Result<()> {
    let sql = "UPDATE publishers SET second_factor = $2 WHERE slug = $1";
    run(&**tx, sql, [text(slug), big(required.into())]).await?;
    Ok(())
}

/// Holds back every other transaction that does this until the present one has ended.
pub async fn lock(tx: &Tx, slug: &Slug) -> Result<()> {
    run(&**tx, "UPDATE publishers SET slug = slug WHERE slug = $1", [text(slug)]).await?;
    Ok(())
}

/// Keeps what it may have in all.
pub async fn set_limits(tx: &Tx, slug: &Slug, limits: &PublisherLimits) -> Result<()> {
    let sql = "UPDATE publishers SET max_installations = $2, max_memory = $3, max_disk = $4 WHERE slug = $1";
    let values = [text(slug), maybe_big(limits.installations), maybe_big(limits.memory), maybe_big(limits.disk)];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Keeps what its owners decided.
pub async fn update(tx: &Tx, row: &Publisher) -> Result<()> {
    let sql = "UPDATE publishers SET name = $2, developers_exec = $3 WHERE slug = $1";
    run(&**tx, sql, [text(&row.slug), text(&row.name), big(row.developers_exec.into())]).await?;
    Ok(())
}

/// Deletes a publisher that has nothing left.
pub async fn delete(tx: &Tx, slug: &Slug) -> Result<()> {
    run(&**tx, "DELETE FROM publishers WHERE slug = $1", [text(slug)]).await?;
    Ok(())
}

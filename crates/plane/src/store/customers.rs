//! Customers.

use domain::Slug;
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, get, number, one, parse, run, text};
use crate::wire::Customer;

const COLUMNS: &str = "c.slug, c.name, c.created_at, \
    (SELECT COUNT(*) FROM installations i WHERE i.customer = c.slug AND i.state <> 'removed') AS installations";

fn read(row: &QueryResult) -> Result<Customer> {
    Ok(Customer {
        slug: parse(row, "slug")?,
        name: get(row, "name")?,
        created_at: number(row, "created_at")?,
        installations: number(row, "installations")?,
    })
}

/// Makes a customer; `false` when there is one of that slug.
pub async fn create(tx: &Tx, slug: &Slug, name: &str, at: Millis) -> Result<bool> {
    let sql = "INSERT INTO customers (slug, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (slug) DO NOTHING";
    Ok(run(&**tx, sql, [text(slug), text(name), big(at)]).await?.rows_affected() > 0)
}

/// The customer of that slug.
pub async fn find(db: &impl ConnectionTrait, slug: &Slug) -> Result<Option<Customer>> {
    let sql = format!("SELECT {COLUMNS} FROM customers c WHERE c.slug = $1");
    one(db, &sql, [text(slug)]).await?.map(|row| read(&row)).transpose()
}

/// Customers by slug, those after `after`.
pub async fn list(db: &impl ConnectionTrait, after: &str, limit: u64) -> Rows<Customer> {
    let sql = format!("SELECT {COLUMNS} FROM customers c WHERE c.slug > $1 ORDER BY c.slug LIMIT $2");
    all(db, &sql, [text(after), big(limit)], read).await
}

/// Deletes the customer.
pub async fn delete(tx: &Tx, slug: &Slug) -> Result<()> {
    run(&**tx, "DELETE FROM customers WHERE slug = $1", [text(slug)]).await?;
    Ok(())
}

/// How many there are.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64> {
    super::count(db, "SELECT COUNT(*) AS n FROM customers", []).await
}

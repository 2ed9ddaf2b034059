//! Customers.

use domain::{Key, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, after_key, all, big, get, named_like, number, one, parse, run, text};
use crate::access::Reach;
use crate::wire::Customer;

const COLUMNS: &str = "c.publisher, c.slug, c.name, c.created_at, \
    (SELECT COUNT(*) FROM installations i WHERE i.publisher = c.publisher AND i.customer = c.slug \
    AND i.state <> 'removed') AS installations";

fn read(row: &QueryResult) -> Result<Customer> {
    Ok(Customer {
        publisher: parse(row, "publisher")?,
        slug: parse(row, "slug")?,
        name: get(row, "name")?,
        created_at: number(row, "created_at")?,
        installations: number(row, "installations")?,
    })
}

/// Makes a customer; `false` when there is one of that slug.
pub async fn create(tx: &Tx, customer: &Key, name: &str, at: Millis) -> Result<bool> {
    let sql = "INSERT INTO customers (publisher, slug, name, created_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (publisher, slug) DO NOTHING";
    Ok(run(&**tx, sql, [text(&customer.publisher), text(&customer.slug), text(name), big(at)]).await?.rows_affected()
        > 0)
}

/// The customer of that slug.
pub async fn find(db: &impl ConnectionTrait, customer: &Key) -> Result<Option<Customer>> {
    let sql = format!("SELECT {COLUMNS} FROM customers c WHERE c.publisher = $1 AND c.slug = $2");
    one(db, &sql, [text(&customer.publisher), text(&customer.slug)]).await?.map(|row| read(&row)).transpose()
}

/// Customers within reach by publisher and slug, those after `after` whose names have `wanted` in them.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach,
    wanted: Option<&str>,
    after: Option<&Key>,
    limit: u64,
) -> Rows<Customer> {
    let mut values = vec![big(limit)];
    let mine = reach.sql("c.publisher", "c.slug", &mut values);
    let named = wanted.map(|wanted| named_like("c", wanted, &mut values)).unwrap_or_default();
    let rest = after.map(|key| after_key("c", key, &mut values)).unwrap_or_default();
    let sql = format!(
        "SELECT {COLUMNS} FROM customers c WHERE 1 = 1{mine}{named}{rest} ORDER BY c.publisher, c.slug LIMIT $1"
    );
    all(db, &sql, values, read).await
}

/// Customers within reach by publisher and slug: their short names and their names.
pub async fn names(db: &impl ConnectionTrait, reach: &Reach, limit: u64) -> Rows<(Slug, String)> {
    let mut values = vec![big(limit)];
    let mine = reach.sql("publisher", "slug", &mut values);
    let sql = format!("SELECT slug, name FROM customers WHERE 1 = 1{mine} ORDER BY publisher, slug LIMIT $1");
    all(db, &sql, values, |row| Ok((parse(row, "slug")?, get(row, "name")?))).await
}

/// The publishers within reach that have a customer of that slug; at most two.
pub async fn publishers_of(db: &impl ConnectionTrait, reach: &Reach, slug: &Slug) -> Rows<Slug> {
    let mut values = vec![text(slug)];
    let mine = reach.sql("publisher", "slug", &mut values);
    let sql = format!("SELECT publisher FROM customers WHERE slug = $1{mine} ORDER BY publisher LIMIT 2");
    all(db, &sql, values, |row| parse(row, "publisher")).await
}

/// Changes what it is called.
pub async fn rename(tx: &Tx, customer: &Key, name: &str) -> Result<()> {
    let values = [text(&customer.publisher), text(&customer.slug), text(name)];
    run(&**tx, "UPDATE customers SET name = $3 WHERE publisher = $1 AND slug = $2", values).await?;
    Ok(())
}

/// Deletes the customer.
pub async fn delete(tx: &Tx, customer: &Key) -> Result<()> {
    let values = [text(&customer.publisher), text(&customer.slug)];
    run(&**tx, "DELETE FROM customers WHERE publisher = $1 AND slug = $2", values).await?;
    Ok(())
}

/// How many there are within reach.
pub async fn count(db: &impl ConnectionTrait, reach: &Reach) -> Result<u64> {
    let mut values = Vec::new();
    let mine = reach.sql("publisher", "slug", &mut values);
    super::count(db, &format!("SELECT COUNT(*) AS n FROM customers WHERE 1 = 1{mine}"), values).await
}

//! Answers that a publisher keeps for later.

use domain::{AnswerId, Slug};
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, get, number, one, parse, run, text};
use crate::access::Reach;
use crate::wire::CannedAnswer;

const COLUMNS: &str = "id, publisher, title, body, created_at FROM answers";

fn read(row: &QueryResult) -> Result<CannedAnswer> {
    Ok(CannedAnswer {
        id: parse(row, "id")?,
        publisher: parse(row, "publisher")?,
        title: get(row, "title")?,
        text: get(row, "body")?,
        created_at: number(row, "created_at")?,
    })
}

/// Keeps an answer, in place of what it said before; `false` when another has that title.
pub async fn put(tx: &Tx, answer: &CannedAnswer) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM answers WHERE publisher = $1 AND title = $2 AND id <> $3";
    if super::count(&**tx, sql, [text(&answer.publisher), text(&answer.title), text(answer.id)]).await? > 0 {
        return Ok(false);
    }
    let sql = "INSERT INTO answers (id, publisher, title, body, created_at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (id) DO UPDATE SET title = excluded.title, body = excluded.body";
    let values =
        [text(answer.id), text(&answer.publisher), text(&answer.title), text(&answer.text), big(answer.created_at)];
    run(&**tx, sql, values).await?;
    Ok(true)
}

/// The answer of that id within reach.
pub async fn find(db: &impl ConnectionTrait, reach: &Reach, id: AnswerId) -> Result<Option<CannedAnswer>> {
    let mut values = vec![text(id)];
    let mine = reach.publisher_sql("publisher", &mut values);
    one(db, &format!("SELECT {COLUMNS} WHERE id = $1{mine}"), values).await?.map(|row| read(&row)).transpose()
}

/// Answers within reach, by publisher and title: those after `after`.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach,
    after: Option<&(String, String)>,
    limit: u64,
) -> Rows<CannedAnswer> {
    let mut values = vec![big(limit)];
    let mine = reach.publisher_sql("publisher", &mut values);
    let mut sql = format!("SELECT {COLUMNS} WHERE 1 = 1{mine}");
    if let Some((publisher, title)) = after {
        values.extend([text(publisher), text(title)]);
        let last = values.len();
        sql.push_str(&format!(" AND (publisher, title) > (${}, ${last})", last - 1));
    }
    sql.push_str(" ORDER BY publisher, title LIMIT $1");
    all(db, &sql, values, read).await
}

/// How many a publisher has.
pub async fn count(db: &impl ConnectionTrait, publisher: &Slug) -> Result<u64> {
    super::count(db, "SELECT COUNT(*) AS n FROM answers WHERE publisher = $1", [text(publisher)]).await
}

/// Deletes one.
pub async fn delete(tx: &Tx, id: AnswerId) -> Result<()> {
    run(&**tx, "DELETE FROM answers WHERE id = $1", [text(id)]).await?;
    Ok(())
}

/// Deletes those of a publisher that is deleted.
pub async fn forget(tx: &Tx, publisher: &Slug) -> Result<()> {
    run(&**tx, "DELETE FROM answers WHERE publisher = $1", [text(publisher)]).await?;
    Ok(())
}

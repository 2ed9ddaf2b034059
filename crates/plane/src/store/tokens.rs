//! Bearer tokens, of which only hashes are kept.

use domain::{PersonId, TokenId};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::people::{Membership, columns_of, read_membership};
use super::{
    Result, Rows, Tx, all, big, get, maybe_big, maybe_number, maybe_parse, maybe_text, number, one, run, text,
};
use crate::access::Reach;
use crate::wire::word;

/// The id of the token that `vclouden up` makes.
pub const OPERATOR: &str = "operator";

/// A token as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// A [`TokenId`], or [`OPERATOR`].
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// Who made it.
    pub person: Option<PersonId>,
    /// What it acts as.
    pub membership: Membership,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Millis,
    /// Until when it serves.
    pub expires_at: Option<Millis>,
    /// When it was last used, to some minutes.
    pub used_at: Option<Millis>,
}

const COLUMNS: &str =
    "id, name, person, publisher, customer, role, scopes, created_at, expires_at, used_at FROM tokens";

fn read(row: &QueryResult) -> Result<TokenRow> {
    let scopes: String = get(row, "scopes")?;
    Ok(TokenRow {
        id: get(row, "id")?,
        name: get(row, "name")?,
        person: maybe_parse(row, "person")?,
        membership: read_membership(row)?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        created_at: number(row, "created_at")?,
        expires_at: maybe_number(row, "expires_at")?,
        used_at: maybe_number(row, "used_at")?,
    })
}

/// Keeps a new token under its hash (hexadecimal), in place of one of the same id.
pub async fn create(tx: &Tx, sha256: &str, new: &TokenRow) -> Result<()> {
    run(&**tx, "DELETE FROM tokens WHERE id = $1 OR sha256 = $2", [text(&new.id), text(sha256)]).await?;
    let (publisher, customer) = columns_of(&new.membership.reach);
    let sql = "INSERT INTO tokens (sha256, id, name, person, publisher, customer, role, scopes, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = [
        text(sha256),
        text(&new.id),
        text(&new.name),
        maybe_text(new.person),
        text(publisher),
        text(customer),
        text(word(&new.membership.role)),
        text(new.scopes.join(" ")),
        big(new.created_at),
        maybe_big(new.expires_at),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// The token of that hash.
pub async fn find(db: &impl ConnectionTrait, sha256: &str) -> Result<Option<TokenRow>> {
    let sql = format!("SELECT {COLUMNS} WHERE sha256 = $1");
    one(db, &sql, [text(sha256)]).await?.map(|row| read(&row)).transpose()
}

/// The token of that id, if it acts within reach.
pub async fn with_id(db: &impl ConnectionTrait, reach: &Reach, id: &str) -> Result<Option<TokenRow>> {
    let mut values = vec![text(id)];
    let mine = reach.sql("publisher", "customer", &mut values);
    one(db, &format!("SELECT {COLUMNS} WHERE id = $1{mine}"), values).await?.map(|row| read(&row)).transpose()
}

/// Which tokens within reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All of them.
    All,
    /// Those that a person made.
    Person(PersonId),
    /// Those of the platform itself.
    Platform,
}

/// Tokens that act within reach, the newest first, those before `before`.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach,
    whose: Whose,
    before: Option<TokenId>,
    limit: u64,
) -> Rows<TokenRow> {
    let mut values = vec![text(OPERATOR), big(limit)];
    let mut sql = format!("SELECT {COLUMNS} WHERE id <> $1{}", reach.sql("publisher", "customer", &mut values));
    let mut only = |column: &str, value: String| {
        values.push(text(value));
        sql.push_str(&format!(" AND {column} ${}", values.len()));
    };
    match whose {
        Whose::All => {}
        Whose::Person(id) => only("person =", id.to_string()),
        Whose::Platform => only("publisher =", String::new()),
    }
    if let Some(id) = before {
        only("id <", id.to_string());
    }
    sql.push_str(" ORDER BY id DESC LIMIT $2");
    all(db, &sql, values, read).await
}

/// Deletes a token.
pub async fn delete(tx: &Tx, id: &str) -> Result<()> {
    run(&**tx, "DELETE FROM tokens WHERE id = $1", [text(id)]).await?;
    Ok(())
}

/// Deletes the tokens that somebody made there.
pub async fn delete_of(tx: &Tx, person: PersonId, reach: &Reach) -> Result<()> {
    let (publisher, customer) = columns_of(reach);
    let sql = "DELETE FROM tokens WHERE person = $1 AND publisher = $2 AND customer = $3";
    run(&**tx, sql, [text(person), text(publisher), text(customer)]).await?;
    Ok(())
}

/// Keeps that it was used.
pub async fn used(tx: &Tx, id: &str, at: Millis) -> Result<()> {
    run(&**tx, "UPDATE tokens SET used_at = $2 WHERE id = $1", [text(id), big(at)]).await?;
    Ok(())
}

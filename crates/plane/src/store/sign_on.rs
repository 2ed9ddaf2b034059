//! Providers of OpenID Connect by which members come in, and what they call whom.

use domain::{PersonId, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, containing, get, maybe_text, one, parse, run, text};
use crate::access::Role;
use crate::wire::word;

/// A provider as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOnRow {
    /// Whose members come in by it.
    pub publisher: Slug,
    /// What it calls itself.
    pub issuer: String,
    /// What it calls us.
    pub client: String,
    /// The secret that we show it, sealed.
    pub secret: String,
    /// Of the mail addresses of those who come in by it.
    pub domains: Vec<String>,
    /// What newcomers become; absent where only those who are invited come in.
    pub role: Option<Role>,
}

const COLUMNS: &str = "publisher, issuer, client, secret, domains, role FROM single_sign_on";

fn read(row: &QueryResult) -> Result<SignOnRow> {
    let (domains, role): (String, Option<String>) = (get(row, "domains")?, get(row, "role")?);
    Ok(SignOnRow {
        publisher: parse(row, "publisher")?,
        issuer: get(row, "issuer")?,
        client: get(row, "client")?,
        secret: get(row, "secret")?,
        domains: domains.split_whitespace().map(str::to_owned).collect(),
        role: role.map(|_| super::from_word(row, "role")).transpose()?,
    })
}

/// A publisher's.
pub async fn of(db: &impl ConnectionTrait, publisher: &Slug) -> Result<Option<SignOnRow>> {
    let sql = format!("SELECT {COLUMNS} WHERE publisher = $1");
    one(db, &sql, [text(publisher)]).await?.map(|row| read(&row)).transpose()
}

/// Those for addresses of a domain.
pub async fn for_domain(db: &impl ConnectionTrait, domain: &str) -> Rows<SignOnRow> {
    let sql = format!("SELECT {COLUMNS} WHERE ' ' || domains || ' ' LIKE $1 ESCAPE '\\' ORDER BY publisher");
    all(db, &sql, [containing(&format!(" {domain} "))], read).await
}

/// Sets a publisher's up, in place of the one of before.
pub async fn set(tx: &Tx, new: &SignOnRow) -> Result<()> {
    let sql = "INSERT INTO single_sign_on (publisher, issuer, client, secret, domains, role) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (publisher) DO UPDATE SET issuer = excluded.issuer, \
               client = excluded.client, secret = excluded.secret, domains = excluded.domains, role = excluded.role";
    let values = [
        text(&new.publisher),
        text(&new.issuer),
        text(&new.client),
        text(&new.secret),
        text(new.domains.join(" ")),
        maybe_text(new.role.map(|role| word(&role))),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Forgets a publisher's; sessions that were begun by it end.
pub async fn remove(tx: &Tx, publisher: &Slug) -> Result<()> {
    for table in ["single_sign_on", "sessions"] {
        run(&**tx, &format!("DELETE FROM {table} WHERE publisher = $1"), [text(publisher)]).await?;
    }
    Ok(())
}

/// Forgets everything of a publisher that is deleted.
pub async fn forget(tx: &Tx, publisher: &Slug) -> Result<()> {
    remove(tx, publisher).await?;
    run(&**tx, "DELETE FROM identities WHERE publisher = $1", [text(publisher)]).await?;
    Ok(())
}

/// Whom a publisher's provider calls so.
pub async fn identity(db: &impl ConnectionTrait, row: &SignOnRow, subject: &str) -> Result<Option<PersonId>> {
    let sql = "SELECT person FROM identities WHERE publisher = $1 AND issuer = $2 AND subject = $3";
    let found = one(db, sql, [text(&row.publisher), text(&row.issuer), text(subject)]).await?;
    found.map(|row| parse(&row, "person")).transpose()
}

/// Keeps whom it calls so.
pub async fn link(tx: &Tx, row: &SignOnRow, subject: &str, person: PersonId, at: Millis) -> Result<()> {
    let sql = "INSERT INTO identities (publisher, issuer, subject, person, created_at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (publisher, issuer, subject) DO NOTHING";
    run(&**tx, sql, [text(&row.publisher), text(&row.issuer), text(subject), text(person), big(at)]).await?;
    Ok(())
}

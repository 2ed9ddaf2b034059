//! What people show besides a password: the code of an app, a code on paper. And who has shown the password only.

use domain::{PersonId, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Tx, big, count, get, number, one, parse, run, text};

/// An authenticator app as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeApp {
    /// Its secret, sealed.
    pub secret: String,
    /// The step of the last code that was used.
    pub last_step: u64,
    /// When it was set up.
    pub created_at: Millis,
}

/// Tables of which the rows of somebody say how they come in.
const TABLES: [&str; 5] = ["code_apps", "recovery_codes", "passkeys", "half_logins", "device_logins"];

/// How many second factors the person `p` has.
pub(super) const COUNT: &str = "(SELECT COUNT(*) FROM code_apps a WHERE a.person = p.id) \
                                + (SELECT COUNT(*) FROM passkeys k WHERE k.person = p.id)";

/// How many second factors somebody has.
pub async fn of(db: &impl ConnectionTrait, person: PersonId) -> Result<u64> {
    count(db, &format!("SELECT {COUNT} AS n FROM people p WHERE p.id = $1"), [text(person)]).await
}

/// Whether a publisher requires a second factor that somebody does not have.
pub async fn lacks(db: &impl ConnectionTrait, publisher: &Slug, person: PersonId) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) AS n FROM publishers b, people p \
         WHERE b.slug = $1 AND b.second_factor = 1 AND p.id = $2 AND {COUNT} = 0"
    );
    Ok(count(db, &sql, [text(publisher), text(person)]).await? > 0)
}

/// Somebody's app.
pub async fn app(db: &impl ConnectionTrait, person: PersonId) -> Result<Option<CodeApp>> {
    let read = |row: QueryResult| {
        Ok(CodeApp {
            secret: get(&row, "secret")?,
            last_step: number(&row, "last_step")?,
            created_at: number(&row, "created_at")?,
        })
    };
    let sql = "SELECT secret, last_step, created_at FROM code_apps WHERE person = $1";
    one(db, sql, [text(person)]).await?.map(read).transpose()
}

/// Keeps an app in place of the one of before.
pub async fn set_app(tx: &Tx, person: PersonId, new: &CodeApp) -> Result<()> {
    let sql = "INSERT INTO code_apps (person, secret, last_step, created_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (person) DO UPDATE SET secret = excluded.secret, last_step = excluded.last_step, \
               created_at = excluded.created_at";
    run(&**tx, sql, [text(person), text(&new.secret), big(new.last_step), big(new.created_at)]).await?;
    Ok(())
}

/// Uses the code of a step up; `false` when it, or a later one, was used.
pub async fn use_step(tx: &Tx, person: PersonId, step: u64) -> Result<bool> {
    let sql = "UPDATE code_apps SET last_step = $2 WHERE person = $1 AND last_step < $2";
    Ok(run(&**tx, sql, [text(person), big(step)]).await?.rows_affected() > 0)
}

/// Forgets somebody's app; `false` when they have none.
pub async fn remove_app(tx: &Tx, person: PersonId) -> Result<bool> {
    Ok(run(&**tx, "DELETE FROM code_apps WHERE person = $1", [text(person)]).await?.rows_affected() > 0)
}

/// How many codes on paper somebody has left.
pub async fn codes_left(db: &impl ConnectionTrait, person: PersonId) -> Result<u64> {
    count(db, "SELECT COUNT(*) AS n FROM recovery_codes WHERE person = $1", [text(person)]).await
}

/// Keeps the hashes of somebody's codes on paper, in place of those of before.
pub async fn set_codes(tx: &Tx, person: PersonId, hashes: &[String]) -> Result<()> {
    run(&**tx, "DELETE FROM recovery_codes WHERE person = $1", [text(person)]).await?;
    for hash in hashes {
        let sql = "INSERT INTO recovery_codes (person, sha256) VALUES ($1, $2)";
        run(&**tx, sql, [text(person), text(hash)]).await?;
    }
    Ok(())
}

/// Uses a code on paper up; `false` when there is none of that hash.
pub async fn use_code(tx: &Tx, person: PersonId, sha256: &str) -> Result<bool> {
    let sql = "DELETE FROM recovery_codes WHERE person = $1 AND sha256 = $2";
    Ok(run(&**tx, sql, [text(person), text(sha256)]).await?.rows_affected() > 0)
}

/// Forgets everything that somebody shows besides a password.
pub async fn forget(tx: &Tx, person: PersonId) -> Result<()> {
    for table in TABLES {
        run(&**tx, &format!("DELETE FROM {table} WHERE person = $1"), [text(person)]).await?;
    }
    Ok(())
}

/// The same for everybody of a portal that is deleted.
pub(super) async fn forget_realm(tx: &Tx, realm: &str) -> Result<()> {
    for table in TABLES {
        let sql = format!("DELETE FROM {table} WHERE person IN (SELECT id FROM people WHERE realm = $1)");
        run(&**tx, &sql, [text(realm)]).await?;
    }
    Ok(())
}

/// Keeps that somebody has shown their password, under the hash of what their browser keeps.
pub async fn begin_login(tx: &Tx, sha256: &str, person: PersonId, expires_at: Millis) -> Result<()> {
    let sql = "INSERT INTO half_logins (sha256, person, expires_at) VALUES ($1, $2, $3)";
    run(&**tx, sql, [text(sha256), text(person), big(expires_at)]).await?;
    Ok(())
}

/// Who has shown their password, if it is not too long ago.
pub async fn half_login(db: &impl ConnectionTrait, sha256: &str, now: Millis) -> Result<Option<PersonId>> {
    let sql = "SELECT person FROM half_logins WHERE sha256 = $1 AND expires_at > $2";
    one(db, sql, [text(sha256), big(now)]).await?.map(|row| parse(&row, "person")).transpose()
}

/// Ends a login that was half done; `false` when it was ended already.
pub async fn end_login(tx: &Tx, sha256: &str) -> Result<bool> {
    Ok(run(&**tx, "DELETE FROM half_logins WHERE sha256 = $1", [text(sha256)]).await?.rows_affected() > 0)
}

/// Ends all of somebody's that are half done: their password is another by now.
pub async fn end_logins(tx: &Tx, person: PersonId) -> Result<()> {
    run(&**tx, "DELETE FROM half_logins WHERE person = $1", [text(person)]).await?;
    Ok(())
}

/// Deletes those that ended before a time.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    Ok(run(&**tx, "DELETE FROM half_logins WHERE expires_at < $1", [big(before)]).await?.rows_affected())
}

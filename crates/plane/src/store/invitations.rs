//! Offers of an account that were sent to somebody. Only hashes of their links are kept.

use domain::{InvitationId, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::people::{Membership, columns_of, read_membership};
use super::{Result, Rows, Tx, all, big, get, number, one, parse, run, text};
use crate::access::{Reach, Role};
use crate::wire::word;

/// An invitation as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRow {
    /// Its id.
    pub id: InvitationId,
    /// To whom, in lower case.
    pub mail: String,
    /// What they are to be, and where.
    pub membership: Membership,
    /// Who invited them.
    pub invited_by: String,
    /// When.
    pub created_at: Millis,
    /// Until when it can be accepted.
    pub expires_at: Millis,
}

impl InvitationRow {
    /// The publisher whose portal the account is for; absent for the console.
    pub fn realm(&self) -> Option<Slug> {
        match self.membership.role {
            Role::CustomerAdmin | Role::CustomerUser => self.membership.reach.publisher().cloned(),
            _ => None,
        }
    }
}

const COLUMNS: &str = "id, mail, publisher, customer, role, invited_by, created_at, expires_at FROM invitations";

fn read(row: &QueryResult) -> Result<InvitationRow> {
    Ok(InvitationRow {
        id: parse(row, "id")?,
        mail: get(row, "mail")?,
        membership: read_membership(row)?,
        invited_by: get(row, "invited_by")?,
        created_at: number(row, "created_at")?,
        expires_at: number(row, "expires_at")?,
    })
}

/// Keeps a new invitation under the hash of its link, in place of one that the same person sent to
/// the same address for the same before.
pub async fn create(tx: &Tx, sha256: &str, new: &InvitationRow) -> Result<()> {
    let (publisher, customer) = columns_of(&new.membership.reach);
    let sql = "DELETE FROM invitations WHERE mail = $1 AND publisher = $2 AND customer = $3 AND role = $4 \
               AND invited_by = $5";
    let role = word(&new.membership.role);
    let values = [text(&new.mail), text(&publisher), text(&customer), text(role), text(&new.invited_by)];
    run(&**tx, sql, values).await?;
    let sql = "INSERT INTO invitations (sha256, id, mail, publisher, customer, role, invited_by, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = [
        text(sha256),
        text(new.id),
        text(&new.mail),
        text(publisher),
        text(customer),
        text(word(&new.membership.role)),
        text(&new.invited_by),
        big(new.created_at),
        big(new.expires_at),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// The invitation whose link has that hash.
pub async fn find(db: &impl ConnectionTrait, sha256: &str) -> Result<Option<InvitationRow>> {
    let sql = format!("SELECT {COLUMNS} WHERE sha256 = $1");
    one(db, &sql, [text(sha256)]).await?.map(|row| read(&row)).transpose()
}

/// Invitations to exactly there, the newest first.
pub async fn of(db: &impl ConnectionTrait, reach: &Reach) -> Rows<InvitationRow> {
    let (publisher, customer) = columns_of(reach);
    let sql = format!("SELECT {COLUMNS} WHERE publisher = $1 AND customer = $2 ORDER BY id DESC");
    all(db, &sql, [text(publisher), text(customer)], read).await
}

/// The invitation of that id, if it is to somewhere within reach.
pub async fn with_id(db: &impl ConnectionTrait, reach: &Reach, id: InvitationId) -> Result<Option<InvitationRow>> {
    let mut values = vec![text(id)];
    let mine = reach.sql("publisher", "customer", &mut values);
    one(db, &format!("SELECT {COLUMNS} WHERE id = $1{mine}"), values).await?.map(|row| read(&row)).transpose()
}

/// Deletes an invitation; `false` when there is none of that id.
pub async fn delete(tx: &Tx, id: InvitationId) -> Result<bool> {
    Ok(run(&**tx, "DELETE FROM invitations WHERE id = $1", [text(id)]).await?.rows_affected() > 0)
}

/// Deletes those that ended before a time.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    Ok(run(&**tx, "DELETE FROM invitations WHERE expires_at < $1", [big(before)]).await?.rows_affected())
}

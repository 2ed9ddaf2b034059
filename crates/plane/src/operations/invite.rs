//! Offers somebody an account: an owner a colleague, a publisher a customer's people, a person themself when they sign up.

use domain::{InvitationId, Slug};
use serde_json::json;

use super::create_token::{may_give, reach_of};
use super::log_in::{From, normal_mail};
use super::{Actor, Thing, record_as};
use crate::Plane;
use crate::access::{Reach, Role};
use crate::letters::{self, Letter};
use crate::problem::{Answer, Refusal};
use crate::secret::Secret;
use crate::store::Tx;
use crate::store::invitations::{self, InvitationRow};
use crate::store::people::Membership;
use crate::web::design::Language;
use crate::wire::{CreateInvitation, word};

/// Milliseconds that an invitation can be accepted.
const LASTS: u64 = 7 * 24 * 3600 * 1000;

/// An invitation and its link, which only its recipient and its sender get to see.
pub struct Invited {
    /// What was recorded.
    pub row: InvitationRow,
    /// Where it is accepted.
    pub link: String,
    /// Whether a letter with the link goes out.
    pub mailed: bool,
}

/// Invites somebody to be something somewhere.
pub async fn invite(plane: &Plane, actor: &Actor, input: CreateInvitation, language: Language) -> Answer<Invited> {
    let mail = normal_mail(&input.mail)?;
    let tx = plane.store.write().await?;
    let reach = reach_of(&tx, actor, input.role, input.publisher, input.customer).await?;
    if !may_give(actor.role, input.role) {
        let detail = format!("your role is {}; it cannot invite a {}", word(&actor.role), word(&input.role));
        return Err(Refusal::new(http::StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let membership = Membership { role: input.role, reach };
    if plane.mail_is_set_up()
        && actor.role != Role::Operator
        && let Some(seconds) = plane.guesses.invitation(&actor.reach, &mail, plane.now())
    {
        return Err(Refusal::too_many_invitations(seconds));
    }
    let invited = send(plane, &tx, &actor.name_in_letters(), &mail, membership, language).await?;
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(invited)
}

/// A person invites themself: with a realm to be a new customer there, without one to be a new publisher.
pub async fn sign_up(
    plane: &Plane,
    realm: Option<&Slug>,
    mail: &str,
    language: Language,
    from: &From,
) -> Answer<Invited> {
    if !plane.sign_up_is_open() {
        let detail = "accounts are made by invitation here; ask whoever runs this for one";
        return Err(Refusal::new(http::StatusCode::FORBIDDEN, "sign-up-closed", detail));
    }
    let mail = normal_mail(mail)?;
    if let Some(seconds) = plane.guesses.letter((realm.cloned(), mail.clone()), from.address, plane.now()) {
        return Err(Refusal::too_many_letters(seconds));
    }
    let membership = match realm {
        None => Membership { role: Role::Owner, reach: Reach::All },
        Some(publisher) => Membership { role: Role::CustomerAdmin, reach: Reach::Publisher(publisher.clone()) },
    };
    let tx = plane.store.write().await?;
    let invited = send(plane, &tx, &mail, &mail, membership, language).await?;
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(invited)
}

async fn send(
    plane: &Plane,
    tx: &Tx,
    by: &str,
    mail: &str,
    membership: Membership,
    language: Language,
) -> Answer<Invited> {
    let (secret, at) = (Secret::new(""), plane.now());
    let row = InvitationRow {
        id: InvitationId::new(),
        mail: mail.to_owned(),
        membership,
        invited_by: by.to_owned(),
        created_at: at,
        expires_at: at + LASTS,
    };
    invitations::create(tx, &secret.sha256, &row).await?;
    let thing = Thing { id: row.id.to_string(), name: Some(mail.to_owned()), ..Thing::at(&row.membership.reach) };
    record_as(plane, tx, by, "invitation.create", thing, json!({ "role": row.membership.role })).await?;
    let link = format!("{}/join/{}", plane.site(&**tx, row.realm().as_ref()).await?, secret.text);
    let mailed = plane.mail_is_set_up();
    if mailed {
        let key = if by == mail { "letter-signup" } else { "letter-invitation" };
        let letter = Letter { to: mail, key, values: &[("by", by), ("link", &link)] };
        letters::send_as(plane, tx, row.realm().as_ref(), language, letter).await?;
    }
    Ok(Invited { row, link, mailed })
}

//! Makes somebody something else where they are. A place always keeps somebody who decides.

use domain::PersonId;
use serde_json::json;

use super::create_token::may_give;
use super::tell_admins::tell_of_member;
use super::{Actor, Thing, record, short};
use crate::Plane;
use crate::access::{Reach, Role};
use crate::problem::{Answer, Refusal};
use crate::store::people::{self, Member, Membership};
use crate::store::{Tx, sessions, tokens};
use crate::wire::word;

/// Changes it.
pub async fn change_role(plane: &Plane, actor: &Actor, reach: &Reach, person: &str, role: Role) -> Answer<Member> {
    let tx = plane.store.write().await?;
    let member = find(&tx, reach, person).await?;
    let fits = match reach {
        Reach::All => role == Role::Operator,
        Reach::Publisher(_) => !matches!(role, Role::Operator | Role::CustomerAdmin | Role::CustomerUser),
        Reach::Customer(_) => matches!(role, Role::CustomerAdmin | Role::CustomerUser),
    };
    if !fits {
        return Err(Refusal::invalid("bad-role", format!("nobody can be {} there", word(&role))));
    }
    require_right(actor, member.role)?;
    require_right(actor, role)?;
    require_another(&tx, reach, &member, role).await?;
    let membership = Membership { role, reach: reach.clone() };
    people::join(&tx, member.person.id, &membership, plane.now()).await?;
    let thing = thing(&member, reach);
    record(plane, &tx, actor, "member.role", thing, json!({ "from": member.role, "to": role })).await?;
    tell_of_member(plane, &tx, reach, &member.person, Some(role), &actor.name_in_letters()).await?;
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(Member { role, ..member })
}

/// Takes somebody's place away, with the tokens they made there. Who is nothing anywhere any more is logged out.
pub async fn remove_member(plane: &Plane, actor: &Actor, reach: &Reach, person: &str) -> Answer<()> {
    let tx = plane.store.write().await?;
    let member = find(&tx, reach, person).await?;
    // Everybody may leave.
    if actor.person() != Some(member.person.id) {
        require_right(actor, member.role)?;
    }
    // No role at all is less than any.
    require_another(&tx, reach, &member, Role::Billing).await?;
    people::leave(&tx, member.person.id, reach).await?;
    tokens::delete_of(&tx, member.person.id, reach).await?;
    if people::memberships(&*tx, member.person.id).await?.is_empty() {
        sessions::end_all(&tx, member.person.id, None).await?;
    }
    record(plane, &tx, actor, "member.remove", thing(&member, reach), json!({ "role": member.role })).await?;
    tell_of_member(plane, &tx, reach, &member.person, None, &actor.name_in_letters()).await?;
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(())
}

fn thing<'a>(member: &Member, reach: &'a Reach) -> Thing<'a> {
    Thing { id: member.person.id.to_string(), name: Some(member.person.mail.clone()), ..Thing::at(reach) }
}

pub(super) async fn find(tx: &Tx, reach: &Reach, text: &str) -> Answer<Member> {
    let id = text.parse::<PersonId>().ok();
    let members = people::members(&**tx, reach).await?;
    let found = members.into_iter().find(|member| Some(member.person.id) == id || member.person.mail == text);
    found.ok_or_else(|| Refusal::missing("unknown-member", format!("there is no member \"{}\" there", short(text))))
}

fn require_right(actor: &Actor, role: Role) -> Answer<()> {
    if may_give(actor.role, role) {
        return Ok(());
    }
    let detail = format!("your role is {}; it decides nothing about a {}", word(&actor.role), word(&role));
    Err(Refusal::new(http::StatusCode::FORBIDDEN, "forbidden", detail))
}

/// That somebody is left who decides.
async fn require_another(tx: &Tx, reach: &Reach, member: &Member, role: Role) -> Answer<()> {
    let decides = matches!(member.role, Role::Operator | Role::Owner | Role::CustomerAdmin);
    if !decides || role == member.role || people::count(&**tx, reach, member.role).await? > 1 {
        return Ok(());
    }
    let detail =
        format!("{} is the only {} there; make somebody else one first", member.person.mail, word(&member.role));
    Err(Refusal::conflict("last-one", detail))
}

//! A publisher's own people.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::Slug;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::{Console, value};
use crate::Plane;
use crate::access::{OPERATOR, OWNERS, Reach, Role};
use crate::operations::Actor;
use crate::operations::change_publisher::change_publisher;
use crate::operations::change_role::{change_role, remove_member};
use crate::operations::invite::{Invited, invite as invite_somebody};
use crate::operations::second_factor::reset_second_factor as reset;
use crate::operations::withdraw_invitation::withdraw_invitation;
use crate::problem::Answer;
use crate::store::{invitations, people, publishers};
use crate::web::Path;
use crate::web::api::people::invitation;
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::wire::{ChangePublisher, CreateInvitation};

const TEMPLATE: &str = "console/team.html";

/// A member as pages show them.
#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    mail: String,
    role: Role,
    since: u64,
    second_factor: bool,
}

/// Who is what there, and who is invited to be.
pub async fn people_values(plane: &Plane, reach: &Reach) -> Answer<Value> {
    let members = people::members(plane.store.read(), reach).await?;
    let shown: Vec<Shown> = members
        .into_iter()
        .map(|member| Shown {
            id: member.person.id.to_string(),
            name: member.person.name,
            mail: member.person.mail,
            role: member.role,
            since: member.since,
            second_factor: member.factors > 0,
        })
        .collect();
    let open = invitations::of(plane.store.read(), reach).await?;
    let open: Vec<_> = open.into_iter().filter(|row| row.expires_at > plane.now()).map(invitation).collect();
    Ok(context! { members => value(&shown), invitations => value(&open) })
}

/// Invites somebody in the language of who does; they will choose theirs.
pub async fn send_invitation(
    plane: &Plane,
    visit: &Visit,
    actor: &Actor,
    mail: String,
    role: Role,
    customer: Option<Slug>,
) -> Answer<Invited> {
    let wanted = CreateInvitation { mail, role, publisher: None, customer };
    invite_somebody(plane, actor, wanted, visit.view.language).await
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let values = values(&plane, &visit, &actor, None).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, link: Option<&str>) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    Ok(context! {
        shell => page.shell("/team")?,
        base => page.base(),
        may_decide => page.is(OWNERS),
        may_reset => page.is(OPERATOR),
        developers_exec => publishers::find(plane.store.read(), &actor.reach, page.publisher()?)
            .await?
            .is_some_and(|publisher| publisher.developers_exec),
        own => visit.person()?.id.to_string(),
        link,
        ..people_values(plane, &actor.reach).await?
    })
}

/// Somebody to be invited.
#[derive(Debug, Deserialize)]
pub struct Invite {
    mail: String,
    role: Role,
}

pub async fn invite(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Invite>,
) -> Answer<Response> {
    match send_invitation(&plane, &visit, &actor, input.mail, input.role, None).await {
        // Whoever cannot be written to gets the link by hand.
        Ok(invited) => {
            let values = values(&plane, &visit, &actor, Some(&invited.link)).await?;
            let key = if invited.mailed { "done-invited" } else { "done-invited-by-hand" };
            let view = visit.view.clone().flash("good", plane.pages.text(visit.view.language, key));
            Ok(plane.pages.page(&view, TEMPLATE, values))
        }
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?),
    }
}

pub async fn withdraw(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, id)): Path<(String, String)>,
) -> Answer<Response> {
    withdraw_invitation(&plane, &actor, &id).await?;
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    Ok(lead(&format!("{base}/team"), Some(("good", "done-withdrawn"))))
}

/// What somebody is to be.
#[derive(Debug, Deserialize)]
pub struct Change {
    role: Role,
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, person)): Path<(String, String)>,
    Form(input): Form<Change>,
) -> Answer<Response> {
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    match change_role(&plane, &actor, &actor.reach, &person, input.role).await {
        Ok(_) => Ok(lead(&format!("{base}/team"), Some(("good", "done-role")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?),
    }
}

pub async fn remove(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, person)): Path<(String, String)>,
) -> Answer<Response> {
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    let own = visit.person()?.id.to_string() == person;
    match remove_member(&plane, &actor, &actor.reach, &person).await {
        Ok(()) if own => Ok(lead("/", None)),
        Ok(()) => Ok(lead(&format!("{base}/team"), Some(("good", "done-member-removed")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?),
    }
}

/// Forgets the second factor of somebody who lost theirs.
pub async fn reset_second_factor(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, person)): Path<(String, String)>,
) -> Answer<Response> {
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    reset(&plane, &actor, &actor.reach, &person).await?;
    Ok(lead(&format!("{base}/team"), Some(("good", "done-second-factor-reset"))))
}

/// What developers may.
#[derive(Debug, Deserialize)]
pub struct Exec {
    developers: Option<String>,
}

pub async fn exec(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Exec>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let wanted = ChangePublisher { name: None, developers_exec: Some(input.developers.is_some()) };
    change_publisher(&plane, &actor, page.publisher()?, wanted).await?;
    Ok(lead(&format!("{}/team", page.base()), Some(("good", "done-settings"))))
}

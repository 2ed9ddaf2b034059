//! The people of a place, which is a publisher (its team, in the console) or a customer (in a portal): the same forms for both.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::Slug;
use minijinja::value::merge_maps;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::console::apps::{Confirm, require_typed};
use super::console::{Console, value};
use super::entry::{Form, again};
use super::portal::Inside;
use super::visit::{Visit, lead};
use crate::Plane;
use crate::access::{OPERATOR, OWNERS, Reach, Role};
use crate::operations::Actor;
use crate::operations::change_role::{change_role, remove_member};
use crate::operations::invite::{Invited, invite as invite_somebody};
use crate::operations::second_factor::reset_second_factor as reset;
use crate::operations::withdraw_invitation::withdraw_invitation;
use crate::problem::{Answer, Refusal};
use crate::store::{invitations, people, publishers};
use crate::web::Path;
use crate::web::api::people::invitation;
use crate::wire::CreateInvitation;

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

/// The page of a publisher's people again, with what was refused.
pub async fn team_again(plane: &Plane, visit: &Visit, actor: &Actor, refusal: Refusal) -> Answer<Response> {
    People { plane, visit, actor }.done(Err(refusal), "").await
}

/// Somebody that a path names, whatever place stands before.
#[derive(Debug, Deserialize)]
pub struct Named {
    /// The person.
    pub member: String,
}

/// An invitation that a path names.
#[derive(Debug, Deserialize)]
pub struct NamedInvitation {
    /// Its id.
    pub invitation: String,
}

/// Somebody to be invited.
#[derive(Debug, Deserialize)]
pub struct Invite {
    mail: String,
    role: Role,
}

impl Invite {
    /// Invites in the language of who does; they will choose theirs.
    pub async fn send(self, plane: &Plane, visit: &Visit, actor: &Actor, customer: Option<Slug>) -> Answer<Invited> {
        let wanted = CreateInvitation { mail: self.mail, role: self.role, publisher: None, customer };
        invite_somebody(plane, actor, wanted, visit.view.language).await
    }
}

/// The page of those who were invited just now. Whoever cannot be written to gets the link by hand.
pub fn invited(plane: &Plane, visit: &Visit, invited: &Invited, template: &str, values: Value) -> Response {
    let key = if invited.mailed { "done-invited" } else { "done-invited-by-hand" };
    let view = visit.view.clone().flash("good", plane.pages.text(visit.view.language, key));
    plane.pages.page(&view, template, values)
}

/// A page of people and whose it is.
struct People<'a> {
    plane: &'a Plane,
    visit: &'a Visit,
    actor: &'a Actor,
}

impl People<'_> {
    fn template(&self) -> &'static str {
        if self.customer().is_some() { "portal/people.html" } else { "console/team.html" }
    }

    fn customer(&self) -> Option<&Slug> {
        match &self.actor.reach {
            Reach::Customer(key) => Some(&key.slug),
            Reach::All | Reach::Publisher(_) => None,
        }
    }

    /// Its place in the menu of the console: operators are no publisher's team.
    fn menu(&self) -> &'static str {
        if self.actor.reach == Reach::All { "/people" } else { "/team" }
    }

    /// Where the page is.
    fn href(&self) -> Answer<String> {
        let Self { plane, visit, actor } = *self;
        Ok(match self.customer() {
            Some(_) => format!("{}/people", Inside { plane, visit, actor }.base()?),
            None => format!("{}{}", Console { plane, visit, actor }.base(), self.menu()),
        })
    }

    async fn values(&self, link: Option<&str>) -> Answer<Value> {
        let Self { plane, visit, actor } = *self;
        let around = if self.customer().is_some() {
            let page = Inside { plane, visit, actor };
            context! { portal => page.frame("/people")?, base => page.base()? }
        } else {
            let page = Console { plane, visit, actor };
            let publisher = match actor.reach.publisher() {
                Some(slug) => publishers::find(plane.store.read(), &actor.reach, slug).await?,
                None => None,
            };
            context! {
                shell => page.shell(self.menu())?,
                base => page.base(),
                publisher => publisher.as_ref().map(value),
                may_decide => page.is(OWNERS),
                may_reset => page.is(OPERATOR),
            }
        };
        let own = visit.person()?.id.to_string();
        let people = people_values(plane, &actor.reach).await?;
        Ok(merge_maps([context! { own, link }, people, around]))
    }

    async fn done(&self, done: Answer<()>, key: &'static str) -> Answer<Response> {
        match done {
            Ok(()) => Ok(lead(&self.href()?, Some(("good", key)))),
            Err(refusal) => again(self.plane, self.visit, refusal, self.template(), self.values(None).await?),
        }
    }
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let page = People { plane: &plane, visit: &visit, actor: &actor };
    Ok(plane.pages.page(&visit.view, page.template(), page.values(None).await?))
}

pub async fn invite(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Invite>,
) -> Answer<Response> {
    let page = People { plane: &plane, visit: &visit, actor: &actor };
    match input.send(&plane, &visit, &actor, page.customer().cloned()).await {
        Ok(sent) => Ok(invited(&plane, &visit, &sent, page.template(), page.values(Some(&sent.link)).await?)),
        Err(refusal) => page.done(Err(refusal), "").await,
    }
}

pub async fn withdraw(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path(named): Path<NamedInvitation>,
) -> Answer<Response> {
    withdraw_invitation(&plane, &actor, &named.invitation).await?;
    People { plane: &plane, visit: &visit, actor: &actor }.done(Ok(()), "done-withdrawn").await
}

/// What somebody is to be.
#[derive(Debug, Deserialize)]
pub struct Change {
    /// What.
    pub role: Role,
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path(Named { member: person }): Path<Named>,
    Form(input): Form<Change>,
) -> Answer<Response> {
    let changed = change_role(&plane, &actor, &actor.reach, &person, input.role).await.map(drop);
    People { plane: &plane, visit: &visit, actor: &actor }.done(changed, "done-role").await
}

pub async fn remove(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path(Named { member: person }): Path<Named>,
    Form(input): Form<Confirm>,
) -> Answer<Response> {
    let own = visit.person()?.id.to_string() == person;
    let removed = remove_named(&plane, &actor, &actor.reach, &person, &input).await;
    if own && removed.is_ok() {
        return Ok(lead("/", None));
    }
    People { plane: &plane, visit: &visit, actor: &actor }.done(removed, "done-member-removed").await
}

/// Removes a member whose address was typed.
pub async fn remove_named(plane: &Plane, actor: &Actor, reach: &Reach, person: &str, typed: &Confirm) -> Answer<()> {
    let members = people::members(plane.store.read(), reach).await?;
    // Who is no member has no name to type; the operation says so.
    if let Some(member) = members.iter().find(|member| member.person.id.to_string() == person) {
        require_typed(&typed.confirm, &member.person.mail)?;
    }
    remove_member(plane, actor, reach, person).await
}

/// Forgets the second factor of somebody who lost theirs.
pub async fn reset_second_factor(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path(Named { member: person }): Path<Named>,
) -> Answer<Response> {
    reset(&plane, &actor, &actor.reach, &person).await?;
    People { plane: &plane, visit: &visit, actor: &actor }.done(Ok(()), "done-second-factor-reset").await
}

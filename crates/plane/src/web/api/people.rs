//! Who is what where, and who is invited to be.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{PersonId, Slug};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Plane;
use crate::access::Reach;
use crate::operations::change_mail::request_mail;
use crate::operations::change_role::{change_role, remove_member};
use crate::operations::invite::{Invited, invite};
use crate::operations::second_factor::reset_second_factor as reset;
use crate::operations::update_profile::update_profile;
use crate::operations::withdraw_invitation::withdraw_invitation;
use crate::operations::{Actor, customer_key, unknown_publisher};
use crate::problem::{Answer, Refusal};
use crate::store::invitations::{self, InvitationRow};
use crate::store::people::{self, PersonRow};
use crate::store::{customers, publishers};
use crate::web::design::Language;
use crate::web::{Json, Paging, Path, Query, json, page_of};
use crate::wire::{
    AddressAsked, ChangeAddress, ChangeProfile, ChangeRole, CreateInvitation, Invitation, Me, Member, Nothing, Profile,
};

/// Where: a publisher's, a customer's, or the caller's own place.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Place {
    /// At which publisher.
    publisher: Option<Slug>,
    /// At which customer.
    customer: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

impl Place {
    async fn reach(&self, plane: &Plane, actor: &Actor) -> Answer<Reach> {
        let own = actor.reach.publisher();
        if let Some(wanted) = self.publisher.as_ref().filter(|wanted| own.is_some_and(|own| own != *wanted)) {
            return Err(unknown_publisher(wanted));
        }
        match (&self.publisher, &self.customer) {
            (Some(publisher), Some(customer)) if !customer.contains(':') => {
                let text = format!("{publisher}:{customer}");
                Ok(Reach::Customer(customer_key(plane.store.read(), actor, &text).await?))
            }
            (_, Some(customer)) => Ok(Reach::Customer(customer_key(plane.store.read(), actor, customer).await?)),
            (Some(publisher), None) if actor.reach.customer().is_none() => Ok(Reach::Publisher(publisher.clone())),
            (_, None) => Ok(actor.reach.clone()),
        }
    }
}

pub async fn me(State(plane): State<Arc<Plane>>, actor: Actor) -> Answer<Response> {
    json(StatusCode::OK, &me_of(&plane, actor).await?)
}

async fn me_of(plane: &Plane, actor: Actor) -> Answer<Me> {
    let db = plane.store.read();
    let (publisher, customer) = (actor.reach.publisher().cloned(), actor.reach.customer().cloned());
    let publisher_name = match &publisher {
        Some(slug) => publishers::name(db, &actor.reach, slug).await?,
        None => None,
    };
    let customer_name = match &actor.reach {
        Reach::Customer(key) => customers::find(db, key).await?.map(|found| found.name),
        Reach::All | Reach::Publisher(_) => None,
    };
    let person = match actor.person() {
        Some(person) => people::find(db, person).await?,
        None => None,
    };
    Ok(Me {
        ticket_address: publisher.as_ref().and_then(|publisher| plane.ticket_address(publisher)),
        name: actor.name,
        role: actor.role,
        publisher,
        customer,
        publisher_name,
        customer_name,
        profile: person.map(|PersonRow { mail, name, language, time_zone, .. }| Profile {
            mail,
            name,
            language,
            time_zone,
        }),
    })
}

pub async fn change_me(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<ChangeProfile>,
) -> Answer<Response> {
    let person = people::find(plane.store.read(), own_person(&actor)?).await?;
    let person = person.ok_or_else(|| Refusal::missing("unknown-member", "this account is no more"))?;
    let language = input.language.as_deref().unwrap_or(&person.language);
    if Language::ALL.iter().all(|known| known.code() != language) {
        return Err(Refusal::invalid("bad-language", "there is no such language; there are: en, es"));
    }
    let name = input.name.as_deref().unwrap_or(&person.name);
    let time_zone = input.time_zone.as_deref().unwrap_or(&person.time_zone);
    update_profile(&plane, &person, name, language, time_zone).await?;
    json(StatusCode::OK, &me_of(&plane, actor).await?)
}

/// The person who asks, for what is a person's own.
fn own_person(actor: &Actor) -> Answer<PersonId> {
    actor.person().ok_or_else(|| {
        let detail = "this token belongs to nobody in particular; use one of your own";
        Refusal::new(StatusCode::FORBIDDEN, "not-personal", detail)
    })
}

pub async fn change_mail(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<ChangeAddress>,
) -> Answer<Response> {
    let person = people::find(plane.store.read(), own_person(&actor)?).await?;
    let person = person.ok_or_else(|| Refusal::missing("unknown-member", "this account is no more"))?;
    let mail = request_mail(&plane, &person, &input.mail, &input.proof).await?;
    json(StatusCode::ACCEPTED, &AddressAsked { mail })
}

pub async fn members(State(plane): State<Arc<Plane>>, actor: Actor, Query(place): Query<Place>) -> Answer<Response> {
    let reach = place.reach(&plane, &actor).await?;
    let members = people::members(plane.store.read(), &reach).await?;
    let shown = members.into_iter().map(|member| shown(&actor, member)).collect();
    json(StatusCode::OK, &page_of::<Member>(shown, &place.paging)?)
}

fn shown(actor: &Actor, people::Member { person, role, since, factors }: people::Member) -> Member {
    let second_factor = actor.decides().then_some(factors > 0);
    Member { id: person.id, mail: person.mail, name: person.name, role, since, second_factor }
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(person): Path<String>,
    Query(place): Query<Place>,
    Json(input): Json<ChangeRole>,
) -> Answer<Response> {
    let reach = place.reach(&plane, &actor).await?;
    json(StatusCode::OK, &shown(&actor, change_role(&plane, &actor, &reach, &person, input.role).await?))
}

pub async fn remove(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(person): Path<String>,
    Query(place): Query<Place>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let reach = place.reach(&plane, &actor).await?;
    remove_member(&plane, &actor, &reach, &person).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn reset_second_factor(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(person): Path<String>,
    Query(place): Query<Place>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let reach = place.reach(&plane, &actor).await?;
    reset(&plane, &actor, &reach, &person).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An invitation as it is shown.
pub fn invitation(row: InvitationRow) -> Invitation {
    let reach = &row.membership.reach;
    Invitation {
        id: row.id,
        mail: row.mail,
        role: row.membership.role,
        publisher: reach.publisher().cloned(),
        customer: reach.customer().cloned(),
        invited_by: row.invited_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        link: None,
        mailed: None,
    }
}

pub async fn invitations(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Query(place): Query<Place>,
) -> Answer<Response> {
    let reach = place.reach(&plane, &actor).await?;
    let rows = invitations::of(plane.store.read(), &reach).await?;
    json(StatusCode::OK, &page_of(rows.into_iter().map(invitation).collect(), &place.paging)?)
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<CreateInvitation>,
) -> Answer<Response> {
    let Invited { row, link, mailed } = invite(&plane, &actor, input, Language::default()).await?;
    json(StatusCode::CREATED, &Invitation { link: Some(link), mailed: Some(mailed), ..invitation(row) })
}

pub async fn withdraw(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(id): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    withdraw_invitation(&plane, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

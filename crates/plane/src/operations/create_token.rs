//! Makes a key to the API: a person's own, or one of a place that belongs to nobody in particular.

use domain::{PersonId, Slug, TokenId};
use nimbus_api::Millis;
use serde_json::json;

use super::{Actor, Thing, line_for_people, record, require_publisher, unknown_publisher};
use crate::Plane;
use crate::access::{EVERYTHING, Reach, Role, Scope};
use crate::problem::{Answer, Refusal};
use crate::secret::Secret;
use crate::store::people::Membership;
use crate::store::tokens::{self, TokenRow};
use crate::store::{Tx, customers};
use crate::wire::{CreateToken, NewToken, word};

/// What every token begins with.
pub(super) const PREFIX: &str = "vct_";

/// Days that a token may serve at most.
pub(super) const DAYS: std::ops::RangeInclusive<u32> = 1..=3660;

pub(super) const DAY: Millis = 24 * 3600 * 1000;

/// Makes it. The answer is the only one that has its text.
pub async fn create_token(plane: &Plane, actor: &Actor, input: CreateToken) -> Answer<NewToken> {
    let name = line_for_people("name", &input.name)?;
    let scopes = scopes(&input.scopes)?;
    require_scopes(actor, &scopes)?;
    let days = input.days.unwrap_or(365);
    if !DAYS.contains(&days) {
        let detail = format!("key \"days\" is {days}; it must be {} to {}", DAYS.start(), DAYS.end());
        return Err(Refusal::invalid("bad-days", detail));
    }
    let tx = plane.store.write().await?;
    let (person, membership) = acts_as(&tx, actor, input.role, input.publisher, input.customer).await?;
    let (secret, at) = (Secret::new(PREFIX), plane.now());
    let row = TokenRow {
        id: TokenId::new().to_string(),
        name: name.clone(),
        person,
        membership,
        scopes,
        created_at: at,
        expires_at: Some(at + u64::from(days) * DAY),
        used_at: None,
    };
    tokens::create(&tx, &secret.sha256, &row).await?;
    let thing = Thing { id: row.id.clone(), name: Some(name), ..Thing::at(&row.membership.reach) };
    let detail = json!({ "role": row.membership.role, "scopes": row.scopes, "days": days });
    record(plane, &tx, actor, "token.create", thing, detail).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(NewToken { secret: secret.text, token: super::token_shown(row) })
}

pub(super) fn scopes(wanted: &[String]) -> Answer<Vec<String>> {
    let known =
        [Scope::Read, Scope::Publish, Scope::Deploy, Scope::Operate, Scope::Support, Scope::Mail, Scope::Manage];
    let known = known.map(|scope| word(&scope));
    if wanted.is_empty() {
        return Ok(vec![EVERYTHING.into()]);
    }
    if let Some(strange) = wanted.iter().find(|scope| !known.contains(scope) && *scope != EVERYTHING) {
        let strange: String = strange.chars().take(40).collect();
        let detail = format!("there is no scope \"{strange}\"; there are: {}, {EVERYTHING}", known.join(", "));
        return Err(Refusal::invalid("bad-scope", detail));
    }
    Ok(wanted.to_vec())
}

/// A token makes no other that can do more.
fn require_scopes(actor: &Actor, wanted: &[String]) -> Answer<()> {
    let Some(own) = &actor.scopes else { return Ok(()) };
    let has = |scope: &String| own.contains(scope) || own.iter().any(|one| one == EVERYTHING);
    match wanted.iter().find(|scope| **scope != word(&Scope::Read) && !has(scope)) {
        None => Ok(()),
        Some(more) => {
            let detail = format!("a token makes no other that can do more: yours lacks the scope \"{more}\"");
            Err(Refusal::new(http::StatusCode::FORBIDDEN, "scope", detail))
        }
    }
}

/// As whom it acts: without a role as its maker, otherwise as nobody in particular, with no more rights than they have.
async fn acts_as(
    tx: &Tx,
    actor: &Actor,
    role: Option<Role>,
    publisher: Option<Slug>,
    customer: Option<Slug>,
) -> Answer<(Option<PersonId>, Membership)> {
    let own = || Membership { role: actor.role, reach: actor.reach.clone() };
    let Some(role) = role else {
        if publisher.is_some() || customer.is_some() {
            let detail =
                "a token of your own acts where you do: leave \"publisher\" and \"customer\" out, or give a role";
            return Err(Refusal::invalid("bad-role", detail));
        }
        return Ok((actor.person(), own()));
    };
    let reach = reach_of(tx, actor, role, publisher, customer).await?;
    if !may_give(actor.role, role) {
        let detail = format!("your role is {}; it cannot give a token the role {}", word(&actor.role), word(&role));
        return Err(Refusal::new(http::StatusCode::FORBIDDEN, "forbidden", detail));
    }
    Ok((None, Membership { role, reach }))
}

/// Where somebody of that role is to be, within the actor's reach.
pub(super) async fn reach_of(
    tx: &Tx,
    actor: &Actor,
    role: Role,
    publisher: Option<Slug>,
    customer: Option<Slug>,
) -> Answer<Reach> {
    if role == Role::Operator {
        return match (&actor.reach, publisher, customer) {
            (Reach::All, None, None) => Ok(Reach::All),
            (Reach::All, ..) => Err(Refusal::invalid("bad-role", "an operator has no publisher and no customer")),
            (_, publisher, _) => Err(unknown_publisher(publisher.map_or("of the platform".into(), |p| p.to_string()))),
        };
    }
    let publisher = actor.publisher_for(publisher)?;
    require_publisher(tx, actor, &publisher).await?;
    match (role, customer) {
        (Role::CustomerAdmin | Role::CustomerUser, Some(customer)) => {
            let key = domain::Key::new(publisher, customer);
            let within = !matches!(&actor.reach, Reach::Customer(own) if *own != key);
            if !within || customers::find(&**tx, &key).await?.is_none() {
                return Err(super::delete_customer::unknown_customer(&key.slug));
            }
            Ok(Reach::Customer(key))
        }
        (Role::CustomerAdmin | Role::CustomerUser, None) => {
            Err(Refusal::invalid("bad-role", "this role needs the key \"customer\""))
        }
        (_, Some(_)) => Err(Refusal::invalid("bad-role", "this role is a publisher's: leave \"customer\" out")),
        (_, None) => Ok(Reach::Publisher(publisher)),
    }
}

/// Whether somebody of a role may make somebody another.
pub(super) fn may_give(own: Role, other: Role) -> bool {
    match own {
        Role::Operator => true,
        Role::Owner => other != Role::Operator,
        Role::Developer | Role::Support => matches!(other, Role::CustomerAdmin | Role::CustomerUser),
        Role::CustomerAdmin => matches!(other, Role::CustomerAdmin | Role::CustomerUser),
        Role::Billing | Role::CustomerUser => false,
    }
}

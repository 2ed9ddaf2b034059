//! Lets somebody who is logged in to a portal into an installation, without a further password: a pass that its edge
//! takes once, within a minute. Applications that do not take passes are opened at their address.

use domain::state::InstallationState;
use nimbus_api::Millis;
use nimbus_api::pass::{Claims, LASTS, PATH, Person};
use serde_json::{Value as Json, json};

use super::{Actor, find_installation, installation_event, not_in_that_state};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::secret::Secret;
use crate::store::installations::InstallationRow;
use crate::store::people::{self, PersonRow};
use crate::store::{events, versions};
use crate::wire::{Opened, Outcome, word};

/// As a person of the customer, with the role that they have there.
pub async fn open(plane: &Plane, actor: &Actor, installation: &str) -> Answer<Opened> {
    let row = find_installation(plane.store.read(), &actor.reach, installation).await?;
    let person = person(plane, actor).await?;
    let person = Person {
        id: person.id.to_string(),
        mail: person.mail,
        name: person.name,
        role: word(&actor.role),
        language: person.language,
        support: false,
    };
    let_in(plane, actor, &row, person, json!({})).await
}

/// As somebody of the publisher, by the customer's leave, which the caller has checked: `leave` says which, for the audit.
/// The application is told that it is support, and who.
pub async fn open_as_support(plane: &Plane, actor: &Actor, installation: &str, leave: &str) -> Answer<Opened> {
    let row = find_installation(plane.store.read(), &actor.reach, installation).await?;
    let person = person(plane, actor).await?;
    let person = Person {
        id: person.id.to_string(),
        mail: person.mail,
        name: person.name,
        role: "support".into(),
        language: person.language,
        support: true,
    };
    let_in(plane, actor, &row, person, json!({ "support": true, "leave": leave })).await
}

async fn person(plane: &Plane, actor: &Actor) -> Answer<PersonRow> {
    let nobody = || {
        let detail = "an application is opened as a person, and this token is nobody's; use one that a person made";
        Refusal::conflict("no-person", detail)
    };
    let id = actor.person().ok_or_else(nobody)?;
    people::find(plane.store.read(), id).await?.ok_or_else(nobody)
}

async fn let_in(plane: &Plane, actor: &Actor, row: &InstallationRow, person: Person, detail: Json) -> Answer<Opened> {
    if row.state != InstallationState::Running {
        let stopped = || {
            let detail = format!("installation {} is stopped; start it first", row.name);
            Refusal::conflict("stopped", detail)
        };
        return Err(if row.state == InstallationState::Stopped { stopped() } else { not_in_that_state(row) });
    }
    if !row.serves_http {
        let detail = format!("installation {} has no web pages", row.name);
        return Err(Refusal::conflict("no-http", detail));
    }
    let version = versions::find(plane.store.read(), &row.app_key(), row.version).await?;
    let takes = version.and_then(|version| version.manifest.http).is_some_and(|http| http.single_sign_on);
    let now = plane.now();
    let mut opened = Opened { url: plane.url(&row.name), single_sign_on: takes, expires_at: None };
    if takes {
        let portal = plane.site(plane.store.read(), Some(&row.publisher)).await?;
        let claims = claims(portal, row, person, now);
        opened.expires_at = Some(claims.exp * 1000);
        opened.url = format!("{}{PATH}?pass={}", opened.url, plane.passes.sign(&claims));
    }
    let event = installation_event(now, actor.name(), row, "installation.open", Outcome::Done, detail);
    let tx = plane.store.write().await?;
    events::record(&tx, &event).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(opened)
}

fn claims(iss: String, row: &InstallationRow, person: Person, now: Millis) -> Claims {
    let iat = now / 1000;
    let jti = Secret::new("").text;
    Claims { iss, aud: row.id, person, iat, exp: iat + LASTS, jti }
}

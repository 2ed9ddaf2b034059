//! What the operator looks after: servers, publishers, settings.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::Slug;
use minijinja::{Value, context};
use serde::Deserialize;

use super::platform::Limits;
use super::{Console, value};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::change_settings::change_settings;
use crate::operations::create_publisher::create_publisher;
use crate::operations::invite::invite;
use crate::operations::log_in::normal_mail;
use crate::operations::retry::retry as retry_operation;
use crate::problem::{Answer, Refusal};
use crate::settings::Security;
use crate::store::{operations, publishers};
use crate::web::api::servers::all as all_servers;
use crate::web::api::settings::shown as settings_shown;
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query, view};
use crate::wire::{
    ChangeIncoming, ChangeMail, ChangeMailBox, ChangeSettings, CreateInvitation, CreatePublisher, NamesProof,
    Retention, word,
};

const TEMPLATE: &str = "console/operator.html";

/// Publishers of a page.
const PAGE: u64 = 50;

/// Operations that are shown.
const MOST: u64 = 200;

/// Which publishers.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    q: Option<String>,
    after: Option<String>,
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let values = values_of(&plane, &visit, &actor, None, wanted).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, link: Option<&str>) -> Answer<Value> {
    values_of(plane, visit, actor, link, Wanted::default()).await
}

async fn values_of(plane: &Plane, visit: &Visit, actor: &Actor, link: Option<&str>, wanted: Wanted) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let db = plane.store.read();
    let q = wanted.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let after = wanted.after.unwrap_or_default();
    let mut found = publishers::list(db, &actor.reach, q, &after, PAGE + 1).await?;
    let next = visit.view.next(&mut found, PAGE, "after", |one| one.slug.to_string());
    let stuck = operations::Filter { state: Some(domain::state::OperationState::Stuck), installation: None };
    let stuck = operations::list(db, &actor.reach, &stuck, None, MOST).await?;
    let stuck: Vec<_> = stuck.into_iter().map(|row| view::operation(plane, row)).collect();
    let settings = plane.settings.get();
    let mail = settings.mail.as_ref().map(|mail| {
        context! {
            host => mail.host.clone(), port => mail.port, security => word(&mail.security), user => mail.user.clone(),
            from => mail.from.clone(), password => mail.password.is_some(),
        }
    });
    Ok(context! {
        shell => page.shell("")?,
        base => page.base(),
        publishers => value(&found),
        searching => q.is_some() || !after.is_empty() || next.is_some(),
        q,
        next,
        servers => value(&all_servers(plane).await?),
        stuck => value(&stuck),
        sign_up => settings.sign_up,
        webhook_networks => settings.webhook_networks.join("\n"),
        retention => value(&settings.retention),
        limits => value(&settings.publisher_limits),
        copy_hours => plane.keep_hours(),
        names_proof => word(&plane.names_proof()),
        mail,
        // The pages show no password, so that what is shown is what the API says.
        incoming => value(&settings_shown(plane, &settings).incoming),
        link,
    })
}

/// A new publisher and its first owner.
#[derive(Debug, Deserialize)]
pub struct New {
    slug: String,
    name: String,
    #[serde(default)]
    mail: String,
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<New>,
) -> Answer<Response> {
    let made = async {
        let bad = |error: domain::name::BadName| Refusal::invalid("bad-slug", error.to_string());
        let slug: Slug = input.slug.trim().parse().map_err(bad)?;
        let name = Some(input.name.trim().to_owned()).filter(|name| !name.is_empty());
        if !input.mail.trim().is_empty() {
            normal_mail(&input.mail)?;
        }
        create_publisher(&plane, &actor, CreatePublisher { slug: slug.clone(), name }).await?;
        if input.mail.trim().is_empty() {
            return Ok(None);
        }
        let role = crate::access::Role::Owner;
        let wanted = CreateInvitation { mail: input.mail.clone(), role, publisher: Some(slug), customer: None };
        invite(&plane, &actor, wanted, visit.view.language).await.map(Some)
    };
    match made.await {
        Ok(None) => Ok(lead("/operator", Some(("good", "done-publisher")))),
        Ok(Some(invited)) => {
            let values = values(&plane, &visit, &actor, Some(&invited.link)).await?;
            let key = if invited.mailed { "done-invited" } else { "done-invited-by-hand" };
            let view = visit.view.clone().flash("good", plane.pages.text(visit.view.language, key));
            Ok(plane.pages.page(&view, TEMPLATE, values))
        }
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?),
    }
}

/// The settings as the form has them: all of them.
#[derive(Debug, Deserialize)]
pub struct Settings {
    sign_up: Option<String>,
    names_proof: Option<NamesProof>,
    host: String,
    #[serde(default)]
    port: String,
    security: Security,
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    imap_host: String,
    #[serde(default)]
    imap_port: String,
    imap_security: Option<Security>,
    #[serde(default)]
    imap_user: String,
    #[serde(default)]
    imap_password: String,
    #[serde(default)]
    imap_folder: String,
    /// One a line, or with commas between.
    #[serde(default)]
    webhook_networks: String,
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Settings>,
) -> Answer<Response> {
    let given = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let number = |text: &str| match text.trim() {
        "" => Ok(None),
        port => port.parse().map(Some).map_err(|_| Refusal::invalid("bad-port", "a port is a number from 1 to 65535")),
    };
    let port = number(&input.port)?;
    let imap = match given(input.imap_host) {
        Some(host) => Some(ChangeMailBox {
            host,
            port: number(&input.imap_port)?,
            security: input.imap_security.unwrap_or(Security::Tls),
            user: input.imap_user.trim().to_owned(),
            password: given(input.imap_password),
            folder: given(input.imap_folder),
        }),
        None => None,
    };
    let incoming = ChangeIncoming { address: input.address.trim().to_owned(), imap };
    let mail = ChangeMail {
        host: input.host.trim().to_owned(),
        port,
        security: input.security,
        user: given(input.user),
        password: given(input.password),
        from: input.from.trim().to_owned(),
    };
    let networks = input.webhook_networks.split([',', ' ', '\r', '\n']).filter(|network| !network.is_empty());
    let wanted = ChangeSettings {
        sign_up: Some(input.sign_up.is_some()),
        webhook_networks: Some(networks.map(str::to_owned).collect()),
        mail: Some(mail),
        incoming: Some(incoming),
        names_proof: input.names_proof,
        ..ChangeSettings::default()
    };
    match change_settings(&plane, &actor, wanted).await {
        Ok(_) => Ok(lead("/operator", Some(("good", "done-settings")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?),
    }
}

/// How much is kept for how long, as the form has it.
#[derive(Debug, Deserialize)]
pub struct Kept {
    days: u32,
    events: u64,
    operations: u64,
    copy_hours: u32,
    /// That what is too much by this goes.
    delete: Option<String>,
}

impl Kept {
    /// That somebody who has things deleted by this has said so.
    fn check(&self, plane: &Plane) -> Answer<()> {
        let now = plane.settings.get().retention;
        let less = self.days < now.days
            || self.events < now.events
            || self.operations < now.operations
            || self.copy_hours < plane.keep_hours();
        if !less || self.delete.is_some() {
            return Ok(());
        }
        let detail = "less is kept by this, and what is too much is deleted for good; tick that you want it so. \
                      Nothing was changed";
        Err(Refusal::invalid("deletes-records", detail))
    }
}

pub async fn retain(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Kept>,
) -> Answer<Response> {
    if let Err(refusal) = input.check(&plane) {
        return again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?);
    }
    let Kept { days, events, operations, copy_hours, .. } = input;
    let retention = Retention { days, events, operations, copy_hours: Some(copy_hours) };
    let wanted = ChangeSettings { retention: Some(retention), ..ChangeSettings::default() };
    match change_settings(&plane, &actor, wanted).await {
        Ok(_) => Ok(lead("/operator", Some(("good", "done-settings")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?),
    }
}

/// What new publishers may have in all.
pub async fn limit(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Limits>,
) -> Answer<Response> {
    let changed = async {
        let publisher_limits = Some(input.read()?);
        change_settings(&plane, &actor, ChangeSettings { publisher_limits, ..ChangeSettings::default() }).await
    };
    match changed.await {
        Ok(_) => Ok(lead("/operator", Some(("good", "done-settings")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?),
    }
}

/// Has a stuck operation taken up again.
pub async fn retry(State(plane): State<Arc<Plane>>, actor: Actor, Path(id): Path<String>) -> Answer<Response> {
    retry_operation(&plane, &actor, &id).await?;
    Ok(lead("/operator", Some(("info", "done-retry"))))
}

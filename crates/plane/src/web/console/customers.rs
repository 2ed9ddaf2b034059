//! A publisher's customers and their people.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::{Key, Slug};
use minijinja::{Value, context};
use serde::Deserialize;

use super::apps::{Confirm, require_typed};
use super::{Console, value};
use crate::Plane;
use crate::access::{OWNERS, Reach, STAFF};
use crate::operations::change_customer::change_customer;
use crate::operations::change_role::change_role;
use crate::operations::create_customer::create_customer;
use crate::operations::delete_customer::{delete_customer, unknown_customer};
use crate::operations::withdraw_invitation::withdraw_invitation;
use crate::operations::{Actor, customer_key};
use crate::problem::{Answer, Refusal};
use crate::store::installations::Filter;
use crate::store::{customers, installations};
use crate::web::api::customers::send_archive;
use crate::web::entry::{Form, again};
use crate::web::people::{Change, Invite, invited, people_values, remove_named};
use crate::web::view;
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query};
use crate::wire::{ChangeCustomer, CreateCustomer, Customer};

/// Customers of a page.
const PAGE: u64 = 50;

/// Installations of one that are shown.
const MOST: u64 = 500;

/// Which ones.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    q: Option<String>,
    after: Option<Slug>,
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let values = list_values(&plane, &visit, &actor, wanted).await?;
    Ok(plane.pages.page(&visit.view, "console/customers.html", values))
}

async fn list_values(plane: &Plane, visit: &Visit, actor: &Actor, wanted: Wanted) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let db = plane.store.read();
    let publisher = page.publisher()?;
    let q = wanted.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let after = wanted.after.map(|slug| Key::new(publisher.clone(), slug));
    let mut all = customers::list(db, &actor.reach, q, after.as_ref(), PAGE + 1).await?;
    let next = visit.view.next(&mut all, PAGE, "after", |one| one.slug.to_string());
    Ok(context! {
        shell => page.shell("/customers")?,
        base => page.base(),
        may_make => page.is(STAFF),
        portal => plane.site(db, Some(publisher)).await?,
        customers => value(&all),
        q,
        next,
    })
}

/// A new customer.
#[derive(Debug, Deserialize)]
pub struct New {
    slug: String,
    name: String,
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<New>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let created = async {
        let bad = |error: domain::name::BadName| Refusal::invalid("bad-slug", error.to_string());
        let slug: Slug = input.slug.trim().parse().map_err(bad)?;
        let name = Some(input.name.trim().to_owned()).filter(|name| !name.is_empty());
        create_customer(&plane, &actor, CreateCustomer { publisher: None, slug, name }).await
    };
    match created.await {
        Ok(made) => Ok(lead(&format!("{}/customers/{}", page.base(), made.slug), Some(("good", "done-customer")))),
        Err(refusal) => {
            let values = list_values(&plane, &visit, &actor, Wanted::default()).await?;
            again(&plane, &visit, refusal, "console/customers.html", values)
        }
    }
}

async fn find(plane: &Plane, actor: &Actor, text: &str) -> Answer<(Key, Customer)> {
    let key = customer_key(plane.store.read(), actor, text).await?;
    let found = customers::find(plane.store.read(), &key).await?.ok_or_else(|| unknown_customer(text))?;
    Ok((key, found))
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let values = show_values(&plane, &visit, &actor, &text, None).await?;
    Ok(plane.pages.page(&visit.view, "console/customer.html", values))
}

async fn show_values(plane: &Plane, visit: &Visit, actor: &Actor, text: &str, link: Option<&str>) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let db = plane.store.read();
    let (key, customer) = find(plane, actor, text).await?;
    let filter = Filter { customer: Some(key.clone()), ..Filter::default() };
    let mut all = Vec::new();
    for row in installations::list(db, &actor.reach, &filter, "", MOST).await? {
        all.push(view::installation(plane, db, row).await?);
    }
    Ok(context! {
        shell => page.shell("/customers")?,
        base => page.base(),
        may_invite => page.is(STAFF),
        may_delete => page.is(OWNERS),
        customer => value(&customer),
        installations => value(&all),
        link,
        ..people_values(plane, &Reach::Customer(key)).await?
    })
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Form(input): Form<Confirm>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let (key, _) = find(&plane, &actor, &text).await?;
    let deleted = async {
        require_typed(&input.confirm, key.slug.as_str())?;
        delete_customer(&plane, &actor, &key).await
    };
    match deleted.await {
        Ok(()) => Ok(lead(&format!("{}/customers", page.base()), Some(("good", "done-customer-deleted")))),
        Err(refusal) => {
            let values = show_values(&plane, &visit, &actor, &text, None).await?;
            again(&plane, &visit, refusal, "console/customer.html", values)
        }
    }
}

pub async fn invite(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Form(input): Form<Invite>,
) -> Answer<Response> {
    let (key, _) = find(&plane, &actor, &text).await?;
    match input.send(&plane, &visit, &actor, Some(key.slug)).await {
        Ok(sent) => {
            let values = show_values(&plane, &visit, &actor, &text, Some(&sent.link)).await?;
            Ok(invited(&plane, &visit, &sent, "console/customer.html", values))
        }
        Err(refusal) => {
            let values = show_values(&plane, &visit, &actor, &text, None).await?;
            again(&plane, &visit, refusal, "console/customer.html", values)
        }
    }
}

/// What it is to be called.
#[derive(Debug, Deserialize)]
pub struct Name {
    name: String,
}

pub async fn rename(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Form(input): Form<Name>,
) -> Answer<Response> {
    let (key, _) = find(&plane, &actor, &text).await?;
    let changed = change_customer(&plane, &actor, &key, ChangeCustomer { name: Some(input.name) }).await;
    done(&plane, &visit, &actor, &key.slug, changed.map(drop), "done-customer-named").await
}

async fn done(
    plane: &Plane,
    visit: &Visit,
    actor: &Actor,
    slug: &Slug,
    done: Answer<()>,
    key: &'static str,
) -> Answer<Response> {
    let base = Console { plane, visit, actor }.base();
    match done {
        Ok(()) => Ok(lead(&format!("{base}/customers/{slug}"), Some(("good", key)))),
        Err(refusal) => {
            let values = show_values(plane, visit, actor, slug.as_str(), None).await?;
            again(plane, visit, refusal, "console/customer.html", values)
        }
    }
}

pub async fn withdraw(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text, id)): Path<(String, String, String)>,
) -> Answer<Response> {
    let (key, _) = find(&plane, &actor, &text).await?;
    let withdrawn = withdraw_invitation(&plane, &actor, &id).await;
    done(&plane, &visit, &actor, &key.slug, withdrawn, "done-withdrawn").await
}

pub async fn change_member(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text, person)): Path<(String, String, String)>,
    Form(input): Form<Change>,
) -> Answer<Response> {
    let (key, _) = find(&plane, &actor, &text).await?;
    let changed = change_role(&plane, &actor, &Reach::Customer(key.clone()), &person, input.role).await;
    done(&plane, &visit, &actor, &key.slug, changed.map(drop), "done-role").await
}

pub async fn remove_member(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text, person)): Path<(String, String, String)>,
    Form(input): Form<Confirm>,
) -> Answer<Response> {
    let (key, _) = find(&plane, &actor, &text).await?;
    let removed = remove_named(&plane, &actor, &Reach::Customer(key.clone()), &person, &input).await;
    done(&plane, &visit, &actor, &key.slug, removed, "done-member-removed").await
}

/// Everything that it has.
pub async fn archive(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let (key, _) = find(&plane, &actor, &text).await?;
    send_archive(&plane, &actor, visit.view, &key).await
}

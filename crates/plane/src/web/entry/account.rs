//! A person's own page: how they are called, their password, where they are logged in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::{Form, again, frame};
use crate::Plane;
use crate::operations::change_password::change_password;
use crate::operations::end_session::{end_other_sessions, end_session};
use crate::operations::update_profile::update_profile;
use crate::problem::Answer;
use crate::store::sessions;
use crate::web::Path;
use crate::web::design::{Language, Serde};
use crate::web::visit::{Visit, keep_session, lead};

pub(super) const TEMPLATE: &str = "entry/account.html";

/// A session as it is shown.
#[derive(Serialize)]
struct Shown {
    id: String,
    address: String,
    agent: String,
    seen_at: u64,
    own: bool,
}

pub(super) async fn values(plane: &Plane, visit: &Visit) -> Answer<Value> {
    let person = visit.person()?;
    let own = visit.session.as_ref().map(|session| session.id);
    let rows = sessions::of(plane.store.read(), person.id).await?;
    let all: Vec<Shown> = rows
        .into_iter()
        .map(|row| Shown {
            own: Some(row.id) == own,
            id: row.id.to_string(),
            address: row.address,
            agent: browser(&row.agent),
            seen_at: row.seen_at,
        })
        .collect();
    Ok(context! {
        sessions => Value::from(Serde(&all)),
        name => person.name.clone(),
        mail => person.mail.clone(),
        mails => plane.mail_is_set_up(),
        language => person.language.clone(),
        time_zone => person.time_zone.clone(),
        ..frame(visit)
    })
}

/// What people call a browser that calls itself many things.
pub fn browser(agent: &str) -> String {
    let known =
        [("Firefox/", "Firefox"), ("Edg/", "Edge"), ("OPR/", "Opera"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let find =
        |list: &[(&str, &'static str)]| list.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name);
    match (find(&known), find(&systems)) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => agent.chars().take(40).collect(),
    }
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit) -> Answer<Response> {
    Ok(plane.pages.page(&visit.view, TEMPLATE, values(&plane, &visit).await?))
}

/// How they want to be called.
#[derive(Debug, Deserialize)]
pub struct Profile {
    name: String,
    language: String,
    time_zone: String,
}

pub async fn change(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Profile>) -> Answer<Response> {
    let language = Language::of_tag(&input.language).unwrap_or_default();
    match update_profile(&plane, visit.person()?, &input.name, language.code(), &input.time_zone).await {
        // The choice of this browser would stand before that of the person.
        Ok(_) => Ok(lead(&format!("/account?language={}", language.code()), Some(("good", "done-account")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit).await?),
    }
}

/// A new password.
#[derive(Debug, Deserialize)]
pub struct Passwords {
    old: String,
    new: String,
}

pub async fn password(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Passwords>) -> Answer<Response> {
    match change_password(&plane, visit.person()?, input.old, input.new, &visit.from).await {
        Ok(secret) => {
            let mut response = lead("/account", Some(("good", "done-password")));
            keep_session(&visit, &mut response, Some(&secret.text));
            Ok(response)
        }
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit).await?),
    }
}

pub async fn end(State(plane): State<Arc<Plane>>, visit: Visit, Path(id): Path<String>) -> Answer<Response> {
    end_session(&plane, visit.person()?, &id).await?;
    Ok(lead("/account", Some(("good", "done-session"))))
}

pub async fn end_others(State(plane): State<Arc<Plane>>, visit: Visit) -> Answer<Response> {
    end_other_sessions(&plane, visit.person()?, visit.session.as_ref().map(|session| session.id)).await?;
    Ok(lead("/account", Some(("good", "done-sessions"))))
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn browsers_have_the_names_that_people_use() {
        let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        assert_eq!(browser(agent), "Chrome, Linux");
        assert_eq!(browser("curl/8"), "curl/8");
    }
}

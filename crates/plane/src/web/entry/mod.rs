//! To come in, and what is one's own there: the same in the console and in every portal.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use minijinja::{Value, context};
use serde::de::DeserializeOwned;

use super::design::{Person, Portal};
use super::visit::{Visit, keep_half, keep_session};
use crate::Plane;
use crate::operations::log_in::Entered;
use crate::problem::{Answer, Refusal};
use crate::refused::Why;
use crate::wire::ImageKind;

pub mod account;
pub mod api;
pub mod code;
pub mod device;
pub mod join;
pub mod login;
pub mod mail;
pub mod password;
pub mod security;
pub mod signup;
pub mod sso;
pub mod start;

/// A form that was sent.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Refusal;
    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        // The guard of every page has limited it.
        let bytes = Bytes::from_request(request, state).await.map_err(Refusal::internal)?;
        serde_urlencoded::from_bytes(&bytes)
            .map(Self)
            .map_err(|error| Refusal::invalid("bad-form", format!("the form cannot be read: {error}")))
    }
}

/// The same page again with what was refused at its top; what is our own fault has a page of its own.
pub fn again(plane: &Plane, visit: &Visit, refusal: Refusal, template: &str, values: Value) -> Answer<Response> {
    if refusal.status.is_server_error() {
        return Err(refusal);
    }
    let why = Why { code: refusal.code.to_string(), detail: refusal.detail.clone() };
    let text = plane.words(visit.view.language, &refusal.code, refusal.detail);
    let view = visit.view.clone().flash("bad", text);
    let mut response = plane.pages.page_with(refusal.status, &view, template, values);
    response.extensions_mut().insert(why);
    Ok(response)
}

/// Leads to where somebody wanted, or to what they are still to show.
pub fn let_in(visit: &Visit, entered: &Entered, to: &str) -> Response {
    match entered {
        Entered::In(secret) => {
            let mut response = Redirect::to(to).into_response();
            keep_session(visit, &mut response, Some(&secret.text));
            response
        }
        Entered::Half(secret) => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
            let mut response = Redirect::to(&format!("/login/code?{query}")).into_response();
            keep_half(visit, &mut response, Some(&secret.text));
            response
        }
    }
}

/// What stands around these pages: nothing but the portal's name, where it is one.
pub fn frame(visit: &Visit) -> Value {
    match &visit.realm {
        None => context! {},
        Some(realm) => context! { portal => Portal {
            name: realm.name.clone(),
            logo: realm.image(ImageKind::Logo).unwrap_or_default(),
            home: "/".into(),
            entries: Vec::new(),
            person: person(visit),
        } },
    }
}

/// Who is logged in, for the menus.
pub fn person(visit: &Visit) -> Option<Person> {
    visit.person.as_ref().map(|person| Person {
        name: person.name.clone(),
        mail: person.mail.clone(),
        href: "/account".into(),
        log_out: "/logout".into(),
    })
}

/// A path of this site: whoever sends a link cannot lead people elsewhere by it.
pub fn own_path(wanted: Option<&str>) -> &str {
    let own = |path: &&str| {
        path.starts_with('/') && !path.starts_with("//") && !path.contains(|c: char| c.is_control() || c == '\\')
    };
    wanted.filter(own).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn links_lead_to_this_site_only() {
        assert_eq!(own_path(Some("/p/acme?x=//y")), "/p/acme?x=//y");
        for bad in [
            None,
            Some("https://evil.example"),
            Some("//evil.example"),
            Some("/\\evil.example"),
            Some("/\t/evil.example"),
            Some("x"),
            Some(""),
        ] {
            assert_eq!(own_path(bad), "/");
        }
    }
}

//! The front door: to where the person is at home, or to logging in.

use axum::response::{IntoResponse, Redirect, Response};

use crate::access::Reach;
use crate::problem::Answer;
use crate::web::visit::Visit;

pub async fn show(visit: Visit) -> Answer<Response> {
    if visit.person.is_none() {
        return Ok(Redirect::to("/login").into_response());
    }
    let home = |reach: &Reach| match reach {
        Reach::All => "/operator".to_owned(),
        Reach::Publisher(publisher) => format!("/p/{publisher}"),
        Reach::Customer(key) => format!("/c/{}", key.slug),
    };
    // Publishers before the platform: who is both works there more often.
    let first = visit.memberships.iter().find(|one| one.reach != Reach::All).or(visit.memberships.first());
    let to = first.map_or_else(|| "/account".to_owned(), |membership| home(&membership.reach));
    Ok(Redirect::to(&to).into_response())
}

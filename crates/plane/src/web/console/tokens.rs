//! Keys to the API.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::access::{Reach, Role};
use crate::operations::create_token::create_token;
use crate::operations::delete_token::delete_token;
use crate::operations::{Actor, token_shown};
use crate::problem::{Answer, Refusal};
use crate::store::tokens::{self, Whose};
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query};
use crate::wire::{CreateToken, Token};

const TEMPLATE: &str = "console/tokens.html";

/// Tokens of a page.
const PAGE: u64 = 50;

/// Which part of them.
#[derive(Debug, Default, Deserialize)]
pub struct Part {
    before: Option<String>,
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(part): Query<Part>,
) -> Answer<Response> {
    let values = values(&plane, &visit, &actor, part, None).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, part: Part, made: Option<&str>) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let whole = actor.reach == Reach::All;
    // Publishers' own are on their pages.
    let whose = match whole {
        true => Whose::Platform,
        false if actor.decides() => Whose::All,
        false => Whose::Person(actor.person().unwrap_or_default()),
    };
    let before = part.before.as_deref().and_then(|id| id.parse().ok());
    let mut rows = tokens::list(plane.store.read(), &actor.reach, whose, before, PAGE + 1).await?;
    let next = visit.view.next(&mut rows, PAGE, "before", |row| row.id.clone());
    let shown: Vec<Token> = rows.into_iter().map(token_shown).collect();
    Ok(context! {
        shell => page.shell("/tokens")?,
        base => page.base(),
        decides => actor.decides(),
        whole,
        api => format!("{}/api/v1", plane.console_url),
        tokens => value(&shown),
        next,
        made,
    })
}

/// A new token.
#[derive(Debug, Deserialize)]
pub struct New {
    name: String,
    days: u32,
    /// Empty for one's own.
    #[serde(default)]
    role: String,
    #[serde(default)]
    publish: Option<String>,
    #[serde(default)]
    deploy: Option<String>,
    #[serde(default)]
    operate: Option<String>,
    #[serde(default)]
    support: Option<String>,
    #[serde(default)]
    mail: Option<String>,
    #[serde(default)]
    manage: Option<String>,
}

impl New {
    fn scopes(&self) -> Vec<String> {
        let all = [
            ("publish", &self.publish),
            ("deploy", &self.deploy),
            ("operate", &self.operate),
            ("support", &self.support),
            ("mail", &self.mail),
            ("manage", &self.manage),
        ];
        let ticked = all.into_iter().filter(|(_, tick)| tick.is_some()).map(|(scope, _)| scope.to_owned());
        let ticked: Vec<String> = ticked.collect();
        // What only hands letters over is to read nothing.
        let reads = (ticked != ["mail"]).then(|| "read".to_owned());
        reads.into_iter().chain(ticked).collect()
    }
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<New>,
) -> Answer<Response> {
    // What names no role must not become a token of one's own, which may do more.
    let role: Option<Role> = match input.role.as_str() {
        "" => None,
        role => Some(
            serde_json::from_value(role.into())
                .map_err(|_| Refusal::invalid("bad-role", "there is no such role; nothing was made"))?,
        ),
    };
    let scopes = input.scopes();
    let wanted =
        CreateToken { name: input.name, scopes, days: Some(input.days), role, publisher: None, customer: None };
    match create_token(&plane, &actor, wanted).await {
        Ok(made) => {
            let values = values(&plane, &visit, &actor, Part::default(), Some(&made.secret)).await?;
            let view = visit.view.clone().flash("good", plane.pages.text(visit.view.language, "done-token"));
            Ok(plane.pages.page(&view, TEMPLATE, values))
        }
        Err(refusal) => {
            again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, Part::default(), None).await?)
        }
    }
}

/// The one that a path names, whatever place stands before.
#[derive(Debug, Deserialize)]
pub struct Named {
    token: String,
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path(named): Path<Named>,
) -> Answer<Response> {
    delete_token(&plane, &actor, &named.token).await?;
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    Ok(lead(&format!("{base}/tokens"), Some(("good", "done-token-deleted"))))
}

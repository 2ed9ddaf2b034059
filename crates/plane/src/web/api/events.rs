//! The audit.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::Plane;
use crate::operations::{Actor, app_key, find_installation};
use crate::problem::{Answer, Refusal};
use crate::store::events::{self, Filter, Part};
use crate::web::{Query, follow, json, lines};
use crate::wire::{Outcome, Page};

/// Before which event; this makes the list begin with the newest.
#[derive(Clone, Copy, Debug)]
struct Before(u64);

impl<'de> Deserialize<'de> for Before {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "now" {
            return Ok(Self(u64::MAX));
        }
        text.parse().map(Self).map_err(|_| D::Error::custom("before must be a sequence number or \"now\""))
    }
}

/// Which events.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Wanted {
    /// The sequence after which to begin.
    after: Option<u64>,
    /// A sequence or `now`: lists newest first, from before it.
    #[schemars(with = "String", regex(pattern = "^(now|[0-9]{1,19})$"))]
    before: Option<Before>,
    /// The `next` of the part before.
    cursor: Option<u64>,
    /// Most entries of this part; 100 when absent.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u64>,
    /// Goes on with lines of events, without end; from now on unless `after` says otherwise.
    follow: Option<bool>,
    /// Only what concerns that installation.
    installation: Option<String>,
    /// Only what concerns that application.
    app: Option<String>,
    /// Only by whom this is part of the name.
    actor: Option<String>,
    /// Only this verb, such as `app.create`, or every verb of a noun, such as `app`.
    verb: Option<String>,
    /// Only those that went so.
    outcome: Option<Outcome>,
    /// Only where this is part of a thing's name or id.
    text: Option<String>,
    /// Only from this time on.
    since: Option<u64>,
    /// Only before this time.
    until: Option<u64>,
}

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let limit = wanted.limit.unwrap_or(100);
    if !(1..=500).contains(&limit) {
        return Err(Refusal::invalid("bad-limit", format!("limit is {limit}; it must be 1 to 500")));
    }
    let db = plane.store.read();
    let app = match wanted.app {
        Some(text) => Some(app_key(db, &actor, &text).await?),
        None => None,
    };
    let installation = match wanted.installation {
        Some(text) => Some(find_installation(db, &actor.reach, &text).await?.id),
        None => None,
    };
    let known = |text: Option<String>| text.filter(|text| !text.is_empty());
    let filter = Filter {
        app,
        installation,
        actor: known(wanted.actor),
        verb: known(wanted.verb),
        outcome: wanted.outcome,
        text: known(wanted.text),
        since: wanted.since,
        until: wanted.until,
    };
    if wanted.follow.unwrap_or(false) {
        if wanted.before.is_some() {
            return Err(Refusal::invalid("bad-query", "before cannot be followed: leave before or follow out"));
        }
        let after = wanted.cursor.or(wanted.after);
        // Who does not say from where wants what happens from now on.
        let after = match after {
            Some(after) => after,
            None => events::last(db).await?,
        };
        return Ok(lines(follow::audit(plane.clone(), actor.reach, filter, after)));
    }
    // The cursor goes on in the direction in which the list was begun.
    let part = match wanted.before {
        Some(Before(before)) => {
            Part::NewestFirst { after: wanted.after.unwrap_or(0), before: wanted.cursor.unwrap_or(before) }
        }
        None => Part::After(wanted.cursor.or(wanted.after).unwrap_or(0)),
    };
    let mut items = events::list(db, &actor.reach, &filter, part, limit + 1).await?;
    let more = items.len() as u64 > limit;
    items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = items.last().filter(|_| more).map(|event| event.sequence.to_string());
    json(StatusCode::OK, &Page { items, next })
}

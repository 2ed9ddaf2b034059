//! The audit.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, header};
use schemars::JsonSchema;
use sea_orm::ConnectionTrait;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::Plane;
use crate::access::{self, Reach};
use crate::guard;
use crate::operations::{Actor, app_key, find_installation};
use crate::problem::{Answer, Refusal};
use crate::store::events::{self, Filter, Part};
use crate::web::design::event_stream;
use crate::web::follow::Follower;
use crate::web::{Query, json};
use crate::wire::{EVENT_STREAM, Outcome, Page};

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
    /// The sequence after which to begin; a stream begins now when absent.
    after: Option<u64>,
    /// A sequence or `now`: lists newest first, from before it.
    #[schemars(with = "String", regex(pattern = "^(now|[0-9]{1,19})$"))]
    before: Option<Before>,
    /// The `next` of the part before.
    cursor: Option<u64>,
    /// Most entries of this part; 100 when absent.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u64>,
    /// Only what concerns that installation.
    installation: Option<String>,
    /// Only what concerns that application.
    app: Option<String>,
    /// Only by whom this is part of the name.
    actor: Option<String>,
    /// Only from where this is part of the address.
    address: Option<String>,
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

/// Whether a stream is what is asked for rather than a list.
fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    accept.split([',', ';']).next().is_some_and(|first| first.trim().eq_ignore_ascii_case(EVENT_STREAM))
}

/// After which event a stream goes on that was cut off; it must not leave out any.
async fn last_seen(db: &impl ConnectionTrait, reach: &Reach, headers: &HeaderMap) -> Answer<Option<u64>> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let seen = value.to_str().ok().and_then(|text| text.parse().ok());
    let last = events::last(db).await?;
    let Some(seen) = seen.filter(|seen| *seen <= last) else {
        let detail = "Last-Event-ID must be the id of an event that came in this stream; leave it out to begin anew";
        return Err(Refusal::invalid("bad-last-event-id", detail));
    };
    if seen < events::gone(db, reach).await? {
        let detail =
            "events that came after this Last-Event-ID are not kept any more; read what there is, and begin anew";
        return Err(Refusal::new(StatusCode::GONE, "events-gone", detail));
    }
    Ok(Some(seen))
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Answer<Response> {
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
        address: known(wanted.address),
        verb: known(wanted.verb),
        outcome: wanted.outcome,
        text: known(wanted.text),
        since: wanted.since,
        until: wanted.until,
    };
    if wants_stream(&headers) {
        if wanted.before.is_some() {
            return Err(Refusal::invalid("bad-query", "a stream goes forward: leave before out"));
        }
        // Who does not say from where wants what happens from now on.
        let after = match last_seen(db, &actor.reach, &headers).await?.or(wanted.after) {
            Some(after) => after,
            None => events::last(db).await?,
        };
        return stream(plane, actor, headers, filter, after);
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

/// The stream, for as long as the token lasts.
fn stream(plane: Arc<Plane>, actor: Actor, headers: HeaderMap, filter: Filter, after: u64) -> Answer<Response> {
    let place = plane.streams.take(&actor.id).ok_or_else(|| {
        let detail = "too many streams of events are open; close one and try again";
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too-many-streams", detail)
    })?;
    let follower = Follower::new(plane.clone(), actor.reach.clone(), filter, after, place);
    let row = access::find(&Method::GET, "/events").ok_or_else(|| Refusal::internal("no row for the audit"))?;
    let who = Arc::new((plane, headers, actor));
    let still = move || {
        let who = who.clone();
        async move { guard::still(&who.0, row, &who.1, &who.2).await }
    };
    Ok(event_stream(Body::from_stream(follower.events(still))))
}

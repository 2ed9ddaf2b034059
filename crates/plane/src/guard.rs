//! What happens to every request before its handler: may the caller do this, are its query and body within limits,
//! was it done already; and after it: what was refused is written into the audit.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sha2::{Digest, Sha256};

use crate::access::{self, JSON_LIMIT, Reach, Role, Row};
use crate::etag;
use crate::operations::Actor;
use crate::problem::{Answer, Refusal};
use crate::refused::{self, Said};
use crate::secret::{self, hex};
use crate::store::people::{self, Membership};
use crate::store::{factors, idempotency, tokens};
use crate::strangers::Peer;
use crate::wire::word;
use crate::{Plane, access::Body as Kind};

/// Time to send a JSON body.
pub const BODY_TIME: Duration = Duration::from_secs(30);

/// Milliseconds for which an answer can be asked for again.
const KEEP_ANSWERS: u64 = 24 * 3600 * 1000;

/// Most bytes of an answer that is kept to be given again.
const ANSWER_LIMIT: usize = 4 << 20;

/// The actor of the token that `vclouden up` makes.
const OWN: &str = "token:operator";

const KEY: &str = "idempotency-key";

/// What kept answers are sealed for.
const ANSWER: &str = "answer";

/// The middleware.
pub async fn guard(State(plane): State<Arc<Plane>>, path: MatchedPath, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(row) = access::find(&parts.method, path.as_str()).filter(|row| row.who.is_empty()) {
        return open(row, parts, body, next).await.unwrap_or_else(IntoResponse::into_response);
    }
    match admit(&plane, path.as_str(), &parts).await {
        Ok((row, actor)) => {
            let (method, uri, asked) = (parts.method.clone(), parts.uri.path().to_owned(), parts.headers.clone());
            // Whoever has this machine is not to be locked out of it.
            if !row.verb.is_empty()
                && actor.id != OWN
                && let Err(refusal) = plane.count_write(&actor.id)
            {
                return refusal.into_response();
            }
            let response = match once(&plane, row, &actor, parts, body, next).await {
                Ok(response) => response,
                Err(refusal) => refusal.into_response(),
            };
            if method == Method::GET || method == Method::HEAD {
                return etag::tagged(&asked, response).await;
            }
            if !response.status().is_client_error() {
                return response;
            }
            refused::record(&plane, row, &actor, &uri, response).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// What is for whoever asks: limits hold all the same.
async fn open(row: &'static Row, parts: Parts, body: Body, next: Next) -> Answer<Response> {
    check_query(row, parts.uri.query().unwrap_or(""))?;
    let bytes = receive(body).await?;
    if !bytes.is_empty() {
        check_media_type(&parts.headers)?;
    }
    Ok(next.run(Request::from_parts(parts, Body::from(bytes))).await)
}

/// Whether the caller may, and asks in an orderly way.
async fn admit(plane: &Plane, path: &str, request: &Parts) -> Answer<(&'static Row, Actor)> {
    let row = access::find(&request.method, path).ok_or_else(|| {
        Refusal::new(StatusCode::FORBIDDEN, "forbidden", "nobody may do this: it is missing from the table of access")
    })?;
    let actor = authenticate(plane, row, request).await?;
    // What is the platform's is not for who looks after one publisher, whoever they are elsewhere.
    let elsewhere = row.who == access::OPERATOR && actor.reach != Reach::All;
    if elsewhere || !row.who.contains(&actor.role) {
        let who: Vec<String> = row.who.iter().map(word).collect();
        let detail = format!("your role is {}; this may be done by: {}", word(&actor.role), who.join(", "));
        return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    check_query(row, request.uri.query().unwrap_or(""))?;
    Ok((row, actor))
}

async fn authenticate(plane: &Plane, row: &Row, request: &Parts) -> Answer<Actor> {
    let refused = |detail: &str| Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
    if !request.headers.contains_key(header::AUTHORIZATION) {
        let detail =
            "this needs a token: send \"Authorization: Bearer vco_...\"; `vclouden up` prints one and saves it";
        return Err(refused(detail));
    }
    let token = bearer(&request.headers);
    let token = token.ok_or_else(|| refused("the Authorization header must be \"Bearer\" and a token"))?;
    if let Some(actor) = of_token(plane, row, token).await? {
        return Ok(actor);
    }
    let peer = request.extensions.get::<Peer>().copied();
    match peer.and_then(|peer| plane.strangers.wrong(peer, plane.now())) {
        Some(seconds) => Err(Refusal::too_often(seconds)),
        None => Err(refused("this token is not valid; `vclouden up` prints the valid one")),
    }
}

/// The token that came with a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether who was let in with these headers would be now, too, and as the same.
pub async fn still(plane: &Plane, row: &Row, headers: &HeaderMap, actor: &Actor) -> bool {
    let Some(token) = bearer(headers) else { return false };
    let now = of_token(plane, row, token).await.ok().flatten();
    now.is_some_and(|now| now.role == actor.role && now.reach == actor.reach)
}

fn check_query(row: &Row, query: &str) -> Answer<()> {
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let key = pair.split_once('=').map_or(pair, |(key, _)| key);
        if !row.query.contains(&key) {
            let known = if row.query.is_empty() { "none".to_owned() } else { row.query.join(", ") };
            let detail = format!("the query has the unknown key \"{}\"; known here: {known}", short(key));
            return Err(Refusal::invalid("unknown-key", detail));
        }
        if seen.contains(&key) {
            let detail = format!("the query has the key \"{key}\" more than once; give it once");
            return Err(Refusal::invalid("repeated-key", detail));
        }
        seen.push(key);
    }
    Ok(())
}

/// Milliseconds after which it is written down again that a token was used.
const NOTE_USE: u64 = 60_000;

/// Whom a token lets in, if it is good for this.
async fn of_token(plane: &Plane, row: &Row, token: &str) -> Answer<Option<Actor>> {
    // Only the hash is compared, so the time it takes says nothing about the token.
    let found = tokens::find(plane.store.read(), &secret::sha256(token)).await?;
    let now = plane.now();
    let Some(token) = found.filter(|token| token.expires_at.is_none_or(|at| at > now)) else { return Ok(None) };
    let actor = match token.person {
        None => Actor::of_token(&token),
        Some(person) => {
            // It can do what its maker can do today.
            let Some(row) = people::find(plane.store.read(), person).await? else { return Ok(None) };
            let all = people::memberships(plane.store.read(), person).await?;
            let here = |one: &Membership| one.reach == token.membership.reach;
            // An operator may look after any publisher.
            let operates = |one: &Membership| one.role == Role::Operator && token.membership.reach.customer().is_none();
            let Some(membership) = all.iter().find(|one| here(one)).or_else(|| all.iter().find(|one| operates(one)))
            else {
                return Ok(None);
            };
            let membership = Membership { role: membership.role, reach: token.membership.reach.clone() };
            if let (Reach::Publisher(publisher), true) = (&membership.reach, membership.role != Role::Operator)
                && factors::lacks(plane.store.read(), publisher, person).await?
            {
                let detail = format!("{publisher} wants a second factor of its members; set one up in your account");
                return Err(Refusal::new(StatusCode::FORBIDDEN, "second-factor", detail));
            }
            let scopes = Some(token.scopes.clone());
            Actor { id: format!("token:{}", token.id), scopes, ..Actor::of_person(&row, membership) }
        }
    };
    if !row.scope().is_in(&token.scopes) {
        let scope = word(&row.scope());
        let detail = format!("this token may not be used for that: it lacks the scope \"{scope}\"; make another one");
        return Err(Refusal::new(StatusCode::FORBIDDEN, "scope", detail));
    }
    if token.used_at.is_none_or(|at| at + NOTE_USE < now) {
        let tx = plane.store.write().await?;
        tokens::used(&tx, &token.id, now).await?;
        tx.commit().await?;
    }
    Ok(Some(actor))
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Calls the handler, unless the same request was done already.
async fn once(plane: &Plane, row: &Row, actor: &Actor, mut parts: Parts, body: Body, next: Next) -> Answer<Response> {
    let key = key_of(&parts.headers)?;
    parts.extensions.insert(actor.clone());
    let changes = parts.method != Method::GET && parts.method != Method::HEAD;
    match row.body {
        Kind::Stream => {
            if key.is_some() && row.verb == "installation.exec" {
                let detail = "a program's output cannot be given again: send this request without Idempotency-Key";
                return Err(Refusal::invalid("no-idempotency", detail));
            }
            // Nobody can hash a stream before it has ended: the handler does it.
            Ok(next.run(Request::from_parts(parts, body)).await)
        }
        Kind::None => Ok(next.run(Request::from_parts(parts, Body::empty())).await),
        Kind::Json => {
            let bytes = receive(body).await?;
            if !bytes.is_empty() {
                check_media_type(&parts.headers)?;
            }
            let fingerprint = fingerprint(&parts.method, &parts.uri, &bytes);
            let said = Said(bytes.clone());
            let work = async move { next.run(Request::from_parts(parts, Body::from(bytes))).await };
            let mut response = match key.filter(|_| changes) {
                Some(key) => idempotent(plane, actor, &key, &fingerprint, work).await?,
                None => work.await,
            };
            response.extensions_mut().insert(said);
            Ok(response)
        }
    }
}

async fn receive(body: Body) -> Answer<Bytes> {
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, JSON_LIMIT).collect()).await;
    match collected {
        Err(_) => {
            let detail = format!("the body did not arrive within {} seconds; send it again", BODY_TIME.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail))
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large("the body", JSON_LIMIT as u64)),
        Ok(Err(error)) => {
            let detail = format!("the body could not be read: {error}; send it again");
            Err(Refusal::new(StatusCode::BAD_REQUEST, "bad-body", detail))
        }
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}

fn check_media_type(headers: &HeaderMap) -> Answer<()> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if given.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = format!("the body is said to be \"{}\"; send \"Content-Type: application/json\"", short(given));
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail))
}

/// The key of a request that is to be done once.
pub fn check_key(value: &HeaderValue) -> Answer<String> {
    let text = value.to_str().unwrap_or("");
    if (1..=255).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    let detail = "Idempotency-Key must be 1 to 255 visible ASCII characters; a UUID serves";
    Err(Refusal::invalid("bad-idempotency-key", detail))
}

/// The key of this request, if it has one.
pub fn key_of(headers: &HeaderMap) -> Answer<Option<String>> {
    headers.get(KEY).map(check_key).transpose()
}

/// What tells one request from another.
pub fn fingerprint(method: &Method, uri: &http::Uri, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [method.as_str().as_bytes(), uri.path().as_bytes(), uri.query().unwrap_or("").as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Does a request unless it was done already; then gives the same answer again.
///
/// The claim is durable before anything is done. A control plane that dies in the middle leaves the claim without an
/// answer, and says so: never twice is worth more than a guess.
pub async fn idempotent(
    plane: &Plane,
    actor: &Actor,
    key: &str,
    fingerprint: &str,
    work: impl Future<Output = Response>,
) -> Answer<Response> {
    let now = plane.now();
    let tx = plane.store.write().await?;
    idempotency::forget(&tx, now.saturating_sub(KEEP_ANSWERS)).await?;
    let seen = idempotency::claim(&tx, &actor.id, key, fingerprint, now).await?;
    tx.commit().await?;
    if let Some(seen) = seen {
        return again(plane, seen, fingerprint);
    }
    let response = work.await;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(Refusal::internal)?.to_bytes();
    let tx = plane.store.write().await?;
    if parts.status.is_server_error() {
        idempotency::release(&tx, &actor.id, key).await?;
    } else {
        let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned);
        // It may hold what lets somebody in, such as a new token.
        let body = plane.seal.seal(ANSWER, &String::from_utf8_lossy(&body));
        let answer = idempotency::Answer { status: parts.status.as_u16(), media_type, body };
        idempotency::answer(&tx, &actor.id, key, &answer).await?;
    }
    tx.commit().await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn again(plane: &Plane, seen: idempotency::Seen, fingerprint: &str) -> Answer<Response> {
    if seen.request != fingerprint {
        let detail = "this Idempotency-Key was used for another request; use a new key for a new request";
        return Err(Refusal::invalid("idempotency-key-reused", detail));
    }
    let Some(answer) = seen.answer else {
        let detail = "the same request is under way, or the control plane was stopped in the middle of it; look \
                      whether it was done before you ask again with another key";
        return Err(Refusal::conflict("idempotency-unknown", detail));
    };
    let status = StatusCode::from_u16(answer.status).map_err(Refusal::internal)?;
    let body = plane.seal.unseal(ANSWER, &answer.body).ok_or_else(|| {
        Refusal::conflict(
            "idempotency-unknown",
            "it was done, but its answer cannot be read any more; look what there is",
        )
    })?;
    let mut response = (status, body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    if let Some(media_type) = answer.media_type {
        let value = HeaderValue::from_str(&media_type).map_err(Refusal::internal)?;
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response.headers_mut().insert("idempotent-replay", HeaderValue::from_static("true"));
    Ok(response)
}

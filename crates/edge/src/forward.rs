//! A request's way through: check, find, enter, connect, send, and back.
//!
//! The body is touched only once a connection to the application stands. Until then everything can be tried again;
//! from then on only a request that has no body and may be repeated by its method.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderName, Request, Response, StatusCode};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use nimbus_api::edge::{EDGE, NOBODY};
use tokio::time::{Instant, timeout_at};

use crate::Edge;
use crate::body::{RequestBody, ResponseBody, Upload};
use crate::client::Client;
use crate::headers;
use crate::hold::Wait;
use crate::pages::{Refusal, prefers_json};
use crate::pass;
use crate::pool::{Pool, Upstream};
use crate::route::{Pass, Site};
use crate::upgrade;

/// What came back from an application.
pub(crate) struct Answer {
    /// Its header and the beginning of its body.
    pub response: Response<Incoming>,
    /// The connection that it comes over.
    pub upstream: Upstream,
    /// Its place among the requests in flight.
    pub pass: Pass,
    /// The client's side of the change of protocol that the client asked for.
    pub switch: Option<OnUpgrade>,
}

/// Answers a client's request, by its application or by a page of the edge.
pub(crate) async fn respond(edge: &Edge, client: &Arc<Client>, request: Request<Incoming>) -> Response<ResponseBody> {
    let turn = client.turn();
    edge.stats.requests.fetch_add(1, Ordering::Relaxed);
    let json = prefers_json(request.headers());
    let empty = request.body().is_end_stream();
    let (began, mut site) = (Instant::now(), None);
    let passed = pass_on(edge, client, request, &mut site).await;
    let count = |status| {
        if let Some(site) = &site {
            site.traffic.answered(status, began.elapsed());
        }
    };
    let refusal = match passed {
        Ok(answer) if answer.response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            return upgrade::switch(edge, answer, turn);
        }
        Ok(Answer { mut response, upstream, pass, .. }) => {
            headers::to_client(&mut response);
            count(response.status());
            return response.map(|body| ResponseBody::relay(body, upstream, pass, turn));
        }
        Err(refusal) => refusal,
    };
    if refusal.is_failure() {
        edge.stats.errors.fetch_add(1, Ordering::Relaxed);
    }
    if !empty {
        client.leaves_unread();
    }
    let answer = refusal.answer(json);
    count(answer.status());
    answer.map(|page| ResponseBody::page(page, Some(turn)))
}

/// `found` is the installation for which the request is, as soon as that is known.
async fn pass_on(
    edge: &Edge,
    client: &Arc<Client>,
    mut request: Request<Incoming>,
    found: &mut Option<Arc<Site>>,
) -> Result<Answer, Refusal> {
    if client.gave_both_framings() {
        return Err(headers::BOTH_FRAMINGS);
    }
    let host = headers::check(&mut request)?;
    let unknown = || match () {
        () if host == edge.domain => Refusal::Bare,
        () if edge.routes.known() => Refusal::Unknown,
        () => Refusal::Starting,
    };
    let plane = edge.plane.as_ref();
    let (site, word) = match edge.routes.find(&host) {
        Some(site) => (found.insert(site).clone(), None),
        None => plane.map(|plane| (plane.site.clone(), Some(plane.secret.clone()))).ok_or_else(unknown)?,
    };
    let protocol = headers::wanted_upgrade(request.headers());
    let switch = protocol.is_some().then(|| hyper::upgrade::on(&mut request));
    let person = match pass::presented(&request).filter(|_| word.is_none()) {
        Some(pass) => {
            pass::forget(&mut request);
            Some(edge.passes.redeem(plane, &pass, site.live().route.installation).await?)
        }
        None => None,
    };
    let origin = client.origin(&edge.trusted_proxies, request.headers());
    headers::to_application(&mut request, origin, protocol);
    let ours = [(nimbus_api::pass::HEADER, person), (EDGE, word.clone())];
    for (name, value) in ours.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    let request = request.map(|body| RequestBody::new(body, edge.limits.body_pause, client, &site));
    let answer = Passage { edge, site: &site, switch, sends: 0 }.go(request).await?;
    // The control plane does not know the name either.
    if word.is_some() && answer.response.headers().contains_key(NOBODY) {
        return Err(unknown());
    }
    Ok(answer)
}

/// What stays the same while one request is tried.
struct Passage<'a> {
    edge: &'a Edge,
    site: &'a Arc<Site>,
    switch: Option<OnUpgrade>,
    sends: u32,
}

impl Passage<'_> {
    async fn go(mut self, mut request: Request<RequestBody>) -> Result<Answer, Refusal> {
        let limits = &self.edge.limits;
        let repeatable = request.body().upload().is_none() && request.method().is_idempotent();
        let mut wait = Wait::new(self.site, limits);
        let mut kept_will_do = self.switch.is_none();
        loop {
            let pass = wait.enter().await?;
            let live = pass.live.clone();
            let pool = live.pool.as_ref().ok_or(Refusal::NoHttp)?;
            if !request.body_mut().limit(live.route.max_body) {
                return Err(Refusal::TooLarge);
            }
            let Some(upstream) = reach(pool, kept_will_do.then_some(repeatable)).await else {
                drop(pass);
                wait.pause(&live).await?;
                continue;
            };
            wait.reached();
            self.sends += 1;
            let reused = upstream.reused;
            let copy = (repeatable && self.sends < limits.sends).then(|| head(&request));
            request = match send(upstream, request, limits.answer).await {
                Ok((response, upstream)) => return self.answer(response, upstream, pass),
                Err(Failure::Refused(refusal)) => return Err(refusal),
                Err(Failure::Unsent(request)) => *request,
                Err(Failure::Lost) => copy.ok_or(Refusal::Broken)?.map(|()| RequestBody::EMPTY),
            };
            drop(pass);
            if reused {
                // Others that are kept may be as stale: each would take one of the few times it may be sent.
                kept_will_do = false;
            } else {
                wait.pause(&live).await?;
            }
        }
    }

    fn answer(self, response: Response<Incoming>, upstream: Upstream, pass: Pass) -> Result<Answer, Refusal> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS && self.switch.is_none() {
            return Err(Refusal::Broken);
        }
        Ok(Answer { response, upstream, pass, switch: self.switch })
    }
}

/// A connection to an application; a kept one, if that will do for a request that is repeatable or not.
async fn reach(pool: &Arc<Pool>, kept_for: Option<bool>) -> Option<Upstream> {
    if let Some(upstream) = kept_for.and_then(|repeatable| pool.take(!repeatable)) {
        return Some(upstream);
    }
    let failed =
        |error: &std::io::Error| tracing::debug!(%error, address = %pool.address, "an application is not reached");
    pool.connect().await.inspect_err(failed).ok()
}

/// All of a request but its body.
fn head(request: &Request<RequestBody>) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// Why there is no answer.
enum Failure {
    /// Nothing was sent: here it is again.
    Unsent(Box<Request<RequestBody>>),
    /// It was sent, or part of it, and the connection ended before the first byte of an answer.
    Lost,
    /// It is of no use to try again.
    Refused(Refusal),
}

async fn send(
    mut upstream: Upstream,
    request: Request<RequestBody>,
    limit: Duration,
) -> Result<(Response<Incoming>, Upstream), Failure> {
    let answered = upstream.begin();
    let upload = request.body().upload();
    let answer = timely(upstream.sender.try_send_request(request), upload.as_deref(), limit).await;
    let mut error = match answer {
        Some(Ok(response)) => return Ok((response, upstream)),
        Some(Err(error)) => error,
        None => return Err(Failure::Refused(Refusal::Late)),
    };
    if let Some(request) = error.take_message() {
        return Err(Failure::Unsent(Box::new(request)));
    }
    if let Some(refusal) = upload.and_then(|upload| upload.fault()) {
        return Err(Failure::Refused(refusal));
    }
    tracing::debug!(error = %error.error(), "an application broke off");
    Err(if answered.yes() { Failure::Refused(Refusal::Broken) } else { Failure::Lost })
}

/// Waits for an answer for at most `limit` after the last of the request was sent; nothing when that is over.
async fn timely<T>(answer: impl Future<Output = T>, upload: Option<&Upload>, limit: Duration) -> Option<T> {
    let mut answer = std::pin::pin!(answer);
    let began = Instant::now();
    loop {
        let until = upload.map_or(began, Upload::last) + limit;
        match timeout_at(until, answer.as_mut()).await {
            Ok(answer) => return Some(answer),
            Err(_) if upload.map_or(began, Upload::last) + limit > until => {}
            Err(_) => return None,
        }
    }
}

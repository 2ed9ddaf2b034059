//! Passes that portals send people with: checked here, in front of the application, which is only told who comes.
//!
//! Each lets somebody in once. What was used is remembered for as long as it would be good; one that was made before
//! this edge began is not taken, since what was used before is forgotten.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::InstallationId;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Limited};
use nimbus_api::pass::{Claims, KEYS_PATH, Keys, PATH, PassError};
use tokio::time::{Instant, timeout};

use crate::body::RequestBody;
use crate::pages::Refusal;
use crate::plane::Plane;
use crate::route::locked;

/// The control plane is asked for its keys this often at most, whoever sends passes with unknown ones.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a set of keys.
const MOST: usize = 64 << 10;

/// The pass of a request to take people in.
pub(crate) fn presented<B>(request: &Request<B>) -> Option<String> {
    if request.method() != Method::GET || request.uri().path() != PATH {
        return None;
    }
    let mut pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == "pass").map(|(_, pass)| pass.to_owned())
}

/// Takes the pass out of a request's target: the application has no use for it.
pub(crate) fn forget<B>(request: &mut Request<B>) {
    let rest = request.uri().query().unwrap_or("").split('&').filter(|pair| !pair.starts_with("pass="));
    let rest: Vec<&str> = rest.filter(|pair| !pair.is_empty()).collect();
    let target = if rest.is_empty() { PATH.to_owned() } else { format!("{PATH}?{}", rest.join("&")) };
    // Parts of what was a target make one.
    *request.uri_mut() = PathAndQuery::try_from(target).map_or_else(|_| Uri::from_static(PATH), Uri::from);
}

/// What is known of passes.
pub(crate) struct Passes {
    keys: Mutex<Keys>,
    asked: tokio::sync::Mutex<Option<Instant>>,
    /// End and id of those that were used and are still good.
    used: Mutex<BTreeSet<(u64, String)>>,
    began: u64,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Passes {
    /// Knows no keys yet.
    pub fn new() -> Self {
        Self { keys: Mutex::default(), asked: tokio::sync::Mutex::default(), used: Mutex::default(), began: now() }
    }

    /// Lets a pass in, once: who comes, as the application is told.
    pub async fn redeem(
        &self,
        plane: Option<&Plane>,
        pass: &str,
        installation: InstallationId,
    ) -> Result<HeaderValue, Refusal> {
        let mut checked = self.check(pass);
        if matches!(checked, Err(PassError::UnknownKey(_)))
            && let Some(plane) = plane
        {
            self.learn(plane).await?;
            checked = self.check(pass);
        }
        let refused = |why: &str| {
            tracing::info!(%installation, why, "a pass is refused");
            Refusal::Pass
        };
        let claims = checked.map_err(|error| refused(&error.to_string()))?;
        if claims.aud != installation {
            return Err(refused("it is for another installation"));
        }
        if claims.iat <= self.began || !self.first(&claims) {
            return Err(refused("it was used, or may have been"));
        }
        HeaderValue::try_from(claims.person.header()).map_err(|_| refused("it names nobody"))
    }

    fn check(&self, pass: &str) -> Result<Claims, PassError> {
        locked(&self.keys).check(pass, now())
    }

    /// Whether nobody came with it before; from now on somebody did.
    fn first(&self, claims: &Claims) -> bool {
        let mut used = locked(&self.used);
        let kept = used.split_off(&(now(), String::new()));
        *used = kept;
        used.insert((claims.exp, claims.jti.clone()))
    }

    /// Asks the control plane for its keys.
    async fn learn(&self, plane: &Plane) -> Result<(), Refusal> {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|at| at.elapsed() < ASK_EVERY) {
            return Ok(());
        }
        let answer = timeout(PATIENCE, ask(plane)).await.unwrap_or_else(|_| Err("it does not answer".into()));
        let keys = answer.and_then(|bytes| Keys::read(&bytes).map_err(|error| error.to_string()));
        *locked(&self.keys) = keys.map_err(|why| {
            tracing::warn!(why, "the control plane does not tell its keys");
            Refusal::NoKeys
        })?;
        *asked = Some(Instant::now());
        Ok(())
    }
}

async fn ask(plane: &Plane) -> Result<Vec<u8>, String> {
    let live = plane.site.live();
    let pool = live.pool.as_ref().ok_or("it has no address")?;
    let mut upstream = pool.connect().await.map_err(|error| error.to_string())?;
    let request = Request::get(KEYS_PATH).header(HOST, "localhost").body(RequestBody::EMPTY);
    let request = request.map_err(|error| error.to_string())?;
    let answer = upstream.sender.send_request(request).await.map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("it answers {}", answer.status()));
    }
    let body = Limited::new(answer.into_body(), MOST).collect().await.map_err(|error| error.to_string())?;
    Ok(body.to_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_found_and_taken_out() {
        let request = |target: &str| Request::get(target).body(()).unwrap();
        let found = |target: &str| presented(&request(target));
        assert_eq!(found(&format!("{PATH}?to=%2Fx&pass=a.b.c")).as_deref(), Some("a.b.c"));
        assert_eq!(found("/other?pass=a.b.c"), None);
        assert_eq!(found(PATH), None);
        assert_eq!(presented(&Request::post(format!("{PATH}?pass=a")).body(()).unwrap()), None);
        let after = |target: &str| {
            let mut request = request(target);
            forget(&mut request);
            request.uri().to_string()
        };
        assert_eq!(after(&format!("{PATH}?pass=a&to=%2Fx&pass=b")), format!("{PATH}?to=%2Fx"));
        assert_eq!(after(&format!("{PATH}?pass=a")), PATH);
    }
}

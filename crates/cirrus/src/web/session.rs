//! Sessions: a small object per visitor, kept in a sealed cookie, so that any instance with the same secret knows it
//! and nothing has to be stored. Its end is inside the seal: a stolen old cookie is worth nothing.

use serde_json::{Map, Value, json};

use super::{Request, cookie, portal, seal::Seals};
use crate::config;

/// Browsers keep no larger cookie.
const MOST: usize = 4000;
const PURPOSE: &str = "session";

/// The session of a request; empty when there is none, or it is over, or its cookie is not ours.
/// `now` in seconds since 1970.
pub fn open(seals: &Seals, config: &config::Session, request: &Request, now: u64) -> Map<String, Value> {
    read(seals, config, request, now).unwrap_or_default()
}

fn read(seals: &Seals, config: &config::Session, request: &Request, now: u64) -> Option<Map<String, Value>> {
    let text = cookie::get(&request.headers, &config.cookie)?;
    let mut sealed: Map<String, Value> = serde_json::from_slice(&seals.open(PURPOSE, text)?).ok()?;
    if sealed.get("until")?.as_u64()? <= now {
        return None;
    }
    match sealed.remove("data")? {
        Value::Object(mut data) => {
            portal::expire(&mut data, now);
            Some(data)
        }
        _ => None,
    }
}

/// The `Set-Cookie` that carries this session; an empty one removes the cookie. The error is for the author.
pub fn seal(
    seals: &Seals,
    config: &config::Session,
    request: &Request,
    session: &Map<String, Value>,
    now: u64,
) -> Result<String, String> {
    let secure = config.secure || request.secure;
    if session.is_empty() {
        return Ok(cookie::set(&config.cookie, "", Some(0), secure));
    }
    let age = config.hours.saturating_mul(3600);
    let content = json!({ "until": now.saturating_add(age), "data": session }).to_string();
    let value = seals.seal(PURPOSE, content.as_bytes())?;
    if value.len() + config.cookie.len() > MOST {
        let length = value.len();
        return Err(format!(
            "the session takes {length} bytes, a cookie holds {MOST}: keep large things in a table and their id in the \
             session"
        ));
    }
    Ok(cookie::set(&config.cookie, &value, Some(age), secure))
}

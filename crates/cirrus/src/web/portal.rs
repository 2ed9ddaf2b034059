//! People whom vClouden's portal sends: its edge checks who they are and says so in a header that nobody outside can
//! set, at one path. They get a session of this application, without a password.

use http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{Request, Response, problem, users};
use crate::{app, app::App, script::Host};

/// Where they arrive; `to` in the query is where they want to go.
pub const PATH: &str = "/.well-known/vclouden/open";
/// Who they are, as JSON.
const HEADER: &str = "x-vclouden-person";
/// Under which name the session has them.
pub const PERSON: &str = "person";
/// Seconds after which they have to come by the portal again: what they may do there may have changed.
const LASTS: u64 = 12 * 3600;

/// Whether this process runs in an installation, behind the edge.
pub fn is_installation() -> bool {
    std::env::var_os("VCLOUDEN_INSTALLATION").is_some()
}

/// Takes somebody in, or leads on whoever is nobody.
pub fn arrive(app: &App, request: &Request) -> Response {
    if request.method != Method::GET {
        return problem::method_not_allowed("GET");
    }
    let query = request.uri.query().unwrap_or("").split('&');
    let to = query.filter_map(|pair| pair.strip_prefix("to=")).next().unwrap_or("/");
    let to = percent_encoding::percent_decode_str(to).decode_utf8_lossy();
    let mut response = users::see(if users::is_own(&to) { &to } else { "/" });
    response.headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    let Some(said) = request.headers.get(HEADER) else { return response };
    let person = serde_json::from_slice::<Map<String, Value>>(said.as_bytes());
    let Some(mut person) = person.ok().filter(|person| person.get("id").is_some_and(Value::is_string)) else {
        return problem::plain(StatusCode::BAD_REQUEST, "what the portal says of the person cannot be read");
    };
    person.insert("until".into(), json!(app::now() + LASTS));
    // A new session: what a stranger may have planted in the old one is gone.
    let session = Map::from_iter([(PERSON.to_owned(), Value::Object(person))]);
    users::with_cookie(&mut response, app.seal_session(request, &session));
    response
}

/// Takes somebody out of a session whose time is over.
pub fn expire(session: &mut Map<String, Value>, now: u64) {
    let over = session.get(PERSON).and_then(|person| person.get("until")?.as_u64()).is_some_and(|until| until <= now);
    if over {
        session.remove(PERSON);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_in_for_twelve_hours() {
        let mut session = Map::from_iter([(PERSON.to_owned(), json!({ "id": "p", "until": 100 }))]);
        session.insert("cart".into(), json!(1));
        expire(&mut session, 99);
        assert_eq!(session[PERSON]["id"], "p");
        expire(&mut session, 100);
        assert_eq!(Value::Object(session), json!({ "cart": 1 }));
        let mut own = Map::from_iter([(PERSON.to_owned(), json!("the author's own"))]);
        expire(&mut own, 100);
        assert!(own.contains_key(PERSON));
    }
}

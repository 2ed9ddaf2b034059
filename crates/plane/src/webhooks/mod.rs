//! What webhooks are told: events of the audit under names that people choose by, signed as Standard Webhooks are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nimbus_api::Millis;
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::access::{self, Reach, TABLE};
use crate::store::events::{self, Filter, Part};
use crate::store::{Result, StoreError};
use crate::web::design::format;
use crate::wire::{Event, Outcome};

pub mod outbound;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// What sealed secrets are sealed for.
pub const PURPOSE: &str = "webhook";

/// Names of what nobody asks for, or of how it ended.
const REPORTED: &[&str] = &[
    "installation.crashed",
    "installation.failed",
    "installation.unhealthy",
    "installation.recovered",
    "installation.switch",
    "installation.disk-nearly-full",
    "installation.disk-free",
    "backup.late",
    "deployment.finished",
    "deployment.failed",
    "deployment.stopped",
    "deployment.undone",
];

/// What happens to these is for the audit only.
const SILENT: &[&str] = &["webhook", "token", "session", "person"];

/// The name of a webhook's trial.
pub const TEST: &str = "webhook.test";

/// Every name that a webhook can choose: what is reported, and every verb of the API that concerns a publisher.
pub fn names() -> Vec<&'static str> {
    let verbs = TABLE.iter().filter(|row| row.who != access::OPERATOR && !row.verb.is_empty()).map(|row| row.verb);
    let verbs = verbs.filter(|verb| !SILENT.contains(&verb.split('.').next().unwrap_or("")));
    let mut all: Vec<&str> = REPORTED.iter().copied().chain(verbs).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Under which name webhooks are told of an event, if they are.
pub async fn name_of(db: &impl ConnectionTrait, event: &Event) -> Result<Option<String>> {
    // What was accepted ends with another event; what was refused did not happen.
    if !matches!(event.outcome, Outcome::Done | Outcome::Failed) || SILENT.contains(&event.kind.as_str()) {
        return Ok(None);
    }
    let name = match event.verb.as_str() {
        "installation.phase" => match event.detail["phase"].as_str().unwrap_or("") {
            "restarting" => Some("installation.crashed"),
            "failed" => Some("installation.failed"),
            "unhealthy" => Some("installation.unhealthy"),
            "healthy" if was_unwell(db, event).await? => Some("installation.recovered"),
            _ => None,
        },
        "deployment.end" => match (event.detail["kind"].as_str(), event.detail["state"].as_str()) {
            (Some("rollback"), Some("finished")) => Some("deployment.undone"),
            (_, Some("finished")) => Some("deployment.finished"),
            (_, Some("stopped")) => Some("deployment.stopped"),
            _ => Some("deployment.failed"),
        },
        verb => Some(verb),
    };
    Ok(name.map(str::to_owned))
}

/// Whether an installation was unwell before it became healthy.
async fn was_unwell(db: &impl ConnectionTrait, event: &Event) -> Result<bool> {
    let filter = Filter { installation: event.installation, ..Filter::default() };
    let before = Part::NewestFirst { after: 0, before: event.sequence };
    let before = events::list(db, &Reach::All, &filter, before, 20).await?;
    let phases = before.iter().filter(|event| event.verb == "installation.phase");
    let settled = phases.map(|event| event.detail["phase"].as_str().unwrap_or("")).find(|phase| *phase != "starting");
    Ok(settled.is_some_and(|phase| ["restarting", "failed", "unhealthy"].contains(&phase)))
}

/// What is sent.
pub fn body(name: &str, at: Millis, data: &impl serde::Serialize) -> Result<String> {
    let body = json!({ "type": name, "timestamp": format::machine(at), "data": data });
    serde_json::to_string(&body).map_err(|why| StoreError::Row { what: "delivery", why: why.to_string() })
}

/// A new secret.
pub fn secret() -> String {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).expect("the kernel gives random bytes");
    format!("{PREFIX}{}", STANDARD.encode(random))
}

/// The header `webhook-signature` of an attempt.
pub fn signature(secret: &str, id: &str, seconds: u64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let tag = ring::hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // The example of the specification of Standard Webhooks.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = r#"{"test": 2432232314}"#;
        let signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(signature("other", "m", 1, body), None);
        assert!(signature(&super::secret(), "m", 1, body).is_some());
    }

    #[test]
    fn what_can_be_chosen_is_what_is_told() {
        let all = names();
        for name in ["installation.crashed", "deployment.undone", "backup.create", "version.publish"] {
            assert!(all.contains(&name), "{name}");
        }
        assert!(!all.iter().any(|name| name.starts_with("token.") || name.starts_with("settings.")), "{all:?}");
    }
}

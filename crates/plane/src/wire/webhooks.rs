//! Webhooks: where a publisher is told of events, and what it was told.

use domain::{DeliveryId, Slug, WebhookId};
use nimbus_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a URL of a webhook looks like.
const URL: &str = r"^https?://[!-~]+$";

/// What names of events are.
fn events() -> serde_json::Value {
    serde_json::json!({ "enum": crate::webhooks::names() })
}

/// `POST /webhooks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// Whose it is to be; the caller's own publisher when absent, for an operator the first one, `main`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Slug>,
    /// Where events are sent: `https`, or `http` to what the operator's settings except.
    #[schemars(length(max = 2000), regex(pattern = URL))]
    pub url: String,
    /// Which events, by name; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("items" = events()))]
    pub events: Vec<String>,
}

/// `POST /webhooks/{webhook}`; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWebhook {
    /// Where events are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000), regex(pattern = URL))]
    pub url: Option<String>,
    /// Which events, by name; all when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = events()))]
    pub events: Option<Vec<String>>,
    /// Whether anything is sent. Enabled again, it is sent what happens from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Where a publisher is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub publisher: Slug,
    /// Where events are sent.
    pub url: String,
    /// Which events, by name; all when empty.
    pub events: Vec<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Millis,
    /// Since when nothing was delivered that was tried.
    pub failing_since: Option<Millis>,
    /// Since when nothing is sent any more.
    pub disabled_at: Option<Millis>,
    /// Why not.
    pub disabled_because: Option<String>,
}

/// A new webhook with what signs its deliveries, which is not shown again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewWebhook {
    /// The secret: `whsec_` and base64.
    pub secret: String,
    /// What is kept.
    pub webhook: Webhook,
}

/// An event that a webhook is sent, until it was taken or given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// Its id, the same for every attempt: the header `webhook-id`.
    pub id: DeliveryId,
    /// To where.
    pub webhook: WebhookId,
    /// The event's name.
    pub event: String,
    /// When it was written.
    pub created_at: Millis,
    /// How often it was tried.
    pub attempts: u64,
    /// When it is tried next; absent once it was delivered or given up.
    pub next_at: Option<Millis>,
    /// When it was delivered.
    pub delivered_at: Option<Millis>,
    /// When it was last tried.
    pub tried_at: Option<Millis>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// How that answer began: at most 1,000 characters.
    pub response: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Milliseconds that it took.
    pub duration_ms: Option<u64>,
    /// What is sent; only where one is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
}

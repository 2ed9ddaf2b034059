//! Webhooks.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{DeliveryId, WebhookId};
use http::StatusCode;

use crate::Plane;
use crate::operations::Actor;
use crate::operations::webhooks::{
    change_webhook, create_webhook, delete_webhook, find_delivery, find_webhook, resend as send_again, test_webhook,
};
use crate::problem::{Answer, Refusal};
use crate::store::deliveries::{self, DeliveryRow};
use crate::store::webhooks::{self, WebhookRow};
use crate::web::{Json, Paging, Path, Query, json, page};
use crate::wire::{ChangeWebhook, CreateWebhook, Delivery, NewWebhook, Nothing, Page, Webhook};

/// A webhook as it is shown.
pub fn shown(row: WebhookRow) -> Webhook {
    Webhook {
        id: row.id,
        publisher: row.publisher,
        url: row.url,
        events: row.events,
        created_by: row.created_by,
        created_at: row.created_at,
        failing_since: row.failing_since,
        disabled_at: row.disabled_at,
        disabled_because: row.disabled_because,
    }
}

/// A delivery as it is shown, without what was sent.
pub fn delivery(row: DeliveryRow) -> Delivery {
    Delivery {
        id: row.id,
        webhook: row.webhook,
        event: row.event,
        created_at: row.created_at,
        attempts: row.attempts,
        next_at: row.next_at,
        delivered_at: row.delivered_at,
        tried_at: row.tried_at,
        status: row.status,
        response: row.response,
        error: row.error,
        duration_ms: row.duration_ms,
        body: None,
    }
}

/// The same with it.
pub fn whole_delivery(row: DeliveryRow) -> Answer<Delivery> {
    let body = serde_json::from_str(&row.body).map_err(Refusal::internal)?;
    Ok(Delivery { body: Some(body), ..delivery(row) })
}

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(paging): Query<Paging>) -> Answer<Response> {
    let (limit, after) = (paging.limit()?, paging.after::<WebhookId>()?);
    let rows = webhooks::list(plane.store.read(), &actor.reach, after, limit + 1).await?;
    let page = page(rows, limit, |row| row.id.to_string());
    json(StatusCode::OK, &Page { items: page.items.into_iter().map(shown).collect(), next: page.next })
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<CreateWebhook>,
) -> Answer<Response> {
    let (secret, row) = create_webhook(&plane, &actor, input).await?;
    json(StatusCode::CREATED, &NewWebhook { secret, webhook: shown(row) })
}

pub async fn show(State(plane): State<Arc<Plane>>, actor: Actor, Path(text): Path<String>) -> Answer<Response> {
    json(StatusCode::OK, &shown(find_webhook(plane.store.read(), &actor.reach, &text).await?))
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<ChangeWebhook>,
) -> Answer<Response> {
    json(StatusCode::OK, &shown(change_webhook(&plane, &actor, &text, input).await?))
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    delete_webhook(&plane, &actor, &text).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn test(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    json(StatusCode::ACCEPTED, &whole_delivery(test_webhook(&plane, &actor, &text).await?)?)
}

pub async fn deliveries(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let db = plane.store.read();
    let (limit, before) = (paging.limit()?, paging.after::<DeliveryId>()?);
    let webhook = find_webhook(db, &actor.reach, &text).await?;
    let page = page(deliveries::list(db, webhook.id, before, limit + 1).await?, limit, |row| row.id.to_string());
    json(StatusCode::OK, &Page { items: page.items.into_iter().map(delivery).collect(), next: page.next })
}

pub async fn show_delivery(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((text, id)): Path<(String, String)>,
) -> Answer<Response> {
    let db = plane.store.read();
    let webhook = find_webhook(db, &actor.reach, &text).await?;
    json(StatusCode::OK, &whole_delivery(find_delivery(db, &webhook, &id).await?)?)
}

pub async fn resend(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((text, id)): Path<(String, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    json(StatusCode::ACCEPTED, &whole_delivery(send_again(&plane, &actor, &text, &id).await?)?)
}

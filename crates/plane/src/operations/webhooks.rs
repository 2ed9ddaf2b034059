//! What people do with webhooks: make, change, delete, try, send again.

use domain::{DeliveryId, WebhookId};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{Actor, Thing, record, require_publisher, short};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::deliveries::{self, DeliveryRow};
use crate::store::webhooks::{self, WebhookRow};
use crate::store::{Tx, events};
use crate::webhooks::outbound::{self, OutboundError};
use crate::webhooks::{PURPOSE, TEST, body, names, secret};
use crate::wire::{ChangeWebhook, CreateWebhook};

/// Most that a publisher has.
const MOST: u64 = 20;

fn unknown_webhook(text: &str) -> Refusal {
    let detail = format!("there is no webhook \"{}\"; list them with `vclouden webhook list`", short(text));
    Refusal::missing("unknown-webhook", detail)
}

/// The webhook within reach of that id.
pub async fn find_webhook(db: &impl ConnectionTrait, reach: &Reach, text: &str) -> Answer<WebhookRow> {
    let unknown = || unknown_webhook(text);
    let id: WebhookId = text.parse().map_err(|_| unknown())?;
    webhooks::find_within(db, reach, id).await?.ok_or_else(unknown)
}

/// Its delivery of that id.
pub async fn find_delivery(db: &impl ConnectionTrait, webhook: &WebhookRow, text: &str) -> Answer<DeliveryRow> {
    let unknown = || {
        let detail = format!("there is no delivery \"{}\"; list them with `vclouden webhook deliveries`", short(text));
        Refusal::missing("unknown-delivery", detail)
    };
    let id: DeliveryId = text.parse().map_err(|_| unknown())?;
    deliveries::find(db, webhook.id, id).await?.ok_or_else(unknown)
}

/// Checks where to.
fn url(plane: &Plane, text: String) -> Answer<String> {
    let bad = |why: OutboundError| Refusal::invalid("bad-url", why.to_string());
    let uri = outbound::check(&text).map_err(bad)?;
    if uri.scheme_str() == Some("http") && plane.settings.get().webhook_networks.is_empty() {
        return Err(bad(OutboundError::Clear));
    }
    Ok(text)
}

/// Checks of what.
fn chosen(mut wanted: Vec<String>) -> Answer<Vec<String>> {
    let all = names();
    if let Some(strange) = wanted.iter().find(|name| !all.contains(&name.as_str())) {
        let detail = format!("there is no event \"{}\"; there are: {}", short(strange), all.join(", "));
        return Err(Refusal::invalid("bad-event", detail));
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(wanted)
}

/// Where an address is, without its path: that often holds a key.
pub fn site_of(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

fn thing(row: &WebhookRow) -> Thing<'_> {
    let (id, name) = (row.id.to_string(), Some(site_of(&row.url)));
    Thing { id, name, publisher: Some(&row.publisher), ..Thing::default() }
}

/// Makes one; the answer is the only one that has its secret.
pub async fn create_webhook(plane: &Plane, actor: &Actor, input: CreateWebhook) -> Answer<(String, WebhookRow)> {
    let (url, events) = (url(plane, input.url)?, chosen(input.events)?);
    let publisher = actor.publisher_for(input.publisher)?;
    let tx = plane.store.write().await?;
    require_publisher(&tx, actor, &publisher).await?;
    if webhooks::count(&*tx, &publisher).await? >= MOST {
        let detail = format!("a publisher has at most {MOST} webhooks; delete one first");
        return Err(Refusal::conflict("too-many-webhooks", detail));
    }
    let secret = secret();
    let row = WebhookRow {
        id: WebhookId::new(),
        publisher,
        url,
        events,
        secret: plane.seal.seal(PURPOSE, &secret),
        seen: events::last(&*tx).await?,
        created_by: actor.name().to_owned(),
        created_at: plane.now(),
        failing_since: None,
        disabled_at: None,
        disabled_because: None,
    };
    webhooks::create(&tx, &row).await?;
    record(plane, &tx, actor, "webhook.create", thing(&row), json!({ "events": row.events })).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok((secret, row))
}

/// Changes what is given.
pub async fn change_webhook(plane: &Plane, actor: &Actor, text: &str, input: ChangeWebhook) -> Answer<WebhookRow> {
    let tx = plane.store.write().await?;
    let mut row = find_webhook(&*tx, &actor.reach, text).await?;
    if let Some(wanted) = input.url {
        row.url = url(plane, wanted)?;
    }
    if let Some(wanted) = input.events {
        row.events = chosen(wanted)?;
    }
    match input.enabled {
        Some(true) if row.disabled_at.is_some() => {
            // What happened meanwhile is old by now.
            row.seen = events::last(&*tx).await?;
            (row.disabled_at, row.disabled_because, row.failing_since) = (None, None, None);
        }
        Some(false) if row.disabled_at.is_none() => {
            disable(plane, &tx, &mut row, format!("{} disabled it", actor.name())).await?;
        }
        _ => {}
    }
    webhooks::update(&tx, &row).await?;
    let detail = json!({ "events": row.events, "enabled": row.disabled_at.is_none() });
    record(plane, &tx, actor, "webhook.change", thing(&row), detail).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(row)
}

/// From now on nothing is sent, also of what was still to be sent.
pub async fn disable(plane: &Plane, tx: &Tx, row: &mut WebhookRow, because: String) -> Answer<()> {
    (row.disabled_at, row.disabled_because) = (Some(plane.now()), Some(because));
    deliveries::give_up(tx, row.id).await?;
    webhooks::update(tx, row).await?;
    Ok(())
}

/// Deletes one with everything that it was sent.
pub async fn delete_webhook(plane: &Plane, actor: &Actor, text: &str) -> Answer<()> {
    let tx = plane.store.write().await?;
    let row = find_webhook(&*tx, &actor.reach, text).await?;
    webhooks::delete(&tx, row.id).await?;
    record(plane, &tx, actor, "webhook.delete", thing(&row), json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}

/// Sends it something that says nothing.
pub async fn test_webhook(plane: &Plane, actor: &Actor, text: &str) -> Answer<DeliveryRow> {
    let tx = plane.store.write().await?;
    let row = find_webhook(&*tx, &actor.reach, text).await?;
    let data = json!({ "webhook": row.id, "asked_for_by": actor.name() });
    send(plane, actor, tx, &row, TEST, body(TEST, plane.now(), &data)?).await
}

/// Sends once more what it was sent, as a delivery of its own.
pub async fn resend(plane: &Plane, actor: &Actor, text: &str, delivery: &str) -> Answer<DeliveryRow> {
    let tx = plane.store.write().await?;
    let row = find_webhook(&*tx, &actor.reach, text).await?;
    let before = find_delivery(&*tx, &row, delivery).await?;
    send(plane, actor, tx, &row, &before.event, before.body).await
}

async fn send(
    plane: &Plane,
    actor: &Actor,
    tx: Tx,
    row: &WebhookRow,
    event: &str,
    body: String,
) -> Answer<DeliveryRow> {
    if row.disabled_at.is_some() {
        let detail = "this webhook is disabled; enable it with `vclouden webhook change ID --enable`";
        return Err(Refusal::conflict("webhook-disabled", detail));
    }
    let delivery = DeliveryRow::new(row.id, event, body, plane.now());
    deliveries::create(&tx, &delivery).await?;
    record(plane, &tx, actor, "webhook.send", thing(row), json!({ "event": event })).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(delivery)
}

//! Tells publishers of events at their webhooks: at least once, each webhook in order as far as possible. An event that
//! is not taken holds back those after it at first; then it is tried by itself, for a day in all.

use std::sync::Arc;
use std::time::Duration;

use domain::WebhookId;
use http::{HeaderMap, HeaderValue, header};
use nimbus_api::Millis;
use serde_json::json;

use super::AtWork;
use crate::Plane;
use crate::access::{Reach, Role};
use crate::letters::{self, Letter};
use crate::operations::webhooks::disable;
use crate::operations::webhooks::site_of;
use crate::problem::Answer;
use crate::store::deliveries::{self, DeliveryRow};
use crate::store::events::{self, Filter, Part};
use crate::store::webhooks::{self, WebhookRow};
use crate::store::{Result, people};
use crate::web::design::Language;
use crate::webhooks::outbound::{self, Answered, Network, OutboundError};
use crate::webhooks::{PURPOSE, body, name_of, signature};
use crate::wire::Outcome;

/// Time between two looks without being woken.
const TIMER: Duration = Duration::from_secs(1);

/// Least time between two looks.
const REST: Duration = Duration::from_millis(50);

/// Events that are looked at for one webhook at once.
const EVENTS: u64 = 200;

/// After so many events that concern nobody it is kept that they were looked at.
const STRIDE: u64 = 1_000;

/// Milliseconds for which an attempt is nobody else's: longer than it takes.
const LEASE: Millis = 30_000;

/// Attempts of one delivery during which it holds back those after it.
const HOLDS: u64 = 3;

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;

/// Until the next attempt after each; after the last it is given up, a day after the first.
const PAUSES: &[Millis] =
    &[5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 8 * HOUR];

/// A webhook to which nothing could be delivered for so long is disabled.
const LOST: Millis = 3 * 24 * HOUR;

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    let mut changes = plane.progress.watch();
    let mut at_work = AtWork::new();
    loop {
        changes.mark_unchanged();
        if let Err(error) = look(&plane, &mut at_work).await {
            tracing::error!(%error, "webhooks could not be read or recorded");
        }
        tokio::time::sleep(REST).await;
        let _ = tokio::time::timeout(TIMER, changes.changed()).await;
    }
}

async fn look(plane: &Arc<Plane>, at_work: &mut AtWork<WebhookId>) -> Result<()> {
    let last = events::last(plane.store.read()).await?;
    for row in webhooks::behind(plane.store.read(), last).await? {
        write_down(plane, &row, last).await?;
    }
    for id in deliveries::due(plane.store.read(), plane.now()).await? {
        let plane = plane.clone();
        at_work.ensure(id, async move {
            if let Err(refusal) = deliver_all(&plane, id).await {
                tracing::error!(why = refusal.detail, "a webhook's deliveries could not be recorded");
            }
        });
    }
    Ok(())
}

/// Makes deliveries of the events that a webhook wants, each once.
async fn write_down(plane: &Plane, row: &WebhookRow, last: u64) -> Result<()> {
    let db = plane.store.read();
    let reach = Reach::Publisher(row.publisher.clone());
    let found = events::list(db, &reach, &Filter::default(), Part::After(row.seen), EVENTS).await?;
    let whole = (found.len() as u64) < EVENTS;
    let to = if whole { last } else { found.last().map_or(last, |event| event.sequence) };
    let mut wanted = Vec::new();
    for event in found.iter().filter(|event| event.sequence <= to) {
        if let Some(name) = name_of(db, event).await?
            && row.wants(&name)
        {
            wanted.push(DeliveryRow::new(row.id, &name, body(&name, event.at, event)?, plane.now()));
        }
    }
    if wanted.is_empty() && whole && to - row.seen < STRIDE {
        return Ok(());
    }
    let tx = plane.store.write().await?;
    if webhooks::looked(&tx, row, to).await? {
        for delivery in &wanted {
            deliveries::create(&tx, delivery).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Makes what has come due of one webhook, one after the other.
async fn deliver_all(plane: &Plane, id: WebhookId) -> Answer<()> {
    loop {
        let waiting = deliveries::to_make(plane.store.read(), id, 100).await?;
        let now = plane.now();
        let due = |row: &DeliveryRow| row.next_at.is_some_and(|at| at <= now);
        let held_back = waiting.iter().position(|row| !due(row) && row.attempts > 0 && row.attempts < HOLDS);
        let free = &waiting[..held_back.unwrap_or(waiting.len())];
        let Some(row) = free.iter().find(|row| due(row)).cloned() else { return Ok(()) };
        let Some(webhook) = webhooks::find_within(plane.store.read(), &Reach::All, id).await? else { return Ok(()) };
        if webhook.disabled_at.is_some() || !deliver(plane, webhook, row).await? {
            return Ok(());
        }
    }
}

/// One attempt; whether it was made.
async fn deliver(plane: &Plane, webhook: WebhookRow, mut row: DeliveryRow) -> Answer<bool> {
    // Who is killed from here on leaves it to be tried again.
    let tx = plane.store.write().await?;
    if !deliveries::claim(&tx, &row, plane.now() + LEASE).await? {
        return Ok(false);
    }
    tx.commit().await?;
    row.attempts += 1;
    let (at, began) = (plane.now(), std::time::Instant::now());
    let answered = send(plane, &webhook, &row, at).await;
    row.tried_at = Some(at);
    row.duration_ms = u64::try_from(began.elapsed().as_millis()).ok();
    let gone = note(&mut row, answered);
    let taken = row.error.is_none();
    let pause = usize::try_from(row.attempts).ok().and_then(|count| PAUSES.get(count - 1));
    row.delivered_at = taken.then(|| plane.now());
    row.next_at = pause.filter(|_| !taken).map(|pause| plane.now() + jittered(*pause));
    let tx = plane.store.write().await?;
    deliveries::update(&tx, &row).await?;
    let Some(mut webhook) = webhooks::find_within(&*tx, &Reach::All, webhook.id).await? else { return Ok(false) };
    if taken && webhook.failing_since.is_some() {
        webhook.failing_since = None;
        webhooks::update(&tx, &webhook).await?;
    }
    if !taken {
        let since = *webhook.failing_since.get_or_insert(at);
        webhooks::update(&tx, &webhook).await?;
        if webhook.disabled_at.is_none() && (gone || at.saturating_sub(since) >= LOST) {
            lose(plane, &tx, &mut webhook, row.error.as_deref().unwrap_or("")).await?;
        }
    }
    tx.commit().await?;
    plane.progress.changed();
    Ok(true)
}

/// Notes how an attempt went; whether the receiver wants no more.
fn note(row: &mut DeliveryRow, answered: std::result::Result<Answered, OutboundError>) -> bool {
    let answered = match answered {
        Ok(answered) => answered,
        Err(error) => {
            (row.status, row.response, row.error) = (None, None, Some(error.to_string()));
            return false;
        }
    };
    (row.status, row.response) = (Some(answered.status), Some(answered.excerpt));
    row.error = match answered.status {
        200..300 => None,
        300..400 => Some(format!("it answered {}: redirects are not followed", answered.status)),
        410 => Some("it answered 410: it wants no more".into()),
        other => Some(format!("it answered {other}")),
    };
    answered.status == 410
}

async fn send(
    plane: &Plane,
    webhook: &WebhookRow,
    row: &DeliveryRow,
    at: Millis,
) -> std::result::Result<Answered, OutboundError> {
    let (id, seconds) = (row.id.to_string(), at / SECOND);
    let secret = plane.seal.unseal(PURPOSE, &webhook.secret);
    let signed = secret.and_then(|secret| signature(&secret, &id, seconds, &row.body));
    let signed =
        signed.ok_or(OutboundError::Url("its secret cannot be read any more; delete the webhook and make it anew"))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("vClouden/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in [("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signed)]
    {
        headers.insert(name, HeaderValue::from_str(&value).expect("digits, letters and base64 are a header"));
    }
    let settings = plane.settings.get();
    let allowed: Vec<Network> = settings.webhook_networks.iter().filter_map(|network| network.parse().ok()).collect();
    outbound::post(&webhook.url, headers, row.body.clone(), &allowed).await
}

/// Up to a fifth more or less, so that not everybody comes back at the same moment.
fn jittered(pause: Millis) -> Millis {
    let mut random = [0_u8; 2];
    getrandom::fill(&mut random).expect("the kernel gives random bytes");
    pause * 4 / 5 + pause * 2 / 5 * u64::from(u16::from_be_bytes(random)) / u64::from(u16::MAX)
}

/// Disables a webhook that nobody answers at, and tells its publisher's owners.
async fn lose(plane: &Plane, tx: &crate::store::Tx, webhook: &mut WebhookRow, why: &str) -> Answer<()> {
    disable(plane, tx, webhook, why.to_owned()).await?;
    let event = events::New {
        at: plane.now(),
        actor: "plane".into(),
        address: None,
        verb: "webhook.change",
        kind: "webhook",
        id: webhook.id.to_string(),
        name: Some(site_of(&webhook.url)),
        publisher: Some(webhook.publisher.clone()),
        customer: None,
        app: None,
        installation: None,
        outcome: Outcome::Done,
        detail: json!({ "enabled": false, "because": why }),
    };
    events::record(tx, &event).await?;
    let reach = Reach::Publisher(webhook.publisher.clone());
    let owners = people::members(&**tx, &reach).await?.into_iter().filter(|member| member.role == Role::Owner);
    let link = format!("{}/p/{}/webhooks/{}", plane.first_site(None), webhook.publisher, webhook.id);
    for owner in owners.filter(|_| plane.mail_is_set_up()) {
        let language = Language::of_tag(&owner.person.language).unwrap_or_default();
        let values = [("url", webhook.url.as_str()), ("why", why), ("link", &link)];
        let letter = Letter { to: &owner.person.mail, key: "letter-webhook", values: &values };
        letters::send_as(plane, tx, None, language, letter).await?;
    }
    plane.progress.mails.notify_one();
    Ok(())
}

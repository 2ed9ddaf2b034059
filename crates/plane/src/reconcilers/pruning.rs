//! Keeps the store from growing for ever: the oldest events, deployments and operations are deleted, and then the
//! records of removed installations of which nothing else tells any more.

use std::sync::Arc;
use std::time::Duration;

use nimbus_api::Millis;

use crate::Plane;
use crate::operations::attach::forget_unneeded;
use crate::operations::log_in::{LASTS, LASTS_UNUSED};
use crate::store::{
    Result, Tx, attachments, deliveries, deployments, device_logins, events, factors, installations, invitations,
    leaves, links, mails, operations, passkeys, sessions, tickets, told, usage,
};
use crate::web::design::format::machine;
use crate::wire::Retention;

/// Milliseconds of a day.
const DAY: Millis = 24 * 3600 * 1000;

/// Milliseconds for which it is kept that a letter was sent, or an event to a webhook.
const LETTERS: Millis = 30 * 24 * 3600 * 1000;

/// Milliseconds for which a file waits to be part of a ticket.
const FILES: Millis = 24 * 3600 * 1000;

/// Milliseconds for which it is kept what each day used, which is part of its month; two whole months at least.
const USED_DAYS: Millis = 70 * DAY;

/// The same for what each month used: two years.
const USED_MONTHS: Millis = 2 * 366 * DAY;

/// Time between two looks.
const TIMER: Duration = Duration::from_secs(3600);

/// Pause between two transactions, for those who have something to record.
const BREATH: Duration = Duration::from_millis(20);

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    loop {
        match prune(&plane).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old records were deleted"),
            Err(error) => tracing::error!(%error, "old records could not be deleted"),
        }
        if let Err(error) = plane.store.look_at_sizes().await {
            tracing::error!(%error, "the store could not look at its sizes");
        }
        if let Err(why) = sweep(&plane).await {
            tracing::error!(why, "files that no ticket has could not be deleted");
        }
        tokio::time::sleep(TIMER).await;
    }
}

async fn prune(plane: &Plane) -> Result<u64> {
    let mut count = 0;
    let kept = plane.settings.get().retention;
    for (publisher, up_to) in events::too_many(plane.store.read(), kept.events).await? {
        loop {
            let tx = plane.store.write().await?;
            let some = events::prune_of(&tx, publisher.as_ref(), up_to).await?;
            tx.commit().await?;
            if some == 0 {
                break;
            }
            count += some;
            tokio::time::sleep(BREATH).await;
        }
    }
    loop {
        let tx = plane.store.write().await?;
        let some = some(&tx, plane.now(), &kept).await? + ended(&tx, plane.now(), &kept).await?;
        tx.commit().await?;
        if some == 0 {
            return Ok(count);
        }
        count += some;
        tokio::time::sleep(BREATH).await;
    }
}

/// Of when the oldest is that is kept.
fn oldest(now: Millis, kept: &Retention) -> Millis {
    now.saturating_sub(DAY * u64::from(kept.days))
}

/// Deletes what let somebody in and does so no more, and letters of long ago.
async fn ended(tx: &Tx, now: Millis, kept: &Retention) -> Result<u64> {
    let mut some = sessions::prune(tx, now.saturating_sub(LASTS), now.saturating_sub(LASTS_UNUSED)).await?;
    some += invitations::prune(tx, now).await?;
    some += links::prune(tx, now).await?;
    some += factors::prune(tx, now).await?;
    some += passkeys::prune(tx, now).await?;
    some += device_logins::prune(tx, now).await?;
    some += mails::prune(tx, now.saturating_sub(LETTERS)).await?;
    some += attachments::prune(tx, now.saturating_sub(FILES)).await?;
    some += leaves::prune(tx, now).await?;
    some += tickets::prune(tx, oldest(now, kept)).await?;
    let (day, month) = (machine(now.saturating_sub(USED_DAYS)), machine(now.saturating_sub(USED_MONTHS)));
    some += told::prune(tx, now.saturating_sub(LETTERS)).await?;
    some += usage::prune(tx, &day[..10], &month[..7]).await?;
    some += deliveries::prune(tx, now.saturating_sub(LETTERS)).await?;
    Ok(some)
}

/// Deletes files of which no row tells any more, or never did because the control plane was stopped in between.
async fn sweep(plane: &Plane) -> std::result::Result<(), String> {
    for sha256 in plane.artifacts.attachments().map_err(|error| error.to_string())? {
        forget_unneeded(plane, &sha256).await.map_err(|refusal| refusal.detail)?;
    }
    Ok(())
}

/// Deletes some of what there is too much of, or what is from before a time.
async fn some(tx: &Tx, now: Millis, kept: &Retention) -> Result<u64> {
    let before = oldest(now, kept);
    let mut some = events::prune(tx, before).await?;
    let before = operations::begin_of_newest(tx, kept.operations).await?.max(before);
    // Its operations go with a deployment.
    some += deployments::prune(tx, before).await?;
    some += operations::prune(tx, before).await?;
    some += installations::prune(tx).await?;
    Ok(some)
}

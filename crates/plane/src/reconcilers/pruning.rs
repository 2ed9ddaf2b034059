//! Keeps the audit from growing for ever: the oldest events are deleted.

use std::sync::Arc;
use std::time::Duration;

use nimbus_api::Millis;

use crate::Plane;
use crate::store::{Result, events};

/// Most events that are kept.
const EVENTS: u64 = 100_000;

/// Milliseconds for which an event is kept at most: 400 days.
const AGE: Millis = 400 * 24 * 3600 * 1000;

/// Time between two looks.
const TIMER: Duration = Duration::from_secs(3600);

/// Pause between two transactions, for those who have something to record.
const BREATH: Duration = Duration::from_millis(20);

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    loop {
        match prune(&plane).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old events were deleted"),
            Err(error) => tracing::error!(%error, "old events could not be deleted"),
        }
        tokio::time::sleep(TIMER).await;
    }
}

async fn prune(plane: &Plane) -> Result<u64> {
    let mut count = 0;
    loop {
        let tx = plane.store.write().await?;
        let up_to = events::last(&*tx).await?.saturating_sub(EVENTS);
        let some = events::prune(&tx, up_to, plane.now().saturating_sub(AGE)).await?;
        tx.commit().await?;
        if some == 0 {
            return Ok(count);
        }
        count += some;
        tokio::time::sleep(BREATH).await;
    }
}

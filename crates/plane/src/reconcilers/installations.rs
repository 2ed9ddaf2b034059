//! Brings about what persons asked of single installations, and looks again at what is stuck.

use std::sync::Arc;
use std::time::Duration;

use domain::state::OperationState;

use super::AtWork;
use super::drive::{ask_again, drive};
use crate::Plane;
use crate::store::operations;

/// Time between two looks without being woken.
const TIMER: Duration = Duration::from_secs(10);

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    let mut at_work = AtWork::new();
    loop {
        match operations::asked_by_persons(plane.store.read()).await {
            Ok(ids) => {
                for id in ids {
                    let plane = plane.clone();
                    at_work.ensure(id, async move {
                        if let Err(error) = drive(&plane, id).await {
                            tracing::error!(%error, operation = %id, "an operation could not be driven");
                        }
                    });
                }
            }
            Err(error) => tracing::error!(%error, "operations could not be read"),
        }
        let woken = tokio::time::timeout(TIMER, plane.progress.operations.notified()).await;
        if woken.is_err() {
            look_at_stuck(&plane).await;
        }
    }
}

async fn look_at_stuck(plane: &Arc<Plane>) {
    let stuck = match operations::under_way(plane.store.read(), OperationState::Stuck).await {
        Ok(stuck) => stuck,
        Err(error) => return tracing::error!(%error, "operations could not be read"),
    };
    for id in stuck {
        if let Err(error) = ask_again(plane, id).await {
            tracing::error!(%error, operation = %id, "a stuck operation could not be looked at");
        }
    }
}

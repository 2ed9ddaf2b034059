//! Looks whether host names are proved by now: who has made the record need not come back to say so.

use std::sync::Arc;
use std::time::Duration;

use crate::Plane;
use crate::operations::prove_host::look_at_some;
use crate::wire::NamesProof;

/// Time between two looks.
const TIMER: Duration = Duration::from_secs(60);

/// Claims of one look.
const AT_ONCE: usize = 20;

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    loop {
        if plane.names_proof() == NamesProof::Dns
            && let Err(refusal) = look_at_some(&plane, AT_ONCE).await
        {
            tracing::error!(why = %refusal.detail, "host names could not be looked at");
        }
        tokio::time::sleep(TIMER).await;
    }
}

//! Looks whether host names are proved by now: who has made the record need not come back to say so.

use std::sync::Arc;
use std::time::Duration;

use nimbus_api::Millis;

use crate::Plane;
use crate::operations::prove_host::look_at_some;
use crate::wire::NamesProof;

/// Time between two looks.
const TIMER: Duration = Duration::from_secs(60);

/// Claims of one look.
const AT_ONCE: u64 = 20;

/// Milliseconds for which a claim is looked at by itself; later on its publisher asks for it.
const LASTS: Millis = 7 * 24 * 3600 * 1000;

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    loop {
        if plane.names_proof() == NamesProof::Dns
            && let Err(refusal) = look_at_some(&plane, plane.now().saturating_sub(LASTS), AT_ONCE).await
        {
            tracing::error!(why = %refusal.detail, "host names could not be looked at");
        }
        tokio::time::sleep(TIMER).await;
    }
}

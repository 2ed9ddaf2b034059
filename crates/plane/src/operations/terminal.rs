//! A shell in a terminal inside an installation, for a person at a page. The audit has who had it from when to when, not
//! what was typed.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use nimbus_api::{ExecRequest, TtySize};
use serde_json::json;

use super::{Actor, exec, installation_event};
use crate::Plane;
use crate::problem::Answer;
use crate::server::ByteStream;
use crate::store::events;
use crate::store::installations::InstallationRow;
use crate::wire::Outcome;

/// What the audit calls it.
const VERB: &str = "installation.terminal";

/// The best shell that there is, where the data is.
const SHELL: &str = "export TERM=xterm-256color; cd \"$HOME\" 2>/dev/null; \
    if [ -x /bin/bash ]; then exec /bin/bash; else exec /bin/sh; fi";

/// A terminal that was opened.
pub struct Opened {
    /// In which installation.
    pub row: InstallationRow,
    /// What the shell says.
    pub frames: ByteStream,
}

/// Opens it; `input` are frames.
pub async fn open(
    plane: &Plane,
    actor: &Actor,
    installation: &str,
    size: TtySize,
    input: BoxStream<'static, Bytes>,
) -> Answer<Opened> {
    let command = ["/bin/sh", "-c", SHELL].map(str::to_owned).to_vec();
    let (row, frames) =
        exec::begin(plane, actor, installation, VERB, ExecRequest { command, tty: Some(size) }, input).await?;
    Ok(Opened { row, frames })
}

/// Writes into the audit that it has ended, and why.
pub async fn closed(plane: &Plane, actor: &Actor, row: &InstallationRow, lasted: Duration, why: &str) -> Answer<()> {
    let detail = json!({ "ended": why, "seconds": lasted.as_secs() });
    let event = installation_event(plane.now(), actor.name(), row, VERB, Outcome::Done, detail);
    let tx = plane.store.write().await?;
    events::record(&tx, &event).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}

//! Knows a server once it answers, and takes its events into the audit.

use std::sync::Arc;
use std::time::Duration;

use domain::ServerId;
use futures_util::StreamExt;
use nimbus_api::{NimbusEvent, NimbusEventKind, Phase};
use serde_json::json;

use super::Pause;
use super::drive::ask_again;
use crate::Plane;
use crate::server::ServerError;
use crate::servers::Handle;
use crate::store::{self, Result, Tx, attention, events, installations, servers, snapshots};
use crate::wire::{Need, Outcome};

/// Most events recorded in one transaction.
const BATCH: usize = 256;

/// The loop for one server.
pub async fn run(plane: Arc<Plane>, handle: Arc<Handle>) {
    let mut pause = Pause::new();
    loop {
        match follow(&plane, &handle).await {
            Ok(()) => pause = Pause::new(),
            Err(Trouble::Server(error)) => tracing::debug!(%error, "a server does not answer"),
            Err(Trouble::Store(error)) => tracing::error!(%error, "a server's events could not be recorded"),
        }
        pause.wait().await;
    }
}

enum Trouble {
    Server(ServerError),
    Store(store::StoreError),
}

impl From<ServerError> for Trouble {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl From<store::StoreError> for Trouble {
    fn from(error: store::StoreError) -> Self {
        Self::Store(error)
    }
}

/// Records the server and then its events until the connection ends.
async fn follow(plane: &Arc<Plane>, handle: &Arc<Handle>) -> Result<(), Trouble> {
    let report = handle.server.report().await?;
    let tx = plane.store.write().await?;
    servers::seen(&tx, report.id, &report.host, plane.now()).await?;
    tx.commit().await?;
    if handle.is(report.id) {
        tracing::info!(server = %report.id, host = report.host, "a server answers");
        plane.progress.operations.notify_one();
        plane.progress.attention.notify_one();
        plane.progress.changed();
    }
    let known = servers::list(plane.store.read()).await?;
    let cursor = known.iter().find(|row| row.id == report.id).map_or(0, |row| row.event_cursor);
    let mut batches = handle.server.events(cursor).await?.ready_chunks(BATCH);
    while let Some(batch) = batches.next().await {
        let mut good = Vec::with_capacity(batch.len());
        let mut broken = None;
        for event in batch {
            match event {
                Ok(event) => good.push(event),
                Err(error) => broken = Some(error),
            }
        }
        record(plane, report.id, &good).await?;
        if let Some(error) = broken {
            return Err(error.into());
        }
        // A busy server says much: taking a little at a time spares a write for each word.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn record(plane: &Arc<Plane>, server: ServerId, news: &[NimbusEvent]) -> Result<()> {
    let Some(last) = news.last() else { return Ok(()) };
    let tx = plane.store.write().await?;
    for event in news {
        record_one(&tx, server, event).await?;
    }
    servers::set_event_cursor(&tx, server, last.sequence).await?;
    tx.commit().await?;
    plane.progress.changed();
    for event in news {
        // Who drives an operation sees its end; one that is stuck has nobody.
        if let NimbusEventKind::OperationEnded { operation, .. } = event.what {
            ask_again(plane, operation).await?;
        }
    }
    Ok(())
}

async fn record_one(tx: &Tx, server: ServerId, event: &NimbusEvent) -> Result<()> {
    let (verb, outcome, detail) = match &event.what {
        NimbusEventKind::PhaseChanged { phase, exit } => {
            let well = !matches!(phase, Phase::Unhealthy | Phase::Restarting | Phase::Failed);
            let outcome = if well { Outcome::Done } else { Outcome::Failed };
            if let Some(id) = event.installation {
                match phase {
                    _ if !well => attention::set(tx, id, Need::Crashing, event.at).await?,
                    // It may end again before it is healthy.
                    Phase::Starting => false,
                    _ => attention::clear(tx, id, Need::Crashing).await?,
                };
            }
            ("installation.phase", outcome, json!({ "phase": phase, "exit": exit, "server": server }))
        }
        // Whoever drives the operation records its end.
        NimbusEventKind::OperationEnded { .. } => return Ok(()),
        NimbusEventKind::SnapshotExpired { taken_at } => {
            if let Some(id) = event.installation {
                snapshots::expired(tx, id, *taken_at).await?;
            }
            ("installation.snapshot-expired", Outcome::Done, json!({ "taken_at": taken_at, "server": server }))
        }
        NimbusEventKind::ServerWarning { warning, over } => {
            let outcome = if *over { Outcome::Done } else { Outcome::Failed };
            ("server.warning", outcome, json!({ "warning": warning, "over": over, "server": server }))
        }
    };
    let row = match event.installation {
        Some(id) => installations::find(&**tx, id).await?,
        None => None,
    };
    let new = events::New {
        at: event.at,
        actor: "nimbus".into(),
        address: None,
        verb,
        kind: verb.split('.').next().unwrap_or_default(),
        id: event.installation.map_or_else(|| server.to_string(), |id| id.to_string()),
        name: row.as_ref().map(|row| row.name.to_string()),
        publisher: row.as_ref().map(|row| row.publisher.clone()),
        customer: row.as_ref().map(|row| row.customer.clone()),
        app: row.map(|row| row.app),
        installation: event.installation,
        outcome,
        detail,
    };
    events::record(tx, &new).await?;
    Ok(())
}

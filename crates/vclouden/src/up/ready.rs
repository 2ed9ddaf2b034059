//! Waits until what was started serves.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use plane::wire::{Page, Server};

use crate::api::Api;
use crate::config::Access;
use crate::output::note;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// After that long without an edge the control plane is started all the same.
const EDGE_PATIENCE: Duration = Duration::from_secs(10);
/// Says what it waits for this often.
const TELL: Duration = Duration::from_secs(10);

/// Waits until Nimbus answers and an edge is connected to it. The control plane is started only then, so that whoever
/// reaches it also reaches what is behind it.
pub async fn nimbus(socket: &Path) -> Result<()> {
    let client = nimbus_api::Client::new(socket);
    let begin = Instant::now();
    let mut told = begin;
    loop {
        let waits_for = match client.server().await {
            Ok(report) if report.edge_connected || begin.elapsed() > EDGE_PATIENCE => return Ok(()),
            Ok(_) => "the edge".to_owned(),
            Err(error) => format!("Nimbus ({error})"),
        };
        tell(&mut told, &waits_for);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until the control plane answers and has seen the server; what it says of it.
pub async fn plane(url: &str, token: &str) -> Result<Option<Server>> {
    let api = Api::new(&Access { api: url.to_owned(), token: token.to_owned() })?;
    let begin = Instant::now();
    let mut told = begin;
    loop {
        match api.get::<Page<Server>>("/servers", &[]).await {
            // A server that was seen before an earlier end is listed at once, and has a report once it is seen again.
            Ok(page) if page.items.iter().any(|server| server.report.is_some()) || begin.elapsed() > EDGE_PATIENCE => {
                return Ok(page.items.into_iter().next());
            }
            Ok(_) => tell(&mut told, "the control plane to see Nimbus"),
            Err(failure) => tell(&mut told, &format!("the control plane ({failure})")),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn tell(told: &mut Instant, waits_for: &str) {
    if told.elapsed() > TELL {
        *told = Instant::now();
        note(format!("Waiting for {waits_for} ..."));
    }
}

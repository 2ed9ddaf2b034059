//! What happens on this server, as it happens.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::{Answer, App, Query, line, stream};

/// Events of one look.
const BATCH: usize = 500;

/// Where to begin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begin {
    #[serde(default)]
    after: u64,
}

/// `GET /events?after=SEQUENCE`
pub(super) async fn follow(State(engine): App, Query(begin): Query<Begin>) -> Answer<Response> {
    let (sender, response) = stream("application/x-ndjson");
    tokio::spawn(async move {
        let mut newest = engine.events.newest();
        let mut last = begin.after;
        loop {
            newest.mark_unchanged();
            for event in engine.events.after(last, BATCH) {
                last = event.sequence;
                match line(&event) {
                    Ok(line) => {
                        if sender.send(line).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => tracing::error!(%error, "an event is lost"),
                }
            }
            if last < *newest.borrow() && !engine.events.after(last, 1).is_empty() {
                continue;
            }
            tokio::select! {
                changed = newest.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
            }
        }
    });
    Ok(response)
}

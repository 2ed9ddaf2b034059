//! An installation's log, as it is and as it grows.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use domain::InstallationId;
use keeper::logs::{Line, MAX_LINES, follow};
use nimbus_api::LogLine;
use serde::Deserialize;

use super::{Answer, App, Path, Query, blocking, line, stream};
use crate::error::{NimbusError, io};

/// Between two looks at a log that somebody follows.
const LOOK: Duration = Duration::from_millis(200);

/// How much of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    #[serde(default = "hundred")]
    lines: usize,
    #[serde(default)]
    follow: bool,
}

fn hundred() -> usize {
    100
}

/// `GET /installations/{id}/logs?lines=N&follow=BOOL`
pub(super) async fn show(
    State(engine): App,
    Path(id): Path<InstallationId>,
    Query(wish): Query<Wish>,
) -> Answer<Response> {
    super::installations::present(&engine, id)?;
    let dir = engine.volume.logs(id);
    let count = wish.lines.min(MAX_LINES);
    let read = move || follow(&dir, count).map_err(io("read the log in", &dir));
    let (lines, mut follower) = blocking(read).await?.map_err(|error: NimbusError| error)?;
    let (sender, response) = stream("application/x-ndjson");
    let first = encode(&lines);
    tokio::spawn(async move {
        if sender.send(first).await.is_err() || !wish.follow {
            return;
        }
        // Until the reader leaves or the installation is removed.
        while engine.registry.get(id).is_some() && !engine.journal.is_halted() {
            tokio::time::sleep(LOOK).await;
            let read = tokio::task::spawn_blocking(move || follower.read().map(|lines| (lines, follower))).await;
            let Ok(Ok((lines, same))) = read else { return };
            follower = same;
            // Also tells whether the reader is still there.
            if sender.is_closed() || (!lines.is_empty() && sender.send(encode(&lines)).await.is_err()) {
                return;
            }
        }
    });
    Ok(response)
}

fn encode(lines: &[Line]) -> Bytes {
    let mut bytes = BytesMut::new();
    for one in lines {
        let one = LogLine { at: one.at_ms, stream: one.stream.as_str().to_owned(), text: one.text.clone() };
        match line(&one) {
            Ok(line) => bytes.extend_from_slice(&line),
            Err(error) => tracing::error!(%error, "a line of a log is lost"),
        }
    }
    bytes.freeze()
}

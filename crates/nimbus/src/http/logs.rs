//! An installation's log, as it is and as it grows; and what is kept of one that failed.

use std::time::Duration;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use domain::{InstallationId, OperationId};
use keeper::logs::{Line, MAX_LINES, follow};
use nimbus_api::LogLine;
use serde::Deserialize;

use super::{Answer, App, Path, Query, Refusal, blocking, line, stream};
use crate::engine::Engine;
use crate::error::{NimbusError, io};

/// Between two looks at a log that somebody follows.
const LOOK: Duration = Duration::from_millis(200);
/// What an answer is.
const LINES: &str = "application/x-ndjson";
/// Operations of an installation that is gone among which the one is looked for whose log is kept.
const LOOKED_AT: u32 = 20;

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
    if let Err(absent) = super::installations::present(&engine, id) {
        let count = wish.lines.min(MAX_LINES);
        let kept = blocking(move || of_the_last_failure(&engine, id, count)).await??;
        return kept.map(|kept| ([(header::CONTENT_TYPE, LINES)], kept).into_response()).ok_or(absent);
    }
    let dir = engine.volume.logs(id);
    let count = wish.lines.min(MAX_LINES);
    let read = move || follow(&dir, count).map_err(io("read the log in", &dir));
    let (lines, mut follower) = blocking(read).await?.map_err(|error: NimbusError| error)?;
    let (sender, response) = stream(LINES);
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

/// `GET /operations/{id}/log?lines=N`
pub(super) async fn of_operation(
    State(engine): App,
    Path(id): Path<OperationId>,
    Query(wish): Query<Wish>,
) -> Answer<Response> {
    let read = move || {
        engine.journal.find(id.0)?.ok_or(journal::JournalError::Unknown(id.0))?;
        Ok::<_, Refusal>(engine.failures.read(id, wish.lines.min(MAX_LINES))?)
    };
    match blocking(read).await?? {
        Some(kept) => Ok(([(header::CONTENT_TYPE, LINES)], kept).into_response()),
        None => {
            let hours = crate::failures::AGE.as_secs() / 3600;
            let message = format!(
                "no log of operation {id} is kept: no application made it fail, or that was more than {hours} hours ago"
            );
            Err(Refusal::new(StatusCode::NOT_FOUND, "no-log", message))
        }
    }
}

/// What is kept of an installation that is gone: the log of the newest operation that its application made fail.
fn of_the_last_failure(engine: &Arc<Engine>, id: InstallationId, lines: usize) -> Answer<Option<Vec<u8>>> {
    for operation in engine.journal.list(Some(id.0), LOOKED_AT)? {
        if let Some(kept) = engine.failures.read(OperationId(operation.id), lines)? {
            return Ok(Some(kept));
        }
    }
    Ok(None)
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

//! The data of an installation as an archive: of a kept copy, or of now. It is packed while it is sent.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use archive::ArchiveError;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::InstallationId;
use tokio::sync::{Semaphore, mpsc};

use super::{Answer, App, BACKLOG, Path, Refusal, blocking};
use crate::engine::Engine;
use crate::error::NimbusError;

/// Archives at a time: each keeps a processor busy.
static PLACES: Semaphore = Semaphore::const_new(4);
/// Bytes that are sent at once.
const PIECE: usize = 64 << 10;

/// `GET /installations/{id}/archive`
pub(super) async fn of_now(State(engine): App, Path(id): Path<InstallationId>) -> Answer<Response> {
    send(engine, id, None).await
}

/// `GET /installations/{id}/copies/{name}/archive`
pub(super) async fn of_copy(State(engine): App, Path((id, name)): Path<(InstallationId, String)>) -> Answer<Response> {
    send(engine, id, Some(name)).await
}

async fn send(engine: Arc<Engine>, id: InstallationId, name: Option<String>) -> Answer<Response> {
    let spec = super::installations::present(&engine, id)?;
    let place = PLACES.try_acquire().map_err(|_| {
        let message = "too many archives are made at a time; try again soon";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too-many", message)
    })?;
    let limits = archive::Limits::of_data(spec.version.manifest.limits.disk);
    let begin = move || {
        let reading = Reading::begin(engine, id, name.as_deref())?;
        archive::measure_data(&reading.path, &limits).map_err(unpackable)?;
        Ok::<_, Refusal>((reading, limits))
    };
    let (reading, limits) = blocking(begin).await??;
    let (sender, mut receiver) = mpsc::channel(BACKLOG);
    tokio::task::spawn_blocking(move || {
        let writer = BufWriter::with_capacity(PIECE, Pipe(sender.clone()));
        if let Err(error) = archive::pack_data(&reading.path, &limits, writer) {
            tracing::warn!(%id, %error, "an archive of its data was not sent to its end");
            // An archive that breaks off must not look whole. Whoever has left does not hear it.
            let _ = sender.blocking_send(Err(io::Error::other(error)));
        }
        drop((reading, place));
    });
    let pieces = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    Ok(([(header::CONTENT_TYPE, "application/gzip")], Body::from_stream(pieces)).into_response())
}

fn unpackable(error: ArchiveError) -> Refusal {
    match error {
        ArchiveError::Entry { .. } | ArchiveError::Limit { .. } => {
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "not-packable", error.to_string())
        }
        error => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "server-error", error.to_string()),
    }
}

/// A copy made for reading; deleted when dropped.
struct Reading {
    engine: Arc<Engine>,
    path: PathBuf,
}

impl Reading {
    fn begin(engine: Arc<Engine>, id: InstallationId, name: Option<&str>) -> Answer<Self> {
        // Looked up in the list: a name from outside is never a path.
        if let Some(name) = name
            && !engine.volume.snapshots(id).map_err(NimbusError::from)?.iter().any(|known| known == name)
        {
            let message = format!("installation {id} has no such copy: its time may be over; list those that are left");
            return Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-copy", message));
        }
        let path = engine.volume.begin_reading(id, name).map_err(NimbusError::from)?;
        Ok(Self { engine, path })
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Err(error) = self.engine.volume.end_reading(&self.path) {
            tracing::error!(path = %self.path.display(), %error, "a copy made for reading is deleted at the next start");
        }
    }
}

/// Sends what is written.
struct Pipe(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

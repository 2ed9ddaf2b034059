//! Archives that are published: the only requests with bodies that are not small, so they go into a file as they come.

use std::path::PathBuf;
use std::time::Duration;

use axum::extract::Request;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{StatusCode, header};
use multer::{Constraints, Multipart, SizeLimit};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::Plane;
use crate::problem::{Answer, Refusal};

/// Time between two pieces of an archive.
const PIECE_TIME: Duration = Duration::from_secs(60);

/// Most characters of notes.
const NOTES: usize = 10_000;

/// What a publisher says of a version must be of a length that somebody reads.
pub fn check_notes(notes: Option<&str>) -> Answer<()> {
    match notes {
        Some(notes) if notes.chars().count() > NOTES => {
            Err(Refusal::invalid("bad-notes", format!("the notes have more than {NOTES} characters; shorten them")))
        }
        _ => Ok(()),
    }
}

/// A received file, deleted in the end unless it was moved to where archives are kept.
pub struct Received {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of what came, in hexadecimal.
    pub hash: String,
}

impl Drop for Received {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %self.path.display(), "a received file could not be deleted");
            }
            _ => {}
        }
    }
}

impl Received {
    /// Receives what comes.
    pub async fn receive<E: std::fmt::Display>(
        plane: &Plane,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> Answer<Self> {
        let path = plane.artifacts.incoming().join(uuid::Uuid::now_v7().to_string());
        let mut file = tokio::fs::File::create_new(&path).await.map_err(Refusal::internal)?;
        let mut received = Self { path, hash: String::new() };
        let limit = plane.archive_limits.archive_bytes;
        let (mut bytes, mut hash) = (0_u64, Sha256::new());
        let mut pieces = std::pin::pin!(pieces);
        loop {
            let piece = tokio::time::timeout(PIECE_TIME, pieces.next()).await.map_err(|_| {
                let detail = format!("nothing came for {} seconds; send the archive again", PIECE_TIME.as_secs());
                Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
            })?;
            let Some(piece) = piece else { break };
            let data = piece.map_err(broken)?;
            bytes += data.len() as u64;
            if bytes > limit {
                return Err(Refusal::too_large("the archive", limit));
            }
            hash.update(&data);
            file.write_all(&data).await.map_err(cannot_keep)?;
        }
        file.flush().await.map_err(cannot_keep)?;
        received.hash = crate::secret::hex(&hash.finalize());
        Ok(received)
    }

    /// Receives the file `package` of a form, and what its field `notes` says, if that comes before it.
    pub async fn of_form(plane: &Plane, request: Request) -> Answer<(Self, Option<String>)> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let boundary = multer::parse_boundary(kind).map_err(|_| {
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "send a form with the file `package`")
        })?;
        let limit =
            SizeLimit::new().whole_stream(plane.archive_limits.archive_bytes + (1 << 20)).for_field("notes", 64 << 10);
        let body = request.into_body().into_data_stream();
        let mut form = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(limit));
        let mut notes = None;
        while let Some(field) = form.next_field().await.map_err(broken)? {
            match field.name() {
                Some("notes") => {
                    notes = Some(field.text().await.map_err(broken)?).filter(|notes| !notes.trim().is_empty())
                }
                Some("package") => {
                    check_notes(notes.as_deref())?;
                    return Ok((Self::receive(plane, field).await?, notes));
                }
                _ => {}
            }
        }
        Err(Refusal::invalid("no-package", "choose a package: a tar.gz of a directory with a vclouden.toml"))
    }
}

fn broken(error: impl std::fmt::Display) -> Refusal {
    let detail = format!("the archive did not arrive whole: {error}; send it again");
    Refusal::new(StatusCode::BAD_REQUEST, "bad-body", detail)
}

/// A full disk is nobody's fault but must be told apart.
fn cannot_keep(error: std::io::Error) -> Refusal {
    if error.kind() == std::io::ErrorKind::StorageFull {
        let detail = "the control plane's disk is full: the archive was not kept; make room and publish again";
        return Refusal::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", detail);
    }
    Refusal::internal(error)
}

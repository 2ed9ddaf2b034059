//! Archives that are published, and files that come with tickets: bodies that are not small, so they go into a file as they
//! come.

use std::collections::HashMap;
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
use crate::access::JSON_LIMIT;
use crate::operations::attach::{FILE_BYTES, FILES, too_many_files};
use crate::problem::{Answer, Refusal};

/// Time between two pieces of an archive.
const PIECE_TIME: Duration = Duration::from_secs(60);

/// A file that comes with a ticket.
const FILE: Kind = Kind { name: "file", limit: FILE_BYTES };

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
    /// Its size.
    pub bytes: u64,
}

/// What people call what comes, and how large it may be.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    limit: u64,
}

/// A form with files.
pub struct Sent {
    /// What its fields say.
    pub fields: HashMap<String, String>,
    /// Its files, each with the name that its sender gave it.
    pub files: Vec<(String, Received)>,
    /// Why a file was not taken; what the fields say must not be lost for it.
    pub refused: Option<Refusal>,
}

impl Sent {
    /// What a field says; nothing when it is missing.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
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
    /// Receives an archive.
    pub async fn receive<E: std::fmt::Display>(
        plane: &Plane,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> Answer<Self> {
        Self::of(plane, pieces, Kind { name: "archive", limit: plane.archive_limits.archive_bytes }).await
    }

    /// Receives a file that comes with a ticket.
    pub async fn attachment<E: std::fmt::Display>(
        plane: &Plane,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> Answer<Self> {
        Self::of(plane, pieces, FILE).await
    }

    async fn of<E: std::fmt::Display>(
        plane: &Plane,
        pieces: impl Stream<Item = Result<Bytes, E>>,
        Kind { name, limit }: Kind,
    ) -> Answer<Self> {
        let path = plane.artifacts.incoming().join(uuid::Uuid::now_v7().to_string());
        let mut file = tokio::fs::File::create_new(&path).await.map_err(|error| cannot_keep(name, error))?;
        let mut received = Self { path, hash: String::new(), bytes: 0 };
        let mut hash = Sha256::new();
        let mut pieces = std::pin::pin!(pieces);
        loop {
            let piece = tokio::time::timeout(PIECE_TIME, pieces.next()).await.map_err(|_| {
                let detail = format!("nothing came for {} seconds; send the {name} again", PIECE_TIME.as_secs());
                Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
            })?;
            let Some(piece) = piece else { break };
            let data = piece.map_err(|error| broken(name, error))?;
            received.bytes += data.len() as u64;
            if received.bytes > limit {
                return Err(Refusal::too_large(&format!("the {name}"), limit));
            }
            hash.update(&data);
            file.write_all(&data).await.map_err(|error| cannot_keep(name, error))?;
        }
        file.flush().await.map_err(|error| cannot_keep(name, error))?;
        received.hash = crate::secret::hex(&hash.finalize());
        Ok(received)
    }

    /// Receives a form with files, such as an answer to a ticket.
    pub async fn form(plane: &Plane, request: Request) -> Answer<Sent> {
        let limit = FILE.limit * FILES as u64 + (1 << 20);
        let broken = |error| match error {
            multer::Error::StreamSizeExceeded { .. } => Refusal::too_large("the form", limit),
            other => broken("form", other),
        };
        let mut form = open_form(request, SizeLimit::new().whole_stream(limit))?;
        let mut sent = Sent { fields: HashMap::new(), files: Vec::new(), refused: None };
        while let Some(field) = in_time(form.next_field()).await?.map_err(broken)? {
            let Some(name) = field.name().map(str::to_owned) else { continue };
            match field.file_name().map(str::to_owned) {
                // A form without a chosen file sends one without a name. What comes after a refused one is read and
                // forgotten, so that the browser gets to see why.
                Some(file) if file.is_empty() || sent.refused.is_some() => {}
                Some(_) if sent.files.len() == FILES => sent.refused = Some(too_many_files()),
                Some(file) => match Self::attachment(plane, field).await {
                    Ok(received) => sent.files.push((file, received)),
                    Err(refusal) => sent.refused = Some(refusal),
                },
                None if sent.fields.len() < 20 => {
                    let text = read_field(field).await?;
                    sent.fields.insert(name, text);
                }
                None => return Err(Refusal::invalid("bad-form", "the form has more fields than any of our pages")),
            }
        }
        Ok(sent)
    }

    /// Receives the file `package` of a form, and what its field `notes` says, if that comes before it.
    pub async fn of_form(plane: &Plane, request: Request) -> Answer<(Self, Option<String>)> {
        let limit =
            SizeLimit::new().whole_stream(plane.archive_limits.archive_bytes + (1 << 20)).for_field("notes", 64 << 10);
        let broken = |error: multer::Error| broken("archive", error);
        let mut form = open_form(request, limit)?;
        let mut notes = None;
        while let Some(field) = in_time(form.next_field()).await?.map_err(broken)? {
            match field.name() {
                Some("notes") => {
                    notes = Some(in_time(field.text()).await?.map_err(broken)?).filter(|notes| !notes.trim().is_empty())
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

/// Receives the file `name` of a form, which is small: what it is called at home, and its bytes.
pub async fn small_file(request: Request, name: &str, limit: usize) -> Answer<(String, Bytes)> {
    let limits = SizeLimit::new().whole_stream(limit as u64 + (64 << 10)).per_field(limit as u64);
    let mut form = open_form(request, limits)?;
    let lost = |error: multer::Error| match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            Refusal::too_large("the file", limit as u64)
        }
        error => broken("file", error),
    };
    let whole = async {
        while let Some(field) = form.next_field().await.map_err(lost)? {
            if field.name() == Some(name) {
                let file = field.file_name().unwrap_or("").to_owned();
                return Ok((file, field.bytes().await.map_err(lost)?));
            }
        }
        Err(Refusal::invalid("no-file", "choose a file"))
    };
    in_time(whole).await?
}

/// What comes within the time that a piece may take.
pub async fn in_time<T>(coming: impl Future<Output = T>) -> Answer<T> {
    tokio::time::timeout(PIECE_TIME, coming).await.map_err(|_| {
        let detail = format!("nothing came for {} seconds; send it again", PIECE_TIME.as_secs());
        Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
    })
}

fn open_form(request: Request, limit: SizeLimit) -> Answer<Multipart<'static>> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let boundary = multer::parse_boundary(kind)
        .map_err(|_| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "send a form with a file"))?;
    let body = request.into_body().into_data_stream();
    Ok(Multipart::with_constraints(body, boundary, Constraints::new().size_limit(limit)))
}

async fn read_field(mut field: multer::Field<'_>) -> Answer<String> {
    let mut bytes = Vec::new();
    while let Some(piece) = in_time(field.chunk()).await?.map_err(|error| broken("form", error))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > JSON_LIMIT {
            return Err(Refusal::too_large("a field of the form", JSON_LIMIT as u64));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn broken(name: &str, error: impl std::fmt::Display) -> Refusal {
    let detail = format!("the {name} did not arrive whole: {error}; send it again");
    Refusal::new(StatusCode::BAD_REQUEST, "bad-body", detail)
}

/// A full disk is nobody's fault but must be told apart.
fn cannot_keep(name: &str, error: std::io::Error) -> Refusal {
    if error.kind() == std::io::ErrorKind::StorageFull {
        let detail = format!("the control plane's disk is full: the {name} was not kept; make room and send it again");
        return Refusal::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", detail);
    }
    Refusal::internal(error)
}

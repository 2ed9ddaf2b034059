//! Archives of versions, by their content's hash.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use domain::ArtifactHash;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::{Answer, App, Path, Refusal, blocking};
use crate::engine::Engine;
use crate::error::{NimbusError, io};
use crate::upkeep;

/// Bytes of an archive.
const MAX: u64 = 2 << 30;

/// `HEAD /artifacts/{hash}`: whether it is here.
pub(super) async fn show(State(engine): App, Path(hash): Path<ArtifactHash>) -> Answer<StatusCode> {
    let looked = engine.clone();
    let looked_for = hash.clone();
    // Whoever asks is about to use it.
    let is_there = blocking(move || looked.layers.claim_artifact(&looked_for)).await?.map_err(NimbusError::from)?;
    if is_there {
        return Ok(StatusCode::NO_CONTENT);
    }
    let message = format!("the archive {hash} is not on this server");
    Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-artifact", message))
}

/// `PUT /artifacts/{hash}`: stores it, if it is what it says.
pub(super) async fn store(State(engine): App, Path(hash): Path<ArtifactHash>, request: Request) -> Answer<StatusCode> {
    let looked = engine.clone();
    let looked_for = hash.clone();
    let is_there = blocking(move || looked.layers.claim_artifact(&looked_for)).await?.map_err(NimbusError::from)?;
    if is_there {
        return Ok(StatusCode::NO_CONTENT);
    }
    let temporary = Temporary(engine.layers.incoming(&hash));
    let found = receive(request.into_body(), &temporary.0).await?;
    if found != hash.as_str() {
        let message = format!("the archive's content is {found}, not {hash}: it was changed or cut on the way");
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong-hash", message));
    }
    blocking(move || engine.layers.adopt_artifact(&temporary.0, &hash)).await?.map_err(NimbusError::from)?;
    Ok(StatusCode::CREATED)
}

/// `DELETE /artifacts/{hash}`: refused while somebody needs it.
pub(super) async fn delete(State(engine): App, Path(hash): Path<ArtifactHash>) -> Answer<StatusCode> {
    blocking(move || forget(&engine, &hash)).await??;
    Ok(StatusCode::NO_CONTENT)
}

fn forget(engine: &Arc<Engine>, hash: &ArtifactHash) -> Answer<()> {
    if upkeep::used(engine)?.contains(hash) {
        let message = format!("the archive {hash} is needed by an installation or a copy of its data");
        return Err(Refusal::new(StatusCode::CONFLICT, "artifact-in-use", message));
    }
    Ok(engine.layers.forget_artifact(hash).map_err(NimbusError::from)?)
}

/// Writes what comes to a file; the content's hash.
async fn receive(mut body: Body, path: &std::path::Path) -> Answer<String> {
    let mut file = tokio::fs::File::create(path).await.map_err(io("make", path))?;
    let (mut hasher, mut size) = (Sha256::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Refusal::bad_request(format!("the archive did not arrive whole: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        size += data.len() as u64;
        if size > MAX {
            let message = format!("the archive has more than {MAX} bytes");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message));
        }
        hasher.update(&data);
        file.write_all(&data).await.map_err(io("write", path))?;
    }
    file.flush().await.map_err(io("write", path))?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Deleted when it is not taken over.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.0.display(), %error, "a half-received archive cannot be deleted");
            }
            _ => {}
        }
    }
}

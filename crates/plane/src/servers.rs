//! The servers that this control plane reaches. Each is known by its address first and by its id once it has answered.

use std::sync::{Arc, Mutex, PoisonError};

use domain::{ArtifactHash, ServerId};
use http::StatusCode;

use crate::artifacts::Artifacts;
use crate::problem::{Answer, Refusal};
use crate::server::{Server, ServerError};

/// A server's address and id.
pub struct Handle {
    /// How to ask it.
    pub server: Arc<dyn Server>,
    id: Mutex<Option<ServerId>>,
    /// Held while an archive is sent, so that a hundred installations send it once.
    sending: tokio::sync::Mutex<()>,
}

impl Handle {
    /// Its id, once it has answered.
    pub fn id(&self) -> Option<ServerId> {
        *self.id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the id that it gave; whether that is news.
    pub fn is(&self, id: ServerId) -> bool {
        self.id.lock().unwrap_or_else(PoisonError::into_inner).replace(id) != Some(id)
    }

    /// Sees to it that the server has an archive.
    pub async fn ensure_artifact(&self, artifacts: &Artifacts, hash: &ArtifactHash) -> Result<(), ServerError> {
        let _one_at_a_time = self.sending.lock().await;
        if self.server.has_artifact(hash).await? {
            return Ok(());
        }
        let path = artifacts.path(hash);
        if !tokio::fs::try_exists(&path).await.unwrap_or(false) {
            let message = format!("the archive {hash} is missing from the control plane's store; publish it again");
            return Err(ServerError::Refused { status: 410, code: "archive-lost".into(), message });
        }
        self.server.put_artifact(hash, &path).await
    }
}

/// Every server.
pub struct Servers(Vec<Arc<Handle>>);

impl Servers {
    /// Servers at these addresses.
    pub fn new(servers: Vec<Arc<dyn Server>>) -> Self {
        let handle = |server| Arc::new(Handle { server, id: Mutex::default(), sending: Default::default() });
        Self(servers.into_iter().map(handle).collect())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Handle>> {
        self.0.iter()
    }

    /// The server of that id.
    pub fn get(&self, id: ServerId) -> Result<Arc<Handle>, ServerError> {
        self.0.iter().find(|handle| handle.id() == Some(id)).cloned().ok_or_else(|| {
            ServerError::Unreachable(format!("server {id} has not answered since the control plane was started"))
        })
    }

    /// Where a new installation goes.
    pub fn place(&self) -> Answer<ServerId> {
        self.0.iter().find_map(|handle| handle.id()).ok_or_else(|| {
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no-server",
                "no server has answered since the control plane was started; try again in a moment, and look at \
                 `vclouden status` if it stays so",
            )
        })
    }
}

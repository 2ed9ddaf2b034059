//! Unix sockets that one user and root may connect to. The file's owner and mode keep others out; the peer's
//! credentials are checked once more, because a directory can be shown elsewhere.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use tokio::net::{UnixListener, UnixStream};

use crate::error::{NimbusError, io};

/// A socket that checks who comes.
pub(crate) struct Guarded {
    listener: UnixListener,
    uid: u32,
}

/// Listens for that user and root.
pub(crate) fn bind(path: &Path, uid: u32) -> Result<Guarded, NimbusError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("delete", path)(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(io("listen on", path))?;
    chown(path, Some(uid), None).map_err(io("give away", path))?;
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(io("protect", path))?;
    Ok(Guarded { listener, uid })
}

impl Guarded {
    /// The next one who may.
    pub(crate) async fn next(&mut self) -> UnixStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match stream.peer_cred() {
                    Ok(peer) if peer.uid() == 0 || peer.uid() == self.uid => return stream,
                    Ok(peer) => tracing::warn!(uid = peer.uid(), pid = peer.pid(), "a stranger was turned away"),
                    Err(error) => tracing::warn!(%error, "somebody without credentials was turned away"),
                },
                Err(error) => {
                    // Out of descriptors, for example: it gets better or it does not, but not by asking at once.
                    tracing::error!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl axum::serve::Listener for Guarded {
    type Io = UnixStream;
    type Addr = ();

    async fn accept(&mut self) -> (UnixStream, ()) {
        (self.next().await, ())
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

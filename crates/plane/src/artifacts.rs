//! Archives of published versions, by content: `artifacts/<sha256>.tar.gz`.

use std::io;
use std::path::{Path, PathBuf};

use domain::ArtifactHash;
use tokio::sync::{Mutex, MutexGuard};

/// The directory of archives.
pub struct Artifacts {
    directory: PathBuf,
    incoming: PathBuf,
    /// Held while a version's row and its archive change together.
    changing: Mutex<()>,
}

impl Artifacts {
    /// Opens the directory under `data`; what an earlier run left half received is deleted.
    pub fn open(data: &Path) -> io::Result<Self> {
        let directory = data.join("artifacts");
        let incoming = data.join("incoming");
        match std::fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(&directory)?;
        std::fs::create_dir_all(&incoming)?;
        Ok(Self { directory, incoming, changing: Mutex::default() })
    }

    /// Where an archive is kept.
    pub fn path(&self, hash: &ArtifactHash) -> PathBuf {
        self.directory.join(format!("{hash}.tar.gz"))
    }

    /// Where archives are received before anything is known of them; on the same file system.
    pub fn incoming(&self) -> &Path {
        &self.incoming
    }

    /// While this is held no archive comes or goes, so that the caller can change rows and files together.
    pub async fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Keeps a received file under its hash, durably. The caller holds [`Artifacts::lock`].
    pub fn keep(&self, received: &Path, hash: &ArtifactHash) -> io::Result<()> {
        let path = self.path(hash);
        if path.exists() {
            return Ok(());
        }
        std::fs::File::open(received)?.sync_all()?;
        std::fs::rename(received, &path)?;
        std::fs::File::open(&self.directory)?.sync_all()
    }

    /// Deletes an archive. The caller holds [`Artifacts::lock`] and has seen that no version has it.
    pub fn delete(&self, hash: &ArtifactHash) -> io::Result<()> {
        match std::fs::remove_file(self.path(hash)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

//! What is kept by content: archives of published versions in `artifacts/<sha256>.tar.gz`, files that came with tickets in
//! `attachments/<sha256>`.

use std::io;
use std::path::{Path, PathBuf};

use domain::ArtifactHash;
use tokio::sync::{Mutex, MutexGuard};

/// The directories of archives and of files.
pub struct Artifacts {
    directory: PathBuf,
    attachments: PathBuf,
    incoming: PathBuf,
    /// Held while a row and its archive or file change together.
    changing: Mutex<()>,
}

impl Artifacts {
    /// Opens the directory under `data`; what an earlier run left half received is deleted.
    pub fn open(data: &Path) -> io::Result<Self> {
        let directory = data.join("artifacts");
        let attachments = data.join("attachments");
        let incoming = data.join("incoming");
        match std::fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(&directory)?;
        std::fs::create_dir_all(&attachments)?;
        std::fs::create_dir_all(&incoming)?;
        Ok(Self { directory, attachments, incoming, changing: Mutex::default() })
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
        keep(received, &self.path(hash), &self.directory)
    }

    /// Where a file is kept that came with a ticket; `sha256` is one of a row.
    pub fn attachment(&self, sha256: &str) -> PathBuf {
        self.attachments.join(sha256)
    }

    /// Keeps such a file, durably. The caller holds [`Artifacts::lock`] until there is a row that needs it.
    pub fn keep_attachment(&self, received: &Path, sha256: &str) -> io::Result<()> {
        keep(received, &self.attachment(sha256), &self.attachments)
    }

    /// A file of the control plane's own that lies beside them.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.with_file_name(name)
    }

    /// The digests of all such files.
    pub fn attachments(&self) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(&self.attachments)?.map(|entry| Ok(entry?.file_name().into_string()));
        Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Deletes such a file. The caller holds [`Artifacts::lock`] and has seen that no row needs it.
    pub fn delete_attachment(&self, sha256: &str) -> io::Result<()> {
        match std::fs::remove_file(self.attachment(sha256)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Deletes an archive. The caller holds [`Artifacts::lock`] and has seen that no version has it.
    pub fn delete(&self, hash: &ArtifactHash) -> io::Result<()> {
        match std::fs::remove_file(self.path(hash)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn keep(received: &Path, path: &Path, directory: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    std::fs::File::open(received)?.sync_all()?;
    std::fs::rename(received, path)?;
    std::fs::File::open(directory)?.sync_all()
}

//! Uploaded files: small ones stay in memory, larger ones wait in `DATA/uploads/` until their request ends. What a
//! handler keeps gets a name there.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};

use super::secret::random;

/// The directory within that of the data; the path of a kept file begins with it.
pub const DIRECTORY: &str = "uploads";
/// Begins the names of files that wait.
const WAITING: &str = ".waiting-";
/// Larger files wait on the disk.
const IN_MEMORY: usize = 64 * 1024;
/// Written at once.
const CHUNK: usize = 256 * 1024;
/// Files that wait for longer were left by a process that died.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// The content of one uploaded file.
#[derive(Debug)]
pub struct Upload {
    size: u64,
    memory: Option<Bytes>,
    waiting: OnceLock<Waiting>,
}

/// A file that goes when its request does.
#[derive(Debug)]
struct Waiting(PathBuf);

impl Waiting {
    fn make(uploads: &Path) -> io::Result<(Waiting, File)> {
        fs::create_dir_all(uploads)?;
        let path = uploads.join(format!("{WAITING}{}", name()?));
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok((Waiting(path), file))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            eprintln!("error: {} stays behind: {error}", self.0.display());
        }
    }
}

/// A name that nobody guesses.
fn name() -> io::Result<String> {
    let bytes: [u8; 16] = random().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Upload {
    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All of it.
    pub fn bytes(&self) -> io::Result<Bytes> {
        match (&self.memory, self.waiting.get()) {
            (Some(bytes), _) => Ok(bytes.clone()),
            (None, Some(waiting)) => fs::read(&waiting.0).map(Bytes::from),
            (None, None) => Ok(Bytes::new()),
        }
    }

    /// The file in which it waits, below `uploads`; made now when it is in memory only.
    pub fn path(&self, uploads: &Path) -> io::Result<&Path> {
        if self.waiting.get().is_none() {
            let (waiting, mut file) = Waiting::make(uploads)?;
            file.write_all(&self.bytes()?)?;
            return Ok(&self.waiting.get_or_init(|| waiting).0);
        }
        self.waiting.get().map(|waiting| &*waiting.0).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Keeps it below `uploads`; a name that is taken is refused. When it returns, the file is on the disk.
    pub fn keep(&self, uploads: &Path, name: &str) -> io::Result<PathBuf> {
        let target = uploads.join(name);
        let directory = target.parent().unwrap_or(uploads);
        fs::create_dir_all(directory)?;
        fs::hard_link(self.path(uploads)?, &target)?;
        File::open(&target)?.sync_all()?;
        File::open(directory)?.sync_all()?;
        Ok(target)
    }

    /// A name for a file that somebody calls so: nobody's other file has it, and its ending says the same.
    pub fn fresh_name(called: &str) -> io::Result<String> {
        let ending = Path::new(called).extension().and_then(|ending| ending.to_str()).unwrap_or("");
        let plain = !ending.is_empty() && ending.len() <= 10 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let name = name()?;
        Ok(if plain { format!("{name}.{}", ending.to_ascii_lowercase()) } else { name })
    }
}

/// Takes one file in as it comes.
pub struct Receiver<'u> {
    uploads: &'u Path,
    /// Text stays in memory.
    may_wait: bool,
    size: u64,
    pending: BytesMut,
    file: Option<(Waiting, File)>,
}

impl<'u> Receiver<'u> {
    /// A receiver of a file, which may wait in this directory when it is large.
    pub fn new(uploads: &'u Path, may_wait: bool) -> Self {
        Self { uploads, may_wait, size: 0, pending: BytesMut::new(), file: None }
    }

    /// The bytes that it holds in memory.
    pub fn held(&self) -> usize {
        self.pending.len()
    }

    /// Takes the next part.
    pub async fn push(&mut self, part: &[u8]) -> io::Result<()> {
        self.size += part.len() as u64;
        self.pending.extend_from_slice(part);
        let most = if self.file.is_some() { CHUNK } else { IN_MEMORY };
        if self.may_wait && self.pending.len() > most { self.flush().await } else { Ok(()) }
    }

    /// Not on the thread of connections: a disk may be slow.
    async fn flush(&mut self) -> io::Result<()> {
        let (waiting, mut file) = match self.file.take() {
            Some(open) => open,
            None => Waiting::make(self.uploads)?,
        };
        let bytes = std::mem::take(&mut self.pending);
        let written = tokio::task::spawn_blocking(move || file.write_all(&bytes).map(|()| (file, bytes)));
        let (file, mut bytes) = written.await.map_err(io::Error::other)??;
        bytes.clear();
        self.pending = bytes;
        self.file = Some((waiting, file));
        Ok(())
    }

    /// The whole file.
    pub async fn finish(mut self) -> io::Result<Upload> {
        if self.file.is_some() && !self.pending.is_empty() {
            self.flush().await?;
        }
        let upload = Upload { size: self.size, memory: None, waiting: OnceLock::new() };
        Ok(match self.file {
            Some((waiting, _)) => Upload { waiting: OnceLock::from(waiting), ..upload },
            None => Upload { memory: Some(self.pending.freeze()), ..upload },
        })
    }
}

/// Removes files that wait for nobody: their process died.
pub fn tidy(uploads: &Path) {
    let Ok(entries) = fs::read_dir(uploads) else { return };
    let now = SystemTime::now();
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(WAITING)) {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|then| now.duration_since(then));
        if age.is_ok_and(|age| age.is_ok_and(|age| age > FORGOTTEN))
            && let Err(error) = fs::remove_file(entry.path())
        {
            eprintln!("error: {} cannot be removed: {error}", entry.path().display());
        }
    }
}

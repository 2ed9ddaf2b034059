//! Uploaded files: small ones stay in memory, larger ones wait in `DATA/uploads/` until their request ends. What a
//! handler keeps gets a name there.

use std::{
    fmt::Display,
    fs::{self, File, Metadata},
    io::{self, Write},
    os::unix::fs::MetadataExt,
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
/// Files that wait for longer were left by a process that died, even while another one lives.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// The content of one uploaded file.
#[derive(Debug)]
pub struct Upload {
    size: u64,
    memory: Option<Bytes>,
    waiting: OnceLock<Waiting>,
}

/// A file that a handler kept. Until its request has ended and what it wrote is on the disk, it still waits under its
/// other name as well: whoever starts after a crash knows it by that.
#[derive(Debug)]
pub struct Kept {
    target: PathBuf,
    waiting: PathBuf,
    /// What was written until now is on the disk.
    pub committed: bool,
}

impl Kept {
    /// Removes it, unless it was committed: what its request wrote is taken back too.
    pub fn take_back(&self) {
        if !self.committed {
            remove(&self.target);
        }
    }

    /// These are there for good: their requests have ended well, and may be told so when this returns.
    pub fn settle(uploads: &Path, all: &[Kept]) {
        all.iter().for_each(|kept| remove(&kept.waiting));
        // Otherwise they could wait again after a power cut.
        if !all.is_empty()
            && let Err(error) = File::open(uploads).and_then(|directory| directory.sync_all())
        {
            eprintln!("error: {}: {error}", uploads.display());
        }
    }
}

/// Removes a file that may have gone already.
fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            eprintln!("error: {} stays behind: {error}", path.display());
        }
        _ => {}
    }
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
        remove(&self.0);
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
    pub fn keep(&self, uploads: &Path, name: &str) -> io::Result<Kept> {
        let waiting = self.path(uploads)?.to_owned();
        let target = uploads.join(name);
        let directory = target.parent().unwrap_or(uploads).to_owned();
        fs::create_dir_all(&directory)?;
        fs::hard_link(&waiting, &target)?;
        let kept = Kept { target, waiting, committed: false };
        let synced = File::open(&kept.target).and_then(|file| file.sync_all());
        match synced.and_then(|()| File::open(&directory)?.sync_all()) {
            Ok(()) => Ok(kept),
            Err(error) => {
                kept.take_back();
                Err(error)
            }
        }
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

/// Begins the use of a data directory: removes what processes that died have left in its uploads. What is yielded says
/// to others, as long as it is there, that this process lives.
pub fn enter<E: Display>(data: &Path, named: impl Fn(&str) -> Result<bool, E>) -> io::Result<File> {
    let directory = File::open(data)?;
    // Others that begin meanwhile wait below until this is done.
    let alone = directory.try_lock().is_ok();
    tidy(&data.join(DIRECTORY), alone, named);
    directory.lock_shared()?;
    Ok(directory)
}

/// Removes files that wait for nobody, since their process died, and those that their requests kept without having
/// ended: these are the same file by another name. A row that was committed may name it, which `named` tells.
fn tidy<E: Display>(uploads: &Path, alone: bool, named: impl Fn(&str) -> Result<bool, E>) {
    let Ok(entries) = fs::read_dir(uploads) else { return };
    let now = SystemTime::now();
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(WAITING)) {
        let Ok(metadata) = entry.metadata() else { continue };
        let age = metadata.modified().ok().and_then(|then| now.duration_since(then).ok());
        if !alone && age.is_none_or(|age| age < FORGOTTEN) {
            continue;
        }
        let others = if metadata.nlink() > 1 { links(uploads, &metadata) } else { Vec::new() };
        for kept in others {
            let name = format!("{DIRECTORY}/{}", kept.strip_prefix(uploads).unwrap_or(&kept).display());
            match named(&name) {
                Ok(true) => {}
                Ok(false) => {
                    eprintln!("{name} is removed: the request that kept it never ended");
                    remove(&kept);
                }
                Err(error) => eprintln!("error: cannot tell whether {name} is of use: {error}"),
            }
        }
        remove(&entry.path());
    }
}

/// The other names of a file.
fn links(directory: &Path, of: &Metadata) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            found.extend(links(&entry.path(), of));
        } else if (metadata.dev(), metadata.ino()) == (of.dev(), of.ino())
            && !entry.file_name().to_string_lossy().starts_with(WAITING)
        {
            found.push(entry.path());
        }
    }
    found
}

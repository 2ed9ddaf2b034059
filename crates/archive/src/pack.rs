//! Makes an archive from a directory, so that the same files always give the same bytes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use crate::MANIFEST;
use crate::contents::Kind;
use crate::error::ArchiveError;
use crate::limits::{Limits, MANIFEST_BYTES};
use crate::stream::hexadecimal;
use crate::tree::{Tree, clean, clean_target};

/// What was packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// SHA-256 of the compressed bytes, 64 lower-case hexadecimal digits.
    pub hash: String,
    /// Bytes of the compressed archive.
    pub archive_bytes: u64,
    /// Bytes of all its files together.
    pub unpacked_bytes: u64,
    /// Files, directories and links.
    pub entries: u64,
}

/// Packs the content of `dir` as a `tar.gz`: sorted by name, without times and owners, modes 0755 and 0644. Whatever is
/// called `.git` is left out.
///
/// # Errors
/// What [`crate::unpack`] would refuse under the default [`Limits`], naming the file; [`ArchiveError::Pack`] when a
/// file cannot be read, [`ArchiveError::Write`] when `writer` fails.
pub fn pack(dir: &Path, writer: impl Write) -> Result<Summary, ArchiveError> {
    pack_without(dir, &[], writer)
}

/// The same without what has one of these names at the top of `dir`.
///
/// # Errors
/// Those of [`pack`].
pub fn pack_without(dir: &Path, left_out: &[&str], writer: impl Write) -> Result<Summary, ArchiveError> {
    let limits = Limits::default();
    let hashing = Hashing { inner: writer, hash: Sha256::new(), bytes: 0, limit: limits.archive_bytes };
    let gzip = GzBuilder::new().write(hashing, Compression::default());
    let mut pack = Pack {
        top: dir,
        left_out,
        limits: &limits,
        tree: Tree::new(&limits),
        tar: tar::Builder::new(gzip),
        unpacked_bytes: 0,
        entries: 0,
    };
    pack.directory("")?;
    let Pack { tar, tree, unpacked_bytes, entries, .. } = pack;
    if !tree.has(MANIFEST) {
        return Err(ArchiveError::NoManifest);
    }
    tree.finish()?;
    let mut hashing = tar.into_inner().and_then(GzEncoder::finish).map_err(written)?;
    hashing.flush().map_err(written)?;
    let hash = hexadecimal(&hashing.hash.finalize());
    Ok(Summary { hash, archive_bytes: hashing.bytes, unpacked_bytes, entries })
}

/// A packing under way.
struct Pack<'a, W: Write> {
    top: &'a Path,
    left_out: &'a [&'a str],
    limits: &'a Limits,
    tree: Tree<'a>,
    tar: tar::Builder<GzEncoder<Hashing<W>>>,
    unpacked_bytes: u64,
    entries: u64,
}

impl<W: Write> Pack<'_, W> {
    /// Packs what is in the directory `path`, in order of its names.
    fn directory(&mut self, path: &str) -> Result<(), ArchiveError> {
        let full = self.top.join(path);
        let unread = |source| ArchiveError::Pack { path: full.clone(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(&full).map_err(unread)? {
            let name = entry.map_err(unread)?.file_name();
            let left_out = path.is_empty() && self.left_out.iter().any(|left_out| name == *left_out);
            if name != ".git" && !left_out {
                names.push(name);
            }
        }
        names.sort();
        for name in names {
            let raw = if path.is_empty() {
                name.as_bytes().to_vec()
            } else {
                [path.as_bytes(), b"/", name.as_bytes()].concat()
            };
            let path = clean(&raw, self.limits)?;
            self.any(&path)?;
        }
        Ok(())
    }

    /// Packs the file, directory or link at `path`.
    fn any(&mut self, path: &str) -> Result<(), ArchiveError> {
        let full = self.top.join(path);
        let unread = |source| ArchiveError::Pack { path: full.clone(), source };
        let found = fs::symlink_metadata(&full).map_err(unread)?;
        let kind = found.file_type();
        if kind.is_dir() {
            self.put(path, Kind::Directory, 0, io::empty())?;
            return self.directory(path);
        }
        if kind.is_symlink() {
            let target = fs::read_link(&full).map_err(unread)?;
            let target = clean_target(path, target.as_os_str().as_bytes(), self.limits)?;
            return self.put(path, Kind::Link { target }, 0, io::empty());
        }
        if !kind.is_file() {
            let what = match () {
                () if kind.is_fifo() => "named pipes (fifo)",
                () if kind.is_socket() => "sockets",
                () => "devices",
            };
            return Err(ArchiveError::entry(path, format!("{what} are not allowed; remove it")));
        }
        let mode = found.permissions().mode();
        for (bit, name) in [(0o4000, "setuid"), (0o2000, "setgid"), (0o1000, "sticky")] {
            if mode & bit != 0 {
                let problem = format!("the {name} bit is not allowed; remove it with `chmod ug-s,-t`");
                return Err(ArchiveError::entry(path, problem));
            }
        }
        let limit = if path == MANIFEST { MANIFEST_BYTES } else { self.limits.file_bytes };
        if found.len() > limit {
            let problem = format!("it has {} bytes, the limit is {limit}; make it smaller", found.len());
            return Err(ArchiveError::entry(path, problem));
        }
        let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        let file = File::options().read(true).custom_flags(flags).open(&full).map_err(unread)?;
        self.put(path, Kind::File { executable: mode & 0o111 != 0 }, found.len(), file)
    }

    /// Appends one entry of exactly `size` bytes.
    fn put(&mut self, path: &str, kind: Kind, size: u64, content: impl Read) -> Result<(), ArchiveError> {
        self.tree.add(path, kind.clone(), size)?;
        self.entries += 1;
        self.unpacked_bytes += size;
        if self.unpacked_bytes + self.entries * 1024 > self.limits.unpacked_bytes {
            return Err(ArchiveError::Limit { limit: self.limits.unpacked_bytes, what: "bytes once unpacked" });
        }
        let mut header = Header::new_gnu();
        let (kind, mode, name, target) = match kind {
            Kind::Directory => (EntryType::Directory, 0o755, format!("{path}/"), None),
            Kind::File { executable } => {
                (EntryType::Regular, if executable { 0o755 } else { 0o644 }, path.to_owned(), None)
            }
            Kind::Link { target } => (EntryType::Symlink, 0o777, path.to_owned(), Some(target)),
        };
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        if let Some(target) = target {
            return self.tar.append_link(&mut header, name, target).map_err(written);
        }
        let mut exact = Exact { inner: content, left: size, path: self.top.join(path) };
        self.tar.append_data(&mut header, name, &mut exact).map_err(written)
    }
}

/// A file that must not change while it is packed: its size is already in its header.
struct Exact<R> {
    inner: R,
    left: u64,
    path: PathBuf,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let failed = |source| io::Error::other(ArchiveError::Pack { path: self.path.clone(), source });
        let count = match self.inner.read(buffer) {
            Ok(count) => count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(failed(error)),
        };
        if count > self.left || (count == 0 && self.left > 0 && !buffer.is_empty()) {
            return Err(failed(io::Error::other("it changed while it was being packed; try again")));
        }
        self.left -= count;
        Ok(count as usize)
    }
}

/// What is written, counted and hashed as it passes.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
    limit: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        if self.bytes > self.limit {
            return Err(io::Error::other(ArchiveError::Limit { limit: self.limit, what: "bytes" }));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// An error of the writer, or one of ours that passed through it.
fn written(error: io::Error) -> ArchiveError {
    match error.downcast::<ArchiveError>() {
        Ok(own) => own,
        Err(source) => ArchiveError::Write { path: "the archive".into(), source },
    }
}

//! One full pass over an archive: every entry is checked and handed to a sink. `inspect` is that pass with no sink.

use std::io::Read;

use crate::MANIFEST;
use crate::contents::{Contents, Kind};
use crate::error::ArchiveError;
use crate::format::{Extension, Header, SPARSE};
use crate::limits::{EXTENSION_BYTES, Limits, MANIFEST_BYTES};
use crate::stream::{BLOCK, Stream};
use crate::tree::{Tree, clean, clean_target, data_target};

/// What becomes of the entries. Directories come before what is in them.
pub(crate) trait Sink {
    /// A new directory.
    fn directory(&mut self, path: &str, mode: u32) -> Result<(), ArchiveError>;
    /// A new file; its content follows.
    fn file(&mut self, path: &str, mode: u32) -> Result<(), ArchiveError>;
    /// More content of the last file.
    fn content(&mut self, bytes: &[u8]) -> Result<(), ArchiveError>;
    /// A new symbolic link.
    fn link(&mut self, path: &str, target: &str) -> Result<(), ArchiveError>;
}

/// A sink that keeps nothing.
struct Nothing;

impl Sink for Nothing {
    fn directory(&mut self, _: &str, _: u32) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn file(&mut self, _: &str, _: u32) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn content(&mut self, _: &[u8]) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn link(&mut self, _: &str, _: &str) -> Result<(), ArchiveError> {
        Ok(())
    }
}

/// Reads a whole archive and says what it holds, if it keeps every rule. Writes nothing.
///
/// # Errors
/// The first rule that is broken, naming the entry; [`ArchiveError::Read`] when the reader fails.
pub fn inspect(reader: impl Read, limits: &Limits) -> Result<Contents, ArchiveError> {
    scan(reader, limits, What::Package, &mut Nothing)
}

/// What an archive is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A package: it has a manifest, its modes are made plain, and no link leaves it.
    Package,
    /// The data of an installation.
    Data,
}

/// Reads a whole archive into a sink.
pub(crate) fn scan(
    reader: impl Read,
    limits: &Limits,
    what: What,
    sink: &mut dyn Sink,
) -> Result<Contents, ArchiveError> {
    let mut scan = Scan {
        stream: Stream::open(reader, limits)?,
        tree: Tree::new(limits),
        limits,
        what,
        sink,
        top_seen: false,
        unpacked_bytes: 0,
        manifest: Vec::new(),
    };
    let mut extension = Extension::default();
    let mut last = String::from("at its beginning");
    while let Some(header) = scan.header(&last)? {
        last = format!("after entry \"{}\"", String::from_utf8_lossy(&header.name).escape_debug());
        match header.kind {
            b'L' | b'K' => extension.add_gnu(header.kind, &scan.extension(&header)?)?,
            b'x' => extension.add_pax(&scan.extension(&header)?, false)?,
            b'g' => Extension::default().add_pax(&scan.extension(&header)?, true)?,
            _ => scan.entry(header, std::mem::take(&mut extension))?,
        }
    }
    if !extension.is_empty() {
        return Err(ArchiveError::Truncated("with an extended header that no entry follows".into()));
    }
    scan.finish()
}

/// A pass under way.
struct Scan<'a, R: Read> {
    stream: Stream<R>,
    tree: Tree<'a>,
    limits: &'a Limits,
    what: What,
    sink: &'a mut dyn Sink,
    top_seen: bool,
    unpacked_bytes: u64,
    manifest: Vec<u8>,
}

impl<R: Read> Scan<'_, R> {
    /// The next header; nothing at the end, which two blocks of zeros mark.
    fn header(&mut self, last: &str) -> Result<Option<Header>, ArchiveError> {
        let unmarked = || ArchiveError::Truncated(format!("{last} without the mark of its end"));
        let block = self.stream.block()?.ok_or_else(unmarked)?;
        if block != [0; BLOCK] {
            return Header::parse(&block).map(Some);
        }
        match self.stream.block()? {
            None => Err(unmarked()),
            Some(block) if block == [0; BLOCK] => Ok(None),
            Some(_) => Err(ArchiveError::Trailing("the tar")),
        }
    }

    /// Takes in an ordinary entry with its content.
    fn entry(&mut self, header: Header, extension: Extension) -> Result<(), ArchiveError> {
        let raw = extension.name.unwrap_or(header.name);
        let path = clean(&raw, self.limits)?;
        if extension.size.is_some_and(|size| size != header.size) {
            return Err(ArchiveError::entry(raw, "its headers say two different sizes; make the archive again"));
        }
        let target = extension.target.unwrap_or(header.target);
        let kind = self.kind(&raw, &path, header.kind, header.mode, &target)?;
        if !matches!(kind, Kind::File { .. }) && header.size > 0 {
            return Err(ArchiveError::entry(raw, "only a file may have content; make the archive again"));
        }
        if path.is_empty() {
            let again = std::mem::replace(&mut self.top_seen, true);
            let wrong = if kind != Kind::Directory { Some("it has no name; rename it") } else { None };
            let wrong = wrong.or(again.then_some("the top directory is there twice (duplicate); keep one of them"));
            return wrong.map_or(Ok(()), |problem| Err(ArchiveError::entry(raw, problem)));
        }
        let known = self.tree.has(&path);
        for parent in self.tree.add(&path, kind.clone(), header.size)? {
            self.sink.directory(&parent, 0o755)?;
        }
        match kind {
            Kind::Directory if known => Ok(()),
            Kind::Directory => self.sink.directory(&path, self.mode(header.mode, true)),
            Kind::Link { target } => self.sink.link(&path, &target),
            Kind::File { executable } => {
                self.check_size(&path, header.size)?;
                self.sink.file(&path, self.mode(header.mode, executable))?;
                self.file(&path, header.size)
            }
        }
    }

    /// The mode that something gets.
    fn mode(&self, found: u64, executable: bool) -> u32 {
        match self.what {
            What::Package if executable => 0o755,
            What::Package => 0o644,
            What::Data => (found & 0o777) as u32,
        }
    }

    /// What kind of thing an entry is, if it is of an allowed one.
    fn kind(&self, raw: &[u8], path: &str, kind: u8, mode: u64, target: &[u8]) -> Result<Kind, ArchiveError> {
        let refuse = |problem: &str| Err(ArchiveError::entry(raw, problem));
        // The first format had no type for directories, only a slash at the end of the name.
        let kind = if matches!(kind, 0 | b'0') && raw.ends_with(b"/") { b'5' } else { kind };
        match kind {
            0 | b'0' | b'5' => {}
            b'2' => {
                let clean = if self.what == What::Data { data_target } else { clean_target };
                return Ok(Kind::Link { target: clean(path, target, self.limits)? });
            }
            b'1' => return refuse("hard links are not allowed; pack with `--hard-dereference`"),
            b'3' | b'4' => return refuse("devices are not allowed; remove it"),
            b'6' => return refuse("named pipes (fifo) are not allowed; remove it"),
            b'S' => return refuse(SPARSE),
            other => {
                let other = char::from(other).escape_debug();
                return refuse(&format!(
                    "entries of type '{other}' are not allowed; only files, directories and links are"
                ));
            }
        }
        for (bit, name) in [(0o4000, "setuid"), (0o2000, "setgid"), (0o1000, "sticky")] {
            if mode & bit != 0 && self.what == What::Package {
                return refuse(&format!("the {name} bit is not allowed; remove it with `chmod ug-s,-t`"));
            }
        }
        Ok(if kind == b'5' { Kind::Directory } else { Kind::File { executable: mode & 0o111 != 0 } })
    }

    /// Refuses a file by what its header says, before any of it is read.
    fn check_size(&mut self, path: &str, size: u64) -> Result<(), ArchiveError> {
        let is_manifest = path == MANIFEST && self.what == What::Package;
        let limit = if is_manifest { MANIFEST_BYTES } else { self.limits.file_bytes };
        if size > limit {
            return Err(ArchiveError::entry(
                path,
                format!("it has {size} bytes, the limit is {limit}; make it smaller"),
            ));
        }
        self.unpacked_bytes += size;
        if self.unpacked_bytes > self.limits.unpacked_bytes {
            return Err(ArchiveError::Limit { limit: self.limits.unpacked_bytes, what: "bytes once unpacked" });
        }
        Ok(())
    }

    /// Hands a file's content to the sink.
    fn file(&mut self, path: &str, size: u64) -> Result<(), ArchiveError> {
        let mut buffer = [0; 32 << 10];
        let mut left = size;
        while left > 0 {
            let want = left.min(buffer.len() as u64) as usize;
            let count = self.stream.fill(&mut buffer[..want])?;
            if count < want {
                let missing = left - count as u64;
                return Err(ArchiveError::Truncated(format!("{missing} of {size} bytes before the end of \"{path}\"")));
            }
            self.sink.content(&buffer[..want])?;
            if path == MANIFEST && self.what == What::Package {
                self.manifest.extend_from_slice(&buffer[..want]);
            }
            left -= want as u64;
        }
        self.padding(size)
    }

    /// The content of an extended header.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, ArchiveError> {
        if header.size > EXTENSION_BYTES {
            let problem = format!("its extended header has more than {EXTENSION_BYTES} bytes; pack without attributes");
            return Err(ArchiveError::entry(&header.name, problem));
        }
        let mut content = vec![0; header.size as usize];
        if self.stream.fill(&mut content)? < content.len() {
            return Err(ArchiveError::Truncated("in an extended header".into()));
        }
        self.padding(header.size)?;
        Ok(content)
    }

    /// Passes over what fills the last block of a content.
    fn padding(&mut self, size: u64) -> Result<(), ArchiveError> {
        let length = size.next_multiple_of(BLOCK as u64) - size;
        let mut rest = [0; BLOCK];
        if self.stream.fill(&mut rest[..length as usize])? < length as usize {
            return Err(ArchiveError::Truncated("in the middle of a tar block".into()));
        }
        Ok(())
    }

    /// What the archive holds, once all of it was read.
    fn finish(self) -> Result<Contents, ArchiveError> {
        let (hash, archive_bytes) = self.stream.finish()?;
        let unpacked_bytes = self.unpacked_bytes;
        if self.what == What::Data {
            let files = self.tree.into_nodes();
            let (manifest, entries) = (String::new(), files.len() as u64);
            return Ok(Contents { hash, archive_bytes, unpacked_bytes, entries, manifest, files });
        }
        let files = self.tree.finish()?;
        match files.get(MANIFEST).map(|node| &node.kind) {
            Some(Kind::File { .. }) => {}
            Some(_) => {
                return Err(ArchiveError::entry(
                    MANIFEST,
                    "it must be a file, not a directory or link; put a file there",
                ));
            }
            None => {
                let named = files.keys().filter(|path| path.rsplit('/').next() == Some(MANIFEST));
                let nearest = named.min_by_key(|path| path.matches('/').count());
                return Err(nearest.map_or(ArchiveError::NoManifest, |at| ArchiveError::ManifestElsewhere(at.clone())));
            }
        }
        let manifest = String::from_utf8(self.manifest).map_err(|_| ArchiveError::ManifestNotText)?;
        let entries = files.len() as u64;
        Ok(Contents { hash, archive_bytes, unpacked_bytes, entries, manifest, files })
    }
}

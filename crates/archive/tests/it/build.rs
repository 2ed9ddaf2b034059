//! Archives made block by block, so that a test can say anything in them, and a place to unpack them in.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use archive::{ArchiveError, Contents, Limits};
use tempfile::TempDir;

/// A manifest; archives are judged by it being there, not by what it says.
pub const MANIFEST: &str = "name = \"Test\"\n";

/// A tar under construction.
#[derive(Clone, Default)]
pub struct Tar(pub Vec<u8>);

impl Tar {
    /// One with a manifest.
    pub fn new() -> Self {
        Self::default().file("vclouden.toml", MANIFEST)
    }

    /// Adds a header as it is given, and content after it, filled up to a block.
    pub fn header(mut self, header: &tar::Header, content: &[u8]) -> Self {
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// Adds an entry of any type, mode and target.
    pub fn entry(self, name: impl AsRef<[u8]>, kind: u8, mode: u32, target: &str, content: &[u8]) -> Self {
        self.header(&header(name.as_ref(), kind, mode, target, content.len() as u64), content)
    }

    /// Adds a file.
    pub fn file(self, name: impl AsRef<[u8]>, content: &str) -> Self {
        self.entry(name, b'0', 0o644, "", content.as_bytes())
    }

    /// Adds a directory.
    pub fn directory(self, name: &str) -> Self {
        self.entry(name, b'5', 0o755, "", b"")
    }

    /// Adds a symbolic link.
    pub fn link(self, name: &str, target: &str) -> Self {
        self.entry(name, b'2', 0o777, target, b"")
    }

    /// Adds pax records for the next entry.
    pub fn pax(self, kind: u8, records: &[(&str, &str)]) -> Self {
        let mut content = String::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let digits = (rest + (rest + 3).to_string().len()).to_string().len();
            content.push_str(&format!("{} {key}={value}\n", rest + digits));
        }
        self.entry("PaxHeaders/x", kind, 0o644, "", content.as_bytes())
    }

    /// The tar with the mark of its end.
    pub fn ended(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }

    /// The whole archive.
    pub fn gz(self) -> Vec<u8> {
        gzip(&self.ended())
    }
}

/// A header with a right checksum.
pub fn header(name: &[u8], kind: u8, mode: u32, target: &str, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name);
    old.linkname[..target.len()].copy_from_slice(target.as_bytes());
    old.linkflag = [kind];
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    header
}

/// Compresses.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A directory to unpack into, in a parent that must not change.
pub struct Place {
    parent: TempDir,
    before: BTreeMap<PathBuf, String>,
}

impl Place {
    /// An empty directory beside a file and a directory that a hostile archive might aim at.
    pub fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("witness"), "untouched").unwrap();
        fs::create_dir(parent.path().join("beside")).unwrap();
        fs::create_dir(parent.path().join("into")).unwrap();
        let before = everything(parent.path(), "into");
        Self { parent, before }
    }

    /// The directory to unpack into.
    pub fn inside(&self) -> PathBuf {
        self.parent.path().join("into")
    }

    /// Unpacks, and checks that nothing outside changed and that what is inside is what is said to be.
    pub fn unpack(&self, bytes: &[u8], limits: &Limits) -> Result<Contents, ArchiveError> {
        let result = archive::unpack(bytes, &self.inside(), limits);
        assert_eq!(everything(self.parent.path(), "into"), self.before, "something outside changed");
        let inside = everything(&self.inside(), "");
        if let Ok(contents) = &result {
            let expected = contents.files.iter().map(|(path, node)| (PathBuf::from(path), describe(node))).collect();
            assert_eq!(inside, expected, "what is on disk is not what was reported");
        }
        for text in inside.values() {
            let plain =
                ["file 644 ", "file 755 ", "directory 755", "link "].iter().any(|begin| text.starts_with(begin));
            assert!(plain || result.is_err(), "{text}");
        }
        result
    }
}

fn describe(node: &archive::Node) -> String {
    match &node.kind {
        archive::Kind::File { executable: true } => format!("file 755 {}", node.size),
        archive::Kind::File { executable: false } => format!("file 644 {}", node.size),
        archive::Kind::Directory => "directory 755".into(),
        archive::Kind::Link { target } => format!("link {target}"),
    }
}

/// Everything below a directory but one name, without following links.
pub fn everything(top: &Path, except: &str) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut pending = vec![top.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(top).unwrap().to_owned();
            if relative.as_os_str().as_bytes() == except.as_bytes() {
                continue;
            }
            let meta = fs::symlink_metadata(&path).unwrap();
            let mode = meta.permissions().mode() & 0o7777;
            let root = rustix::process::geteuid().is_root();
            assert!(!root || (meta.uid() == 0 && meta.gid() == 0), "{path:?} is not root's");
            let text = if meta.is_dir() {
                pending.push(path);
                format!("directory {mode:o}")
            } else if meta.is_symlink() {
                format!("link {}", fs::read_link(&path).unwrap().display())
            } else {
                format!("file {mode:o} {}", meta.len())
            };
            found.insert(relative, text);
        }
    }
    found
}

/// Refused by looking at it and by unpacking it, with the same words.
pub fn refused(bytes: &[u8], limits: &Limits) -> String {
    let seen = archive::inspect(bytes, limits).expect_err("inspect accepted it");
    let unpacked = Place::new().unpack(bytes, limits).expect_err("unpack accepted it");
    assert_eq!(seen.to_string(), unpacked.to_string());
    assert!(seen.is_refusal(), "{seen} blames this machine");
    seen.to_string()
}

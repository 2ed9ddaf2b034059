//! One file of a package, read without unpacking anything.

use std::io::Read;

use crate::contents::Contents;
use crate::error::ArchiveError;
use crate::limits::Limits;
use crate::scan::{Sink, What, scan};
use crate::tree;

/// Keeps the content of one file.
struct One<'a> {
    path: &'a str,
    most: usize,
    within: bool,
    found: Option<Vec<u8>>,
}

impl Sink for One<'_> {
    fn directory(&mut self, _: &str, _: u32) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn file(&mut self, path: &str, _: u32) -> Result<(), ArchiveError> {
        self.within = path == self.path;
        if self.within {
            self.found = Some(Vec::new());
        }
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        if let Some(found) = self.found.as_mut().filter(|_| self.within) {
            let room = self.most.saturating_sub(found.len());
            found.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Ok(())
    }

    fn link(&mut self, _: &str, _: &str) -> Result<(), ArchiveError> {
        Ok(())
    }
}

/// The first `most` bytes of the file at `path`, links followed, in an archive that holds `contents`; nothing when there is
/// none.
///
/// # Errors
/// As [`crate::inspect`].
pub fn pick(
    reader: impl Read,
    limits: &Limits,
    contents: &Contents,
    path: &str,
    most: usize,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    let Ok(path) = tree::follow(&contents.files, "", path, &mut tree::steps()) else { return Ok(None) };
    let mut one = One { path: &path, most, within: false, found: None };
    scan(reader, limits, What::Package, &mut one)?;
    Ok(one.found)
}

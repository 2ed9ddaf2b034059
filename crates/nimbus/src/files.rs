//! Small JSON files that are there whole or not at all.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{NimbusError, io};

/// Reads a file; `None` when it is not there.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, NimbusError> {
    let text = match fs::read(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        other => other.map_err(io("read", path))?,
    };
    serde_json::from_slice(&text).map(Some).map_err(|source| NimbusError::File { path: path.to_owned(), source })
}

/// Replaces a file; it is on disk, under its name, when this returns.
pub(crate) fn write(path: &Path, value: &impl Serialize) -> Result<(), NimbusError> {
    replace(path, value, Until::Name)
}

/// Replaces a file; its content is on disk, but a power cut may still take away that it has this name.
pub(crate) fn write_content(path: &Path, value: &impl Serialize) -> Result<(), NimbusError> {
    replace(path, value, Until::Content)
}

/// Replaces a file that a power cut may take away.
pub(crate) fn write_soon(path: &Path, value: &impl Serialize) -> Result<(), NimbusError> {
    replace(path, value, Until::Nothing)
}

/// What is to be on disk when a file was replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Nothing,
    Content,
    Name,
}

fn replace(path: &Path, value: &impl Serialize, until: Until) -> Result<(), NimbusError> {
    let text =
        serde_json::to_vec_pretty(value).map_err(|source| NimbusError::File { path: path.to_owned(), source })?;
    let new = path.with_extension("json.new");
    // Specifications have secrets.
    let mut options = fs::File::options();
    let file = options.create(true).write(true).truncate(true).mode(0o600).open(&new);
    let mut file = file.map_err(io("make", &new))?;
    file.write_all(&text).map_err(io("write", &new))?;
    if until != Until::Nothing {
        file.sync_all().map_err(io("write to disk", &new))?;
    }
    fs::rename(&new, path).map_err(io("rename", &new))?;
    if let (Until::Name, Some(directory)) = (until, path.parent()) {
        let opened = fs::File::open(directory).map_err(io("open", directory))?;
        opened.sync_all().map_err(io("write to disk", directory))?;
    }
    Ok(())
}

//! The application's log: `app.log` and its rotated forms `app.log.1` (the newest) to `app.log.N`.
//!
//! A line is `2026-11-22T21:33:00.123Z out text`, where the second word says who spoke ([`Stream`]). The keeper writes
//! bytes as they come; whoever reads replaces what is not UTF-8.

mod reader;
mod writer;

pub use reader::{Follower, MAX_LINES, follow, tail};
pub(crate) use writer::{Logs, Moment};

use std::path::{Path, PathBuf};

use crate::clock;

/// Bytes after which a line without an end is written as one.
pub(crate) const LINE_BYTES: usize = 16 * 1024;

/// Who spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The application on its standard output.
    Out,
    /// The application on its standard error.
    Err,
    /// The keeper.
    Keeper,
}

impl Stream {
    /// The word in the log: `out`, `err` or `keeper`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
            Self::Keeper => "keeper",
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was read from the application, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who spoke.
    pub stream: Stream,
    /// The line without its end.
    pub text: String,
}

impl Line {
    /// Reads a line as the writer wrote it; `None` for what it never writes (the torn end of a power cut).
    fn parse(bytes: &[u8]) -> Option<Self> {
        let at_ms = clock::parse(bytes.get(..clock::LENGTH)?)?;
        let rest = bytes[clock::LENGTH..].strip_prefix(b" ")?;
        [Stream::Out, Stream::Err, Stream::Keeper].into_iter().find_map(|stream| {
            let text = rest.strip_prefix(stream.as_str().as_bytes())?.strip_prefix(b" ")?;
            Some(Self { at_ms, stream, text: String::from_utf8_lossy(text).into_owned() })
        })
    }
}

/// The path of the `number`th rotated file; 0 is the one being written.
fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(if number == 0 { "app.log".to_owned() } else { format!("app.log.{number}") })
}

#[cfg(test)]
mod tests;

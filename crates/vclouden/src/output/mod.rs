//! Everything that goes to standard output: tables, facts and JSON, plain unless a terminal reads it.

pub mod human;
pub mod table;

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::failure::{Failure, Outcome};

/// Whether anything went to standard output.
static WRITTEN: AtomicBool = AtomicBool::new(false);

/// Writes one line to standard output. A reader that has gone (`| head`) ends the program at once and quietly, with
/// the status that a shell gives to programs ended by SIGPIPE.
pub fn line(text: impl AsRef<str>) {
    raw(format!("{}\n", text.as_ref()).as_bytes());
}

/// Writes bytes to standard output, flushed; see [`line`] for a reader that has gone.
pub fn raw(bytes: &[u8]) {
    WRITTEN.store(true, Ordering::Relaxed);
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(141);
        }
        note(format!("error: cannot write to standard output: {error}"));
        std::process::exit(1);
    }
}

/// Writes one line to standard error. A standard error that cannot be written leaves nobody to tell.
pub fn note(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.as_ref());
}

/// One JSON document, indented for a terminal and on one line otherwise.
pub fn json(value: &impl Serialize) -> Outcome {
    let text = if std::io::stdout().is_terminal() {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    line(text.map_err(|error| Failure::refused(format!("cannot write the answer as JSON: {error}")))?);
    Ok(())
}

/// Why a command failed. A program gets it as a document, too: on standard output, unless that has something already,
/// such as the operation that was undone, which says it itself. A wrong command line is a document on standard error
/// only: nothing was asked, and so nothing was answered.
pub fn failure(failure: &Failure, json: bool) {
    if json && matches!(failure, Failure::Usage(_)) {
        return note(failure.json().to_string());
    }
    error(failure);
    if json && !WRITTEN.load(Ordering::Relaxed) {
        line(failure.json().to_string());
    }
}

/// A list as the API gives it, in one part: `{"items": [...]}`.
pub fn json_list(items: &impl Serialize) -> Outcome {
    json(&serde_json::json!({ "items": items }))
}

/// One JSON document on one line, for streams.
pub fn ndjson(value: &impl Serialize) -> Outcome {
    line(serde_json::to_string(value).map_err(|e| Failure::refused(format!("cannot write the answer as JSON: {e}")))?);
    Ok(())
}

/// A colour with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// As it is.
    Plain,
    /// Good: green.
    Good,
    /// Under way or to be looked at: yellow.
    Busy,
    /// Bad: red.
    Bad,
    /// Less important: dim.
    Dim,
    /// Headings: bold.
    Bold,
}

impl Paint {
    /// The colour of a state or phase.
    pub fn of(state: &str) -> Paint {
        match state {
            "running" | "healthy" | "finished" | "active" | "yes" => Paint::Good,
            "failed" | "unhealthy" | "stuck" | "undone" => Paint::Bad,
            "stopped" | "removed" | "skipped" | "waiting" => Paint::Dim,
            "installing" | "starting" | "restarting" | "removing" | "canary" | "wave" | "stopping" => Paint::Busy,
            _ => Paint::Plain,
        }
    }

    /// `text` in this colour, if `colours`.
    pub fn apply(self, text: &str, colours: bool) -> String {
        let code = match self {
            Paint::Plain => return text.to_owned(),
            Paint::Good => "32",
            Paint::Busy => "33",
            Paint::Bad => "31",
            Paint::Dim => "2",
            Paint::Bold => "1",
        };
        if colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Whether to colour what goes to `stream`: only on a terminal, and never with NO_COLOR (no-color.org) or a dumb one.
pub fn colours(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// `error: what. why. what to do`.
fn error(failure: &Failure) {
    let label = Paint::Bad.apply("error:", colours(&std::io::stderr()));
    note(format!("{label} {}", human::printable(&failure.to_string())));
}

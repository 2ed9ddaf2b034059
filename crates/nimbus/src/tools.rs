//! Runs the machine's tools (`btrfs`, `nft`, `mount` ...), so that a missing one is named with its Debian package and
//! a failing one is quoted.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Characters of a tool's error output that are quoted: its end, where the reason is.
const QUOTED: usize = 2000;

/// A tool that is missing or that failed.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is not installed.
    #[error("the program \"{tool}\" is missing; on Debian and Ubuntu: apt-get install {package}")]
    Missing {
        /// Its name.
        tool: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// It could not be started or spoken to.
    #[error("cannot run {tool}: {source}")]
    Start {
        /// Its name.
        tool: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("`{command}` failed ({status}): {said}")]
    Failed {
        /// The tool and its arguments.
        command: String,
        /// Its exit status.
        status: String,
        /// The end of what it said.
        said: String,
    },
}

impl ToolError {
    /// Whether the tool itself is what is missing.
    pub fn is_missing(&self) -> bool {
        matches!(self, ToolError::Missing { .. })
    }

    /// Whether it failed because the disk on which it worked is full.
    pub fn is_full(&self) -> bool {
        // Tools are run with LC_ALL=C.
        matches!(self, ToolError::Failed { said, .. } if said.contains("No space left on device"))
    }
}

/// The Debian package of each tool in use.
fn package(tool: &str) -> &'static str {
    match tool {
        "apparmor_parser" => "apparmor",
        "btrfs" | "mkfs.btrfs" => "btrfs-progs",
        "nft" => "nftables",
        "ip" => "iproute2",
        "iptables" | "iptables-legacy" => "iptables",
        "mmdebstrap" => "mmdebstrap",
        "mount" | "setpriv" | "unshare" => "util-linux",
        _ => "coreutils",
    }
}

/// The absolute path of a tool: from `PATH`, or from the system's directories, which the `PATH` of a service or of an
/// unprivileged user's shell may lack.
pub fn find(tool: &str) -> Result<PathBuf, ToolError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .chain(system)
        .map(|directory| directory.join(tool))
        .find(|file| file.is_file())
        .ok_or_else(|| ToolError::Missing { tool: tool.to_owned(), package: package(tool) })
}

/// A command that speaks English and reads nothing.
pub fn command(tool: &str) -> Result<Command, ToolError> {
    let mut command = Command::new(find(tool)?);
    command.env("LC_ALL", "C").env_remove("LANGUAGE").stdin(Stdio::null());
    Ok(command)
}

/// Runs a tool to its end and returns what it wrote to standard output.
pub fn run<A: AsRef<OsStr>>(tool: &str, arguments: &[A]) -> Result<String, ToolError> {
    let mut command = command(tool)?;
    command.args(arguments);
    let output = command.output().map_err(|source| ToolError::Start { tool: tool.to_owned(), source })?;
    judge(&command, output)
}

/// Runs a tool with `input` as its standard input.
pub fn feed<A: AsRef<OsStr>>(tool: &str, arguments: &[A], input: &str) -> Result<String, ToolError> {
    let start = |source| ToolError::Start { tool: tool.to_owned(), source };
    let mut command = command(tool)?;
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(start)?;
    let written = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().map_err(start)?;
    // A tool that refuses its input early explains itself better than the broken pipe does.
    let said = judge(&command, output)?;
    written.map_err(start)?;
    Ok(said)
}

/// What a tool wrote, or the error it ended with.
pub fn judge(command: &Command, output: Output) -> Result<String, ToolError> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = match output.stderr.trim_ascii() {
        b"" => output.stdout.trim_ascii(),
        said => said,
    };
    let said = String::from_utf8_lossy(said);
    let skip = said.chars().count().saturating_sub(QUOTED);
    Err(ToolError::Failed {
        command: spoken(command),
        status: output.status.to_string(),
        said: said.chars().skip(skip).collect(),
    })
}

/// The command as a person would type it.
fn spoken(command: &Command) -> String {
    let tool = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(tool).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

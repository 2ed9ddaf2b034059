//! Where the children's standard error goes: a file each, or, with `--verbose`, here.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Former logs that are kept.
const KEPT: u32 = 3;
/// Bytes of a log at which it becomes a former one.
const LIMIT: u64 = 64 << 20;
/// Bytes at a log's end that are looked at for its last lines.
const TAIL: u64 = 16 << 10;

/// The log of one child.
#[derive(Clone, Debug)]
pub struct Log {
    path: PathBuf,
}

impl Log {
    /// The log `NAME.log`; that of an earlier `up` becomes `NAME.log.1`.
    pub fn begin(directory: &Path, name: &str) -> Result<Self> {
        let log = Log { path: directory.join(format!("{name}.log")) };
        if log.path.exists() {
            log.age();
            let former = log.former(1);
            fs::rename(&log.path, &former).with_context(|| format!("cannot rename {}", log.path.display()))?;
        }
        Ok(log)
    }

    /// The file to append to.
    pub fn open(&self) -> Result<File> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(&self.path);
        file.with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When it has become too long, what it holds is moved away. The child goes on appending to the same file, so that
    /// lines written in this very moment are lost.
    pub fn limit(&self) -> Result<()> {
        let length = fs::metadata(&self.path).map_or(0, |found| found.len());
        if length > LIMIT {
            self.age();
            fs::copy(&self.path, self.former(1))?;
            OpenOptions::new().write(true).open(&self.path)?.set_len(0)?;
        }
        Ok(())
    }

    /// The last lines of what was written after `from`, at most `count`.
    pub fn last_lines(&self, from: u64, count: usize) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            let begin = file.metadata()?.len().saturating_sub(TAIL).max(from);
            file.seek(SeekFrom::Start(begin))?;
            let mut bytes = Vec::new();
            file.take(TAIL).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        // A log that cannot be read only means that there is less to say.
        let bytes = read().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].iter().map(|line| format!("\n  {line}")).collect()
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |found| found.len())
    }

    fn former(&self, age: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{age}"));
        name.into()
    }

    /// Every former log grows older by one; the oldest is lost, and gaps do not matter.
    fn age(&self) {
        for age in (1..KEPT).rev() {
            let _ = fs::rename(self.former(age), self.former(age + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn logs_of_earlier_runs_are_kept_for_a_while() {
        let directory = tempfile::tempdir().unwrap();
        for run in 1..=6 {
            let log = Log::begin(directory.path(), "plane").unwrap();
            writeln!(log.open().unwrap(), "run {run}").unwrap();
        }
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!([read("plane.log"), read("plane.log.1"), read("plane.log.3")], ["run 6\n", "run 5\n", "run 3\n"]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
    }

    #[test]
    fn last_lines_are_those_of_this_start() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::begin(directory.path(), "edge").unwrap();
        let mut file = log.open().unwrap();
        writeln!(file, "old").unwrap();
        let from = log.length();
        writeln!(file, "a\nb\nc").unwrap();
        assert_eq!(log.last_lines(from, 2), "\n  b\n  c");
        assert_eq!(log.last_lines(from, 9), "\n  a\n  b\n  c");
    }
}

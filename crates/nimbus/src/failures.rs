//! What applications wrote that made an operation fail. An installation that could not be installed is gone with its
//! log, and a version that was put back leaves few lines among those of the version in use: here it can be read for
//! another two days.
//!
//! `nimbus/failed/<operation>.log` on the server's own disk: lines of JSON as they are sent. Losing one hurts nobody, so
//! nothing here makes an operation fail.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use domain::OperationId;
use keeper::logs::Line;
use nimbus_api::{LogLine, Millis};

use crate::error::{NimbusError, io};

/// How long one is kept.
pub const AGE: Duration = Duration::from_secs(48 * 3600);
/// How many are kept: the newest.
const COUNT: usize = 200;
/// Bytes of one: its end.
const BYTES: usize = 256 << 10;

/// The logs of failed operations.
pub struct FailedLogs {
    dir: PathBuf,
}

impl FailedLogs {
    /// Those in that directory, which is made when it is not there.
    pub fn open(dir: PathBuf) -> Result<Self, NimbusError> {
        fs::create_dir_all(&dir).map_err(io("make", &dir))?;
        Ok(Self { dir })
    }

    /// Keeps the end of what was written, in place of what is kept of that operation already.
    pub fn keep(&self, id: OperationId, lines: &[Line]) -> Result<(), NimbusError> {
        let mut kept = Vec::new();
        let mut bytes = 0;
        for line in lines.iter().rev() {
            let line = encode(line);
            bytes += line.len();
            if bytes > BYTES {
                break;
            }
            kept.push(line);
        }
        if kept.is_empty() {
            return Ok(());
        }
        kept.reverse();
        let (path, new) = (self.path(id), self.dir.join(format!("{id}.new")));
        fs::write(&new, kept.concat()).map_err(io("write", &new))?;
        fs::rename(&new, &path).map_err(io("rename", &new))
    }

    /// The last `lines` lines of one, as they are sent; `None` when nothing is kept of that operation.
    pub fn read(&self, id: OperationId, lines: usize) -> Result<Option<Vec<u8>>, NimbusError> {
        let path = self.path(id);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(io("read", &path))?,
        };
        let all: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        Ok(Some(all[all.len().saturating_sub(lines)..].concat()))
    }

    /// Deletes those whose time is over, and all but the newest; how many.
    pub fn prune(&self, now: Millis) -> Result<usize, NimbusError> {
        let mut found: Vec<(Millis, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(io("read", &self.dir))?.flatten() {
            let changed = entry.metadata().and_then(|found| found.modified()).ok();
            let at = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, millis);
            found.push((at, entry.path()));
        }
        found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let is_over =
            |(number, (at, _)): &(usize, &(Millis, PathBuf))| *number >= COUNT || at.saturating_add(millis(AGE)) <= now;
        let over: Vec<&Path> = found.iter().enumerate().filter(is_over).map(|(_, (_, path))| path.as_path()).collect();
        for path in &over {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(io("delete", path)(error)),
                _ => {}
            }
        }
        Ok(over.len())
    }

    fn path(&self, id: OperationId) -> PathBuf {
        self.dir.join(format!("{id}.log"))
    }
}

fn millis(time: Duration) -> Millis {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn encode(line: &Line) -> Vec<u8> {
    let line = LogLine { at: line.at_ms, stream: line.stream.as_str().to_owned(), text: line.text.clone() };
    let mut bytes = serde_json::to_vec(&line).expect("a line is plain data");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use keeper::logs::Stream;

    use super::*;

    fn line(text: &str) -> Line {
        Line { at_ms: 7, stream: Stream::Err, text: text.to_owned() }
    }

    fn texts(kept: &[u8]) -> Vec<String> {
        let lines = kept.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice::<LogLine>(line).unwrap().text).collect()
    }

    #[test]
    fn the_end_of_a_log_is_kept_and_read_in_part() {
        let directory = tempfile::tempdir().unwrap();
        let logs = FailedLogs::open(directory.path().join("failed")).unwrap();
        let id = OperationId::new();
        assert_eq!(logs.read(id, 10).unwrap(), None);
        logs.keep(id, &[]).unwrap();
        assert_eq!(logs.read(id, 10).unwrap(), None, "of one that wrote nothing nothing is kept");
        for _ in 0..2 {
            logs.keep(id, &["one", "two", "three"].map(line)).unwrap();
        }
        assert_eq!(texts(&logs.read(id, 10).unwrap().unwrap()), ["one", "two", "three"]);
        assert_eq!(texts(&logs.read(id, 2).unwrap().unwrap()), ["two", "three"]);
        let many: Vec<Line> = (0..100).map(|number| line(&format!("{number} {}", "x".repeat(16_000)))).collect();
        logs.keep(id, &many).unwrap();
        let kept = logs.read(id, usize::MAX).unwrap().unwrap();
        assert!(kept.len() <= BYTES && texts(&kept).last().unwrap().starts_with("99 "));
    }

    #[test]
    fn what_is_old_or_too_many_goes() {
        let directory = tempfile::tempdir().unwrap();
        let logs = FailedLogs::open(directory.path().to_owned()).unwrap();
        let ids: Vec<OperationId> = (0..COUNT + 5).map(|_| OperationId::new()).collect();
        for (number, id) in ids.iter().enumerate() {
            logs.keep(*id, &[line("x")]).unwrap();
            let at = UNIX_EPOCH + Duration::from_secs(1000 + number as u64);
            fs::File::options().write(true).open(logs.path(*id)).unwrap().set_modified(at).unwrap();
        }
        let second = |number: usize| (1000 + number as u64) * 1000;
        assert_eq!(logs.prune(second(COUNT + 5)).unwrap(), 5);
        assert!(logs.read(ids[4], 1).unwrap().is_none() && logs.read(ids[5], 1).unwrap().is_some());
        assert_eq!(logs.prune(second(10) + millis(AGE)).unwrap(), 6);
        assert!(logs.read(ids[10], 1).unwrap().is_none() && logs.read(ids[11], 1).unwrap().is_some());
    }
}

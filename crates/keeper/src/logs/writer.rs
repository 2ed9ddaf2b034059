//! Writes the log. Nothing here may stop the application: a disk that is full costs lines, which are counted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::Duration;

use super::{LINE_BYTES, Stream, path};
use crate::clock;

/// Bytes that are collected before they are written.
const BATCH: usize = 32 * 1024;
/// How long a line may stay without its end.
const PARTIAL: Duration = Duration::from_millis(200);
/// How long to wait before trying again to write to a disk that refused.
const RETRY: Duration = Duration::from_secs(1);
/// Bytes of log a second, sustained and at once. An application that says more is slowed down by its own full pipe,
/// so that it cannot use up the server's processor and disk through its keeper.
const RATE: u64 = 8 * 1024 * 1024;

/// The log being written.
#[derive(Debug)]
pub(crate) struct Logs {
    dir: PathBuf,
    max_bytes: u64,
    files: u32,
    file: Option<File>,
    size: u64,
    batch: Vec<u8>,
    partial: [Partial; 2],
    stamp: Stamp,
    lost: Option<Lost>,
    budget: Budget,
}

/// A line whose end has not come yet.
#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    since: Duration,
}

/// Lines that could not be written.
#[derive(Debug)]
struct Lost {
    lines: u64,
    because: String,
    retry: Duration,
}

/// A bucket of bytes that fills with time, and may owe some.
#[derive(Debug)]
struct Budget {
    bytes: i64,
    at: Duration,
}

/// The last time that was written, as text: a flood's lines have it by the thousand.
#[derive(Debug, Default)]
struct Stamp {
    ms: u64,
    text: Vec<u8>,
}

/// The moment of an event: on the clock that only grows, and for people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Duration,
    pub(crate) wall_ms: u64,
}

impl Logs {
    /// Goes on with the log in `dir`. A log that cannot be opened is tried again with every line.
    pub(crate) fn open(dir: PathBuf, max_bytes: u64, files: u32) -> Self {
        Self {
            dir,
            max_bytes: max_bytes.max(1),
            files,
            file: None,
            size: 0,
            batch: Vec::new(),
            partial: Default::default(),
            stamp: Stamp::default(),
            lost: None,
            budget: Budget { bytes: RATE as i64, at: Duration::ZERO },
        }
    }

    /// What the application said on `stream`, in pieces as they come.
    pub(crate) fn take(&mut self, stream: Stream, mut bytes: &[u8], at: Moment) {
        let index = usize::from(stream == Stream::Err);
        while !bytes.is_empty() {
            let partial = &mut self.partial[index];
            if partial.bytes.is_empty() {
                partial.since = at.now;
            }
            let room = LINE_BYTES - partial.bytes.len();
            let piece = &bytes[..bytes.len().min(room)];
            let end = piece.iter().position(|byte| *byte == b'\n');
            partial.bytes.extend_from_slice(&piece[..end.unwrap_or(piece.len())]);
            bytes = &bytes[end.map_or(piece.len(), |end| end + 1)..];
            if end.is_some() || partial.bytes.len() >= LINE_BYTES {
                self.finish(stream, at);
            }
        }
        self.commit(at);
    }

    /// What the keeper has to say.
    pub(crate) fn remark(&mut self, text: &str, at: Moment) {
        // One line, whatever an error's text contains.
        let text = text.replace('\n', " ");
        self.stamp.push(&mut self.batch, Stream::Keeper, text.as_bytes(), at.wall_ms);
        self.commit(at);
    }

    /// Writes lines that waited too long for their end (all with `at_once`), and tells of lost lines when it can.
    pub(crate) fn tick(&mut self, at: Moment, at_once: bool) {
        for (index, stream) in [Stream::Out, Stream::Err].into_iter().enumerate() {
            let partial = &self.partial[index];
            if !partial.bytes.is_empty() && (at_once || at.now >= partial.since + PARTIAL) {
                self.finish(stream, at);
            }
        }
        self.commit(at);
        if self.lost.as_ref().is_some_and(|lost| at_once || at.now >= lost.retry) {
            self.tell_lost(at);
        }
    }

    /// When [`Logs::tick`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let waiting = self.partial.iter().filter(|partial| !partial.bytes.is_empty());
        waiting.map(|partial| partial.since + PARTIAL).chain(self.lost.as_ref().map(|lost| lost.retry)).min()
    }

    /// When more may be taken; in the past unless the application said too much.
    pub(crate) fn ready_at(&mut self, now: Duration) -> Duration {
        self.budget.fill(now);
        let missing = u64::try_from(1 - self.budget.bytes).unwrap_or(0);
        now + Duration::from_millis(missing.div_ceil(RATE / 1000))
    }

    fn finish(&mut self, stream: Stream, at: Moment) {
        let partial = &mut self.partial[usize::from(stream == Stream::Err)];
        self.stamp.push(&mut self.batch, stream, &partial.bytes, at.wall_ms);
        partial.bytes.clear();
        if self.batch.len() as u64 >= (BATCH as u64).min(self.max_bytes) {
            self.commit(at);
        }
    }

    /// Writes the batch, or counts its lines as lost.
    fn commit(&mut self, at: Moment) {
        if self.batch.is_empty() {
            return;
        }
        let mut batch = std::mem::take(&mut self.batch);
        self.budget.spend(batch.len() as u64, at.now);
        if self.lost.as_ref().is_some_and(|lost| at.now < lost.retry) || !self.tell_lost(at) {
            self.lose(&batch, None, at);
        } else if let Err((written, error)) = self.write(&batch) {
            self.lose(&batch[written..], Some(error), at);
        }
        batch.clear();
        self.batch = batch;
    }

    fn lose(&mut self, lines: &[u8], error: Option<io::Error>, at: Moment) {
        let count = lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        let because = match error {
            Some(error) if error.kind() == io::ErrorKind::StorageFull => "disk full".to_owned(),
            Some(error) if error.kind() == io::ErrorKind::QuotaExceeded => "disk quota used up".to_owned(),
            Some(error) => error.to_string(),
            None => String::new(),
        };
        let lost = self.lost.get_or_insert(Lost { lines: 0, because: String::new(), retry: Duration::ZERO });
        lost.lines += count;
        if !because.is_empty() {
            lost.because = because;
            lost.retry = at.now + RETRY;
        }
    }

    /// Writes how many lines are lost, if any; whether there are none untold.
    fn tell_lost(&mut self, at: Moment) -> bool {
        let Some(lost) = &mut self.lost else { return true };
        lost.retry = at.now + RETRY;
        let mut line = Vec::new();
        let text = format!("{} lines lost: {}", lost.lines, lost.because);
        self.stamp.push(&mut line, Stream::Keeper, text.as_bytes(), at.wall_ms);
        match self.write(&line) {
            Ok(()) => {
                self.lost = None;
                true
            }
            Err(_) => false,
        }
    }

    /// Writes whole lines; on failure says how many bytes of them are in the file. Never leaves half a line.
    fn write(&mut self, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        if self.size > 0 && self.size + lines.len() as u64 > self.max_bytes {
            self.rotate().map_err(|error| (0, error))?;
        }
        if self.file.is_none() {
            self.reopen().map_err(|error| (0, error))?;
        }
        let file = self.file.as_mut().expect("was just opened");
        let mut written = 0;
        let error = loop {
            match file.write(&lines[written..]) {
                Ok(0) => break io::ErrorKind::WriteZero.into(),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break error,
            }
            if written == lines.len() {
                self.size += written as u64;
                return Ok(());
            }
        };
        let whole = lines[..written].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.size += whole as u64;
        if whole < written && file.set_len(self.size).is_err() {
            // Half a line stays; opening it again puts an end to it.
            self.file = None;
        }
        Err((whole, error))
    }

    fn reopen(&mut self) -> io::Result<()> {
        let path = path(&self.dir, 0);
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path)?;
        self.size = file.metadata()?.len();
        let mut last = [b'\n'];
        if self.size > 0 && file.read_at(&mut last, self.size - 1)? == 1 && last[0] != b'\n' {
            file.write_all(b"\n")?;
            self.size += 1;
        }
        self.file = Some(file);
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file = None;
        for number in (0..self.files).rev() {
            match std::fs::rename(path(&self.dir, number), path(&self.dir, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        match std::fs::remove_file(path(&self.dir, 0)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.size = 0;
        Ok(())
    }
}

impl Budget {
    fn fill(&mut self, now: Duration) {
        let ms = clock::to_ms(now.saturating_sub(self.at));
        let gained = i64::try_from(ms.saturating_mul(RATE / 1000)).unwrap_or(i64::MAX);
        self.bytes = self.bytes.saturating_add(gained).min(RATE as i64);
        self.at += Duration::from_millis(ms);
    }

    fn spend(&mut self, bytes: u64, now: Duration) {
        self.fill(now);
        self.bytes = self.bytes.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

impl Stamp {
    fn push(&mut self, out: &mut Vec<u8>, stream: Stream, text: &[u8], wall_ms: u64) {
        if self.text.is_empty() || self.ms != wall_ms {
            self.ms = wall_ms;
            self.text.clear();
            clock::format(wall_ms, &mut self.text);
        }
        for part in [&self.text[..], b" ", stream.as_str().as_bytes(), b" ", text, b"\n"] {
            out.extend_from_slice(part);
        }
    }
}

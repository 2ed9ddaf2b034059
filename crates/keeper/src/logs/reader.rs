//! Reads the log from another process while the keeper writes and rotates it.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::{LINE_BYTES, Line, path};

/// The most lines that can be asked for.
pub const MAX_LINES: usize = 10_000;
/// Bytes that one call reads at most.
const MAX_BYTES: usize = 8 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// The last `lines` lines (at most [`MAX_LINES`]) of the log in `dir`, oldest first; none if there is no log.
pub fn tail(dir: &Path, lines: usize) -> io::Result<Vec<Line>> {
    follow(dir, lines).map(|(lines, _)| lines)
}

/// The last `lines` lines as by [`tail`], and what yields exactly those that come after them.
pub fn follow(dir: &Path, lines: usize) -> io::Result<(Vec<Line>, Follower)> {
    let mut follower = Follower { dir: dir.to_owned(), current: None };
    let mut wanted = lines.min(MAX_LINES);
    let mut budget = MAX_BYTES;
    let mut found = VecDeque::new();
    let mut seen = Vec::new();
    for number in 0.. {
        let Some(file) = open(dir, number)? else {
            // Between its renaming and its making the newest is missing for a moment.
            if number == 0 {
                continue;
            } else {
                break;
            };
        };
        let id = id(&file)?;
        // The log was rotated while this went on: this is the file before once more.
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let end = end_of_lines(&file)?;
        read_backwards(&file, end, &mut wanted, &mut budget, &mut found)?;
        if follower.current.is_none() {
            follower.current = Some((file, end));
        }
        if wanted == 0 || budget == 0 {
            break;
        }
    }
    Ok((found.into(), follower))
}

/// Yields lines as they are written, across rotations. Ask it again from time to time: it does not wait.
#[derive(Debug)]
pub struct Follower {
    dir: PathBuf,
    /// The file being read and the position after the last line read.
    current: Option<(File, u64)>,
}

impl Follower {
    /// The lines written since the last call, at most some megabytes of them; none when there is nothing new.
    pub fn read(&mut self) -> io::Result<Vec<Line>> {
        let mut lines = Vec::new();
        let mut budget = MAX_BYTES;
        while budget > 0 {
            // Looked up before reading: what was written before it was rotated is then read to its end.
            let next = self.next_file()?;
            if let Some((file, position)) = &mut self.current {
                read_forwards(file, position, &mut budget, &mut lines)?;
            }
            match next {
                Some(file) if budget > 0 => self.current = Some((file, 0)),
                _ => break,
            }
        }
        Ok(lines)
    }

    /// The file that was begun after the one being read; `None` while that is the newest.
    fn next_file(&self) -> io::Result<Option<File>> {
        let Some((current, _)) = &self.current else { return oldest(&self.dir) };
        let current = id(current)?;
        for _ in 0..100 {
            let Some(number) = number_of(&self.dir, current)? else { return oldest(&self.dir) };
            if number == 0 {
                return Ok(None);
            }
            let next = open(&self.dir, number - 1)?;
            // Unless it was rotated meanwhile, that is the one.
            if next.is_none() || number_of(&self.dir, current)? == Some(number) {
                return Ok(next);
            }
        }
        Ok(None)
    }
}

fn open(dir: &Path, number: u32) -> io::Result<Option<File>> {
    match File::open(path(dir, number)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn id(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The number that the file `id` has now.
fn number_of(dir: &Path, id: (u64, u64)) -> io::Result<Option<u32>> {
    for number in 0.. {
        match std::fs::metadata(path(dir, number)) {
            Ok(metadata) if (metadata.dev(), metadata.ino()) == id => return Ok(Some(number)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && number > 0 => break,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

fn oldest(dir: &Path) -> io::Result<Option<File>> {
    let mut oldest = open(dir, 0)?;
    for number in 1.. {
        match open(dir, number)? {
            Some(file) => oldest = Some(file),
            None => break,
        }
    }
    Ok(oldest)
}

/// The position after the last line that has its end.
fn end_of_lines(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut chunk = vec![0; CHUNK];
    while end > 0 {
        let start = end.saturating_sub(CHUNK as u64);
        let count = file.read_at(&mut chunk[..(end - start) as usize], start)?;
        if let Some(last) = chunk[..count].iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Puts up to `wanted` lines that end at `end` or before in front of `found`.
fn read_backwards(
    file: &File,
    end: u64,
    wanted: &mut usize,
    budget: &mut usize,
    found: &mut VecDeque<Line>,
) -> io::Result<()> {
    let mut rest = Vec::new();
    let mut start = end;
    while *wanted > 0 && start > 0 && *budget > 0 {
        let size = (start as usize).min(CHUNK).min(*budget);
        *budget -= size;
        start -= size as u64;
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, start)?;
        bytes.append(&mut rest);
        // The first line of what was read may have begun earlier.
        let whole = if start == 0 { 0 } else { bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| n + 1) };
        for line in bytes[whole..].split(|byte| *byte == b'\n').rev() {
            if *wanted == 0 {
                break;
            }
            if let Some(line) = Line::parse(line) {
                found.push_front(line);
                *wanted -= 1;
            }
        }
        bytes.truncate(whole);
        rest = bytes;
    }
    Ok(())
}

/// Appends the lines from `position` on and moves it behind them.
fn read_forwards(file: &File, position: &mut u64, budget: &mut usize, lines: &mut Vec<Line>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK.max(2 * LINE_BYTES)];
    while *budget > 0 {
        let count = file.read_at(&mut chunk, *position)?;
        let Some(last) = chunk[..count].iter().rposition(|byte| *byte == b'\n') else {
            // A line longer than any the writer writes: not ours, passed over.
            if count == chunk.len() {
                *position += count as u64;
                continue;
            }
            break;
        };
        lines.extend(chunk[..last].split(|byte| *byte == b'\n').filter_map(Line::parse));
        *position += last as u64 + 1;
        *budget = budget.saturating_sub(count);
    }
    Ok(())
}

//! An installation's history on the volume, beside its specification, so that it moves with it: a file of fixed size with
//! four rings of records. A record's place follows from its time, so writing one is one small write in place, and
//! nothing else of the file is ever in danger.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::record::{BYTES, Record};

/// A ring: how long its stretches are, in seconds, and how many it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ring {
    pub(super) step: u64,
    pub(super) slots: u64,
    /// Records before it in the file.
    first: u64,
}

pub(super) const HOUR: Ring = Ring { step: 10, slots: 360, first: 0 };
pub(super) const DAY: Ring = Ring { step: 300, slots: 288, first: HOUR.slots };
pub(super) const MONTH: Ring = Ring { step: 3600, slots: 744, first: DAY.first + DAY.slots };
/// Calendar days in UTC: more than a year, for the bill.
pub(super) const DAYS: Ring = Ring { step: 86_400, slots: 400, first: MONTH.first + MONTH.slots };

impl Ring {
    /// When the stretch begins in which that second is.
    pub(super) fn start(self, second: u64) -> u64 {
        second - second % self.step
    }

    fn place(self, start: u64) -> u64 {
        (self.first + start / self.step % self.slots) * BYTES as u64
    }

    /// The record of the stretch that begins then.
    pub(super) fn read_one(self, path: &Path, start: u64) -> io::Result<Option<Record>> {
        let Some(file) = open(path)? else { return Ok(None) };
        let mut bytes = [0; BYTES];
        match file.read_exact_at(&mut bytes, self.place(start)) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        Ok(Record::decode(&bytes).filter(|record| record.start == start))
    }

    /// The records of the last turn of the ring, up to that second, in order of time.
    pub(super) fn read(self, path: &Path, now: u64) -> io::Result<Vec<Record>> {
        let Some(file) = open(path)? else { return Ok(Vec::new()) };
        let mut bytes = vec![0; self.slots as usize * BYTES];
        let mut got = 0;
        while got < bytes.len() {
            match file.read_at(&mut bytes[got..], self.first * BYTES as u64 + got as u64)? {
                // Its end was never written: nothing is known.
                0 => break,
                count => got += count,
            }
        }
        let oldest = self.start(now).saturating_sub(self.step * (self.slots - 1));
        let (chunks, _) = bytes.as_chunks::<BYTES>();
        let mut records: Vec<Record> = chunks.iter().filter_map(Record::decode).collect();
        records.retain(|record| record.start >= oldest && record.start <= now);
        records.sort_unstable_by_key(|record| record.start);
        Ok(records)
    }
}

/// Writes records, each in its ring.
pub(super) fn write<'a>(path: &Path, records: impl Iterator<Item = (Ring, &'a Record)>) -> io::Result<()> {
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path)?;
    for (ring, record) in records {
        file.write_all_at(&record.encode(), ring.place(record.start))?;
    }
    Ok(())
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_keeps_one_turn_and_leaves_the_others_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history");
        assert_eq!(HOUR.read(&path, 1_795_000_000).unwrap(), []);
        let begin = MONTH.start(1_795_000_000);
        let records = |ring: Ring, count: u64| {
            (0..count).map(move |turn| (ring, Record { awake: 1, ..Record::at(begin + turn * ring.step) }))
        };
        let all: Vec<(Ring, Record)> = records(HOUR, 400).chain(records(MONTH, 3)).collect();
        write(&path, all.iter().map(|(ring, record)| (*ring, record))).unwrap();
        let now = begin + 399 * HOUR.step + 5;
        let hour = HOUR.read(&path, now).unwrap();
        assert_eq!((hour.len(), hour[0].start, hour[359].start), (360, begin + 400, begin + 3990));
        assert_eq!(MONTH.read(&path, begin + 7200).unwrap().len(), 3);
        assert_eq!(DAY.read(&path, now).unwrap(), []);
        // What is left of an older turn does not count.
        assert_eq!(HOUR.read(&path, now + 3600).unwrap(), []);
        assert_eq!(MONTH.read_one(&path, begin + 3600).unwrap().map(|r| r.awake), Some(1));
        assert_eq!(MONTH.read_one(&path, begin + 3 * 3600).unwrap(), None);
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size <= (HOUR.slots + DAY.slots + MONTH.slots + DAYS.slots) * BYTES as u64);
    }
}

//! A zip file that is written while it is sent: nothing of it is known beforehand, and nothing is kept but the list of its
//! entries. Every system opens such files without another program, which is why it is no tar.
//!
//! Format: PKWARE's APPNOTE.TXT. Each entry is deflated, also what is packed already, as its end is told by deflate; sizes
//! follow it. What is larger than 4 GiB, or stands behind so much, is said in the fields of Zip64.

use flate2::{Compress, CompressError, Compression, Crc, FlushCompress, Status};
use nimbus_api::Millis;

/// Names are UTF-8, and sizes come after what they are of.
const FLAGS: u16 = 1 << 11 | 1 << 3;
const DEFLATED: u16 = 8;
/// Of the format, with and without Zip64.
const PLAIN: u16 = 20;
const ZIP64: u16 = 45;
/// A plain file on Unix that its owner reads and writes.
const MODE: u32 = 0o100_644 << 16;
/// Bytes that are packed at once.
const PIECE: usize = 64 << 10;

/// How an entry is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As small as is quick.
    Small,
    /// Not at all: it is packed already.
    None,
}

/// A zip file that is being written. Everything that its functions return is to be sent, in that order.
pub struct Zip {
    at: u64,
    time: [u16; 2],
    entries: Vec<Entry>,
    open: Option<(Entry, Compress, Crc)>,
}

struct Entry {
    name: String,
    offset: u64,
    crc: u32,
    packed: u64,
    bytes: u64,
}

impl Zip {
    /// An empty one whose entries are from that time.
    pub fn new(now: Millis) -> Self {
        Self { at: 0, time: dos_time(now), entries: Vec::new(), open: None }
    }

    /// Begins an entry, such as `folder/file.txt`. The one before must have ended.
    pub fn begin(&mut self, name: &str, packing: Packing) -> Vec<u8> {
        debug_assert!(self.open.is_none(), "an entry has not ended");
        let level = if packing == Packing::None { Compression::none() } else { Compression::fast() };
        let entry = Entry { name: name.to_owned(), offset: self.at, crc: 0, packed: 0, bytes: 0 };
        let mut out = Vec::with_capacity(30 + name.len());
        put32(&mut out, &[0x0403_4b50]);
        put16(&mut out, &[PLAIN, FLAGS, DEFLATED, self.time[0], self.time[1]]);
        put32(&mut out, &[0, 0, 0]);
        put16(&mut out, &[length(name), 0]);
        out.extend_from_slice(name.as_bytes());
        self.open = Some((entry, Compress::new(level, false), Crc::new()));
        self.sent(out)
    }

    /// More of the entry.
    pub fn write(&mut self, bytes: &[u8]) -> Result<Vec<u8>, CompressError> {
        self.pack(bytes, FlushCompress::None)
    }

    /// The entry is whole.
    pub fn end(&mut self) -> Result<Vec<u8>, CompressError> {
        let mut out = self.pack(&[], FlushCompress::Finish)?;
        let Some((mut entry, _, crc)) = self.open.take() else { return Ok(out) };
        entry.crc = crc.sum();
        let before = out.len();
        put32(&mut out, &[0x0807_4b50, entry.crc]);
        if is_large(&entry) {
            put64(&mut out, &[entry.packed, entry.bytes]);
        } else {
            put32(&mut out, &[small(entry.packed), small(entry.bytes)]);
        }
        self.at += (out.len() - before) as u64;
        self.entries.push(entry);
        Ok(out)
    }

    /// The list of all entries, which ends the file.
    pub fn finish(mut self) -> Vec<u8> {
        debug_assert!(self.open.is_none(), "an entry has not ended");
        let begin = self.at;
        let mut out = Vec::new();
        for entry in &self.entries {
            list(&mut out, entry, self.time);
        }
        let (count, size) = (self.entries.len() as u64, out.len() as u64);
        self.at += size;
        if begin > u64::from(u32::MAX) || count > u64::from(u16::MAX) {
            put32(&mut out, &[0x0606_4b50]);
            put64(&mut out, &[44]);
            put16(&mut out, &[ZIP64, ZIP64]);
            put32(&mut out, &[0, 0]);
            put64(&mut out, &[count, count, size, begin]);
            put32(&mut out, &[0x0706_4b50, 0]);
            put64(&mut out, &[self.at]);
            put32(&mut out, &[1]);
        }
        let few = u16::try_from(count).unwrap_or(u16::MAX);
        put32(&mut out, &[0x0605_4b50]);
        put16(&mut out, &[0, 0, few, few]);
        put32(&mut out, &[small(size), small(begin)]);
        put16(&mut out, &[0]);
        out
    }

    fn sent(&mut self, out: Vec<u8>) -> Vec<u8> {
        self.at += out.len() as u64;
        out
    }

    fn pack(&mut self, mut bytes: &[u8], flush: FlushCompress) -> Result<Vec<u8>, CompressError> {
        let mut out = Vec::new();
        let Some((entry, compress, crc)) = &mut self.open else { return Ok(out) };
        crc.update(bytes);
        entry.bytes += bytes.len() as u64;
        loop {
            out.reserve(PIECE);
            let before = compress.total_in();
            let status = compress.compress_vec(bytes, &mut out, flush)?;
            bytes = &bytes[usize::try_from(compress.total_in() - before).unwrap_or(bytes.len())..];
            let room = out.capacity() > out.len();
            if status == Status::StreamEnd || bytes.is_empty() && room && flush != FlushCompress::Finish {
                break;
            }
        }
        entry.packed += out.len() as u64;
        Ok(self.sent(out))
    }
}

/// An entry of the list.
fn list(out: &mut Vec<u8>, entry: &Entry, time: [u16; 2]) {
    let mut large = Vec::new();
    for value in [entry.bytes, entry.packed, entry.offset] {
        if value >= u64::from(u32::MAX) {
            put64(&mut large, &[value]);
        }
    }
    let needs = if large.is_empty() && !is_large(entry) { PLAIN } else { ZIP64 };
    let extra = if large.is_empty() { 0 } else { 4 + large.len() as u16 };
    put32(out, &[0x0201_4b50]);
    // By a program on Unix.
    put16(out, &[3 << 8 | ZIP64, needs, FLAGS, DEFLATED, time[0], time[1]]);
    put32(out, &[entry.crc, small(entry.packed), small(entry.bytes)]);
    put16(out, &[length(&entry.name), extra, 0, 0, 0]);
    put32(out, &[MODE, small(entry.offset)]);
    out.extend_from_slice(entry.name.as_bytes());
    if extra > 0 {
        put16(out, &[1, large.len() as u16]);
        out.extend_from_slice(&large);
    }
}

fn is_large(entry: &Entry) -> bool {
    entry.packed.max(entry.bytes) >= u64::from(u32::MAX)
}

fn length(name: &str) -> u16 {
    u16::try_from(name.len()).unwrap_or(u16::MAX)
}

/// All ones where the value stands elsewhere.
fn small(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn put64(out: &mut Vec<u8>, values: &[u64]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

/// Time and date as DOS has them, in UTC.
fn dos_time(now: Millis) -> [u16; 2] {
    let at = i64::try_from(now).ok().and_then(|now| jiff::Timestamp::from_millisecond(now).ok()).unwrap_or_default();
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let year = (at.year() - 1980).clamp(0, 127).unsigned_abs();
    let [month, day] = [at.month(), at.day()].map(|part| u16::from(part.unsigned_abs()));
    let [hour, minute, second] = [at.hour(), at.minute(), at.second()].map(|part| u16::from(part.unsigned_abs()));
    let pair = second / 2;
    [hour << 11 | minute << 5 | pair, year << 9 | month << 5 | day]
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};
    use std::process::Command;

    use super::*;

    /// What Python finds in a file that begins at that offset: each entry's name, size and sum, once all sums were right.
    fn read(zip: &[u8], offset: u64) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.zip");
        let mut file = std::fs::File::create(&path).unwrap();
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.write_all(zip).unwrap();
        let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
            for i in z.infolist(): print(i.filename, i.file_size, i.CRC, i.date_time[0])";
        let python = Command::new("python3").args(["-c", script]).arg(&path).output();
        let done = python.expect("python3 must be there; install the Debian package python3");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    fn write(mut zip: Zip) -> Vec<u8> {
        let mut out = Vec::new();
        let noise: Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for (name, packing) in [("a/año.txt", Packing::Small), ("a/noise", Packing::None)] {
            out.extend(zip.begin(name, packing));
            for piece in noise.chunks(70_001) {
                out.extend(zip.write(piece).unwrap());
            }
            out.extend(zip.end().unwrap());
        }
        out.extend(zip.begin("empty", Packing::Small));
        out.extend(zip.end().unwrap());
        out.extend(zip.finish());
        out
    }

    #[test]
    fn others_read_it() {
        let found = read(&write(Zip::new(1_795_417_509_000)), 0);
        let lines: Vec<&str> = found.lines().collect();
        assert!(lines[0].starts_with("a/año.txt 300000 ") && lines[0].ends_with(" 2026"), "{found}");
        let sum = |line: &str| line.split(' ').nth(2).unwrap().to_owned();
        assert_eq!(sum(lines[0]), sum(lines[1]));
        assert_eq!(lines[2], "empty 0 0 2026");
    }

    #[test]
    fn what_stands_behind_four_gibibytes_is_found() {
        let offset = 5 << 30;
        let found = read(&write(Zip { at: offset, ..Zip::new(0) }), offset);
        assert_eq!(found.lines().count(), 3, "{found}");
    }

    #[test]
    fn an_entry_of_more_than_four_gibibytes_is_whole() {
        // What is packed once stands there many times: after a full flush nothing refers to what was before.
        let (piece, times) = (vec![0; 64 << 20], 65);
        let mut zip = Zip::new(0);
        let mut out = zip.begin("zeros", Packing::Small);
        let packed = zip.pack(&piece, FlushCompress::Full).unwrap();
        let (entry, _, crc) = zip.open.as_mut().unwrap();
        let mut once = Crc::new();
        once.update(&piece);
        out.extend(&packed);
        for _ in 1..times {
            crc.combine(&once);
            entry.bytes += piece.len() as u64;
            entry.packed += packed.len() as u64;
            zip.at += packed.len() as u64;
            out.extend(&packed);
        }
        out.extend(zip.end().unwrap());
        out.extend(zip.begin("after", Packing::Small));
        out.extend(zip.end().unwrap());
        out.extend(zip.finish());
        let found = read(&out, 0);
        assert!(
            found.starts_with(&format!("zeros {} ", piece.len() * times)) && found.contains("\nafter 0 "),
            "{found}"
        );
    }

    #[test]
    fn many_entries_are_listed() {
        let mut zip = Zip::new(0);
        let mut out = Vec::new();
        for count in 0..66_000 {
            out.extend(zip.begin(&count.to_string(), Packing::Small));
            out.extend(zip.end().unwrap());
        }
        out.extend(zip.finish());
        assert_eq!(read(&out, 0).lines().count(), 66_000);
    }
}

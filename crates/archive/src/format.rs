//! The blocks of a tar (POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Extended Header"; GNU's long names).

use crate::error::ArchiveError;
use crate::stream::BLOCK;

/// A header block.
pub(crate) struct Header {
    /// Name, from prefix and name.
    pub name: Vec<u8>,
    /// Permission bits, with those for setuid, setgid and sticky.
    pub mode: u64,
    /// Bytes of content after it.
    pub size: u64,
    /// Type of the entry.
    pub kind: u8,
    /// What a link points to.
    pub target: Vec<u8>,
}

impl Header {
    /// Reads a header block that is not all zeros.
    pub(crate) fn parse(block: &[u8; BLOCK]) -> Result<Self, ArchiveError> {
        let mut name = text(&block[..100]).to_vec();
        let sum: u64 =
            block.iter().enumerate().map(|(at, byte)| if is_checksum(at) { 32 } else { u64::from(*byte) }).sum();
        if number(&block[148..156]) != Some(sum) {
            return Err(ArchiveError::entry(name, "its header is damaged (checksum); make the archive again"));
        }
        if &block[257..263] == b"ustar\0" && block[345] != 0 {
            name = [text(&block[345..500]), b"/", &name].concat();
        }
        let (Some(mode), Some(size)) = (number(&block[100..108]), number(&block[124..136])) else {
            return Err(ArchiveError::entry(name, "its header has a number that is none; make the archive again"));
        };
        Ok(Self { name, mode, size, kind: block[156], target: text(&block[157..257]).to_vec() })
    }
}

/// Whether the byte at this place belongs to the checksum, which counts as blanks in itself.
fn is_checksum(at: usize) -> bool {
    (148..156).contains(&at)
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    &field[..end]
}

/// A number in octal digits, or in base 256 when its first bit is set (GNU); an empty field is 0.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] == 0x80 {
        let mut digits = field[1..].iter();
        return digits.try_fold(0u64, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte)));
    }
    let digits = std::str::from_utf8(text(field)).ok()?.trim_matches(' ');
    if digits.is_empty() {
        return Some(0);
    }
    digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte)).then(|| u64::from_str_radix(digits, 8).ok())?
}

/// What extended headers say about the entry after them.
#[derive(Default)]
pub(crate) struct Extension {
    /// Its name.
    pub name: Option<Vec<u8>>,
    /// What it points to.
    pub target: Option<Vec<u8>>,
    /// Its bytes.
    pub size: Option<u64>,
}

impl Extension {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.name.is_none() && self.target.is_none() && self.size.is_none()
    }

    /// Adds the name (`L`) or link (`K`) that GNU keeps in an entry of its own.
    pub(crate) fn add_gnu(&mut self, kind: u8, content: &[u8]) -> Result<(), ArchiveError> {
        let value = text(content).to_vec();
        let slot = if kind == b'L' { &mut self.name } else { &mut self.target };
        set(slot, value.clone(), &value)
    }

    /// Adds the records of a pax header: `<length> <key>=<value>\n`, the length counting itself. Keys that are of no
    /// consequence here (times, owners, attributes) are passed over.
    pub(crate) fn add_pax(&mut self, content: &[u8], global: bool) -> Result<(), ArchiveError> {
        let mut rest = content;
        while !rest.is_empty() {
            let (key, value, after) = record(rest)
                .ok_or_else(|| ArchiveError::Damaged("an extended (pax) header cannot be understood".into()))?;
            rest = after;
            if key.starts_with(b"GNU.sparse.") {
                return Err(ArchiveError::entry(value, SPARSE));
            }
            if global && [&b"path"[..], b"linkpath", b"size"].contains(&key) {
                return Err(ArchiveError::entry(
                    value,
                    "a global header names all entries alike; make the archive again",
                ));
            }
            match key {
                b"path" => set(&mut self.name, value.to_vec(), value)?,
                b"linkpath" => set(&mut self.target, value.to_vec(), value)?,
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                    let size = size.ok_or_else(|| ArchiveError::Damaged("a pax header's size is no number".into()))?;
                    set(&mut self.size, size, value)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The refusal of files with holes.
pub(crate) const SPARSE: &str = "sparse files are not allowed; pack without `--sparse`";

/// Sets what may be said once only.
fn set<T>(slot: &mut Option<T>, value: T, name: &[u8]) -> Result<(), ArchiveError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(ArchiveError::entry(name, "two extended headers contradict each other; make the archive again")),
    }
}

/// The first record: key, value, and the records after it.
fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = records.iter().take(8).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&records[..blank]).ok()?.parse().ok()?;
    let record = records.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &records[length..]))
}

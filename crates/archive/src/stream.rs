//! The layers between the compressed bytes and the blocks of a tar: count, hash, decompress, count again.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};

use crate::error::ArchiveError;
use crate::limits::Limits;

/// Bytes of a tar block.
pub(crate) const BLOCK: usize = 512;

/// The compressed bytes, counted and hashed as they pass.
struct Compressed<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
    limit: u64,
}

impl<R: Read> Read for Compressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.inner.read(buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(io::Error::other(ArchiveError::Read(error))),
        };
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        if self.bytes > self.limit {
            return Err(io::Error::other(ArchiveError::Limit { limit: self.limit, what: "bytes" }));
        }
        Ok(count)
    }
}

/// The decompressed bytes of an archive, read in whole blocks and never beyond the limits.
pub(crate) struct Stream<R: Read> {
    gzip: GzDecoder<BufReader<Compressed<R>>>,
    bytes: u64,
    limit: u64,
}

impl<R: Read> Stream<R> {
    /// Begins to read an archive; refuses what is not gzip.
    pub(crate) fn open(inner: R, limits: &Limits) -> Result<Self, ArchiveError> {
        let compressed = Compressed { inner, hash: Sha256::new(), bytes: 0, limit: limits.archive_bytes };
        let mut buffered = BufReader::with_capacity(64 << 10, compressed);
        if !gzip_begins(&mut buffered)? {
            return Err(ArchiveError::NotGzip);
        }
        Ok(Self { gzip: GzDecoder::new(buffered), bytes: 0, limit: limits.unpacked_bytes })
    }

    /// Fills `buffer`, or as much of it as there is.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.gzip.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.bytes += filled as u64;
        if self.bytes > self.limit {
            return Err(ArchiveError::Limit { limit: self.limit, what: "bytes once unpacked" });
        }
        Ok(filled)
    }

    /// The next block; nothing at the end of the data, which must be between two blocks.
    pub(crate) fn block(&mut self) -> Result<Option<[u8; BLOCK]>, ArchiveError> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(ArchiveError::Truncated("in the middle of a tar block".into())),
        }
    }

    /// Reads to the end, where nothing but zeros may be left, and says the hash and bytes of the compressed archive.
    pub(crate) fn finish(mut self) -> Result<(String, u64), ArchiveError> {
        let mut buffer = [0; 16 << 10];
        loop {
            let count = self.fill(&mut buffer)?;
            if buffer[..count].iter().any(|byte| *byte != 0) {
                return Err(ArchiveError::Trailing("the tar"));
            }
            if count == 0 {
                break;
            }
        }
        let buffered = self.gzip.get_mut();
        if !peek(buffered)?.is_empty() {
            return Err(ArchiveError::Trailing("the gzip"));
        }
        let compressed = buffered.get_mut();
        let digest = std::mem::take(&mut compressed.hash).finalize();
        Ok((hexadecimal(&digest), compressed.bytes))
    }
}

/// Whether the first two bytes are gzip's (RFC 1952).
fn gzip_begins(buffered: &mut impl BufRead) -> Result<bool, ArchiveError> {
    let begin = peek(buffered)?;
    Ok(begin.first() == Some(&0x1f) && begin.get(1).is_none_or(|byte| *byte == 0x8b))
}

/// The bytes that come next, at least one unless there is none.
fn peek(buffered: &mut impl BufRead) -> Result<&[u8], ArchiveError> {
    loop {
        match buffered.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(buffered.fill_buf()?)
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}

//! What is mounted where, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)), and which file is behind a loop device.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::VolumeError;
use super::error::io;

/// One mount.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Its file system.
    pub kind: String,
    /// What is mounted: a device, or any word.
    pub source: PathBuf,
}

/// The topmost mount at exactly that (canonical) directory.
pub(super) fn at(directory: &Path) -> Result<Option<Mount>, VolumeError> {
    let file = Path::new("/proc/thread-self/mountinfo");
    let table = fs::read_to_string(file).map_err(io("read", file))?;
    Ok(table.lines().filter_map(|line| parse(line, directory)).next_back())
}

/// A line of the table, when it is about that directory.
fn parse(line: &str, directory: &Path) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    if unescape(before.split(' ').nth(4)?) != directory {
        return None;
    }
    let mut words = after.split(' ');
    Some(Mount { kind: words.next()?.to_owned(), source: unescape(words.next()?) })
}

/// Undoes the kernel's escapes: space, tab, newline, backslash and `#` are written as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let code = others.get(..3).filter(|_| first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => (bytes.push(byte), rest = &others[3..]),
            None => (bytes.push(first), rest = others),
        };
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// The file behind a loop device such as `/dev/loop3`, if it has one.
pub(super) fn backing_file(device: &Path) -> Option<PathBuf> {
    let file = Path::new("/sys/class/block").join(device.file_name()?).join("loop/backing_file");
    let text = fs::read(file).ok()?;
    Some(PathBuf::from(std::ffi::OsString::from_vec(text.trim_ascii_end().to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_understood() {
        let line = r"36 35 98:0 /a /mnt/a\040b rw,noatime master:1 - btrfs /dev/loop1 rw,subvol=/";
        let mount = Mount { kind: "btrfs".to_owned(), source: "/dev/loop1".into() };
        assert_eq!(parse(line, Path::new("/mnt/a b")), Some(mount));
        assert_eq!(parse(line, Path::new("/mnt/a")), None);
    }
}

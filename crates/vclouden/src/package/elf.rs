//! What kind of program a file is: as much of the ELF format (System V gABI, chapter 5) as it takes to tell.

use std::io::{self, Read, Seek, SeekFrom};

/// What the kernel would make of a file that is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A program in ELF.
    Elf {
        /// The processor it is for, as `e_machine` says.
        machine: u16,
        /// The loader it needs, unless it is linked statically: its `PT_INTERP`.
        loader: Option<String>,
    },
    /// A script, and the program that it names after `#!`.
    Script(String),
    /// A script whose first line ends as on Windows: the kernel takes the carriage return for a part of the name.
    WindowsScript,
    /// Nothing that can be executed.
    Other,
}

/// The processor of this machine as ELF counts them; 0 where this program is not meant to run.
pub const THIS_MACHINE: u16 = if cfg!(target_arch = "x86_64") {
    62
} else if cfg!(target_arch = "aarch64") {
    183
} else {
    0
};

/// Most program headers that are read; usual are about ten.
const HEADERS: u64 = 1024;
/// Longest path of a loader or of a script's interpreter; the kernel takes 4096 and 256.
const PATH: u64 = 4096;
/// `p_type` of the segment that names the loader.
const PT_INTERP: u64 = 3;

/// Where things are in a file of 32 or 64 bits.
struct Layout {
    word: usize,
    e_phoff: usize,
    e_phentsize: usize,
    e_phnum: usize,
    p_offset: usize,
    p_filesz: usize,
}

const BITS_32: Layout =
    Layout { word: 4, e_phoff: 0x1c, e_phentsize: 0x2a, e_phnum: 0x2c, p_offset: 0x04, p_filesz: 0x10 };
const BITS_64: Layout =
    Layout { word: 8, e_phoff: 0x20, e_phentsize: 0x36, e_phnum: 0x38, p_offset: 0x08, p_filesz: 0x20 };

/// Looks at the beginning of a file.
///
/// # Errors
/// When it cannot be read; what makes no sense is [`Program::Other`].
pub fn look(file: &mut (impl Read + Seek)) -> io::Result<Program> {
    let head = read(file, 0, 4096)?;
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if line.ends_with(b"\r") {
            return Ok(Program::WindowsScript);
        }
        let words = String::from_utf8_lossy(line);
        let interpreter = words.split_whitespace().next().unwrap_or_default();
        return Ok(Program::Script(interpreter.to_owned()));
    }
    let (layout, little) = match head.get(..6) {
        Some([0x7f, b'E', b'L', b'F', 1, order @ (1 | 2)]) => (BITS_32, *order == 1),
        Some([0x7f, b'E', b'L', b'F', 2, order @ (1 | 2)]) => (BITS_64, *order == 1),
        _ => return Ok(Program::Other),
    };
    let number = |bytes: &[u8], at: usize, size: usize| number(bytes, at, size, little);
    let fields = || {
        let machine = u16::try_from(number(&head, 0x12, 2)?).ok()?;
        let (size, count) = (number(&head, layout.e_phentsize, 2)?, number(&head, layout.e_phnum, 2)?);
        Some((machine, number(&head, layout.e_phoff, layout.word)?, size, count.min(HEADERS)))
    };
    let Some((machine, table, size, count)) = fields() else { return Ok(Program::Other) };
    let headers = read(file, table, size * count)?;
    // A size of 0 makes no sense, but must not be divided by either.
    for header in headers.chunks_exact(usize::try_from(size).unwrap_or(usize::MAX).max(1)) {
        let segment =
            || Some((number(header, layout.p_offset, layout.word)?, number(header, layout.p_filesz, layout.word)?));
        if number(header, 0, 4) != Some(PT_INTERP) {
            continue;
        }
        let Some((offset, length)) = segment() else { continue };
        let path = read(file, offset, length.min(PATH))?;
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        return Ok(Program::Elf { machine, loader: Some(String::from_utf8_lossy(path).into_owned()) });
    }
    Ok(Program::Elf { machine, loader: None })
}

/// At most `length` bytes from `offset` on; fewer when the file ends before.
fn read(file: &mut (impl Read + Seek), offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if i64::try_from(offset).is_ok() {
        file.seek(SeekFrom::Start(offset))?;
        file.take(length).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// An unsigned number of `size` bytes.
fn number(bytes: &[u8], at: usize, size: usize, little: bool) -> Option<u64> {
    let bytes = bytes.get(at..at + size)?;
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    Some(if little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// An ELF of 64 bits, little-endian, with one segment of type `kind` that holds `path`.
    fn elf(kind: u32, path: &str) -> Vec<u8> {
        let mut file = vec![0; 120];
        file[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        file[0x12..0x14].copy_from_slice(&62_u16.to_le_bytes());
        file[0x20..0x28].copy_from_slice(&64_u64.to_le_bytes());
        file[0x36..0x38].copy_from_slice(&56_u16.to_le_bytes());
        file[0x38..0x3a].copy_from_slice(&1_u16.to_le_bytes());
        file[64..68].copy_from_slice(&kind.to_le_bytes());
        file[72..80].copy_from_slice(&120_u64.to_le_bytes());
        file[96..104].copy_from_slice(&(path.len() as u64).to_le_bytes());
        file.extend_from_slice(path.as_bytes());
        file
    }

    fn look_at(bytes: &[u8]) -> Program {
        look(&mut Cursor::new(bytes)).unwrap()
    }

    #[test]
    fn programs_are_told_apart() {
        let loader = "/lib64/ld-linux-x86-64.so.2";
        let dynamic = Program::Elf { machine: 62, loader: Some(loader.to_owned()) };
        assert_eq!(look_at(&elf(3, &format!("{loader}\0"))), dynamic);
        assert_eq!(look_at(&elf(1, "")), Program::Elf { machine: 62, loader: None });
        assert_eq!(look_at(b"#! /usr/bin/env python3\nx"), Program::Script("/usr/bin/env".into()));
        assert_eq!(look_at(b"#!/bin/sh\r\nx"), Program::WindowsScript);
        assert_eq!(look_at(b""), Program::Other);
        assert_eq!(look_at(b"MZ"), Program::Other);
    }

    #[test]
    fn this_test_is_a_program_of_this_machine() {
        let mut own = std::fs::File::open("/proc/self/exe").unwrap();
        let Program::Elf { machine, loader } = look(&mut own).unwrap() else { panic!("no ELF") };
        assert_eq!(machine, THIS_MACHINE);
        assert!(loader.is_none_or(|loader| loader.starts_with('/')));
    }

    #[test]
    fn no_damage_is_too_much() {
        let whole = elf(3, "/lib/ld.so\0");
        for end in 0..whole.len() {
            look_at(&whole[..end]);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                look_at(&damaged);
            }
        }
    }
}

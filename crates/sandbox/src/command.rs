//! Finding the program and saying in words why it cannot be run.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

use crate::{SandboxError, SandboxSpec};

/// Looked through when the environment has no PATH.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Bytes of the first line that the kernel looks at.
const FIRST_LINE: usize = 256;

/// The environment as the kernel takes it; with one more variable unless it has that.
pub(crate) fn environment(spec: &SandboxSpec, more: Option<(&str, &str)>) -> Result<Vec<CString>, SandboxError> {
    let more = more.filter(|(key, _)| !spec.environment.contains_key(*key));
    let all = spec.environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(more);
    all.map(|(key, value)| text(&format!("{key}={value}"))).collect()
}

/// The paths at which the program may be: itself, or one for each directory of PATH.
pub(crate) fn candidates(words: &[String], spec: &SandboxSpec) -> Result<Vec<CString>, SandboxError> {
    let program = words.first().map_or("", String::as_str);
    if program.contains('/') {
        return Ok(vec![text(program)?]);
    }
    let path = spec.environment.get("PATH").map_or(PATH, String::as_str);
    path.split(':').filter(|directory| !directory.is_empty()).map(|d| text(&format!("{d}/{program}"))).collect()
}

/// Executes the first candidate that there is. Returns only with the reason why it could not.
pub(crate) fn execute(
    candidates: &[CString],
    words: &[String],
    environment: &[CString],
) -> Result<SandboxError, SandboxError> {
    let arguments = words.iter().map(|word| text(word)).collect::<Result<Vec<_>, _>>()?;
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let program = words.first().map_or("", String::as_str);
    let (argv, envp) = (pointers(&arguments), pointers(environment));
    let mut refused = None;
    for path in candidates {
        // SAFETY: the strings end with a zero byte, the lists with a null pointer; all live until after the call.
        unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
        let error = io::Error::last_os_error();
        let path = path.to_string_lossy();
        if program.contains('/') {
            return Ok(SandboxError::Command(explain(&path, &error)));
        }
        // Like a shell: not there, or not allowed, means the next directory.
        let absent = matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::EACCES));
        if !absent || Path::new(&*path).exists() {
            refused.get_or_insert_with(|| explain(&path, &error));
        }
    }
    Ok(SandboxError::Command(refused.unwrap_or_else(|| {
        let places: Vec<_> = candidates.iter().filter_map(|path| path.to_str().ok()?.strip_suffix(program)).collect();
        format!("the command `{program}` is in none of the directories of PATH: {}", places.join(" "))
    })))
}

/// Why it could not be executed.
fn explain(path: &str, error: &io::Error) -> String {
    let about = format!("the command `{path}`");
    match error.raw_os_error() {
        Some(libc::ENOENT) => match File::open(path) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => format!("{about} does not exist"),
            Err(other) => format!("{about} cannot be read: {other}"),
            Ok(file) => match interpreter(&file) {
                Some(interpreter) if interpreter.ends_with('\r') => format!(
                    "{about} cannot be run: its first line ends in a carriage return: the file has Windows line ends; \
                     save it with Unix line ends"
                ),
                Some(interpreter) => {
                    format!("{about} needs the interpreter `{interpreter}`, which does not exist in the sandbox")
                }
                None => format!("{about} needs an interpreter that does not exist in the sandbox"),
            },
        },
        Some(libc::ENOTDIR) => format!("{about} does not exist: a part of its path is not a directory"),
        Some(libc::EACCES) => match std::fs::metadata(path) {
            Ok(there) if there.is_dir() => format!("{about} is a directory"),
            Ok(there) if there.permissions().mode() & 0o111 == 0 => {
                format!("{about} is not executable (its mode is {:04o})", there.mode() & 0o7777)
            }
            Ok(_) => format!("{about}, or its interpreter, may not be executed by the application's user"),
            Err(_) => format!("{about} cannot be reached by the application's user"),
        },
        Some(libc::ENOEXEC) => {
            format!("{about} is neither a program for this machine nor a script that begins with `#!`")
        }
        _ => format!("{about} cannot be executed: {error}"),
    }
}

/// The interpreter that a script's first line, or an ELF program's header, names.
fn interpreter(file: &File) -> Option<String> {
    let mut start = Vec::new();
    file.take(FIRST_LINE as u64).read_to_end(&mut start).ok()?;
    if let Some(line) = start.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
        // As the kernel takes it: a carriage return belongs to the name.
        let line = String::from_utf8_lossy(line);
        return line.split([' ', '\t']).find(|word| !word.is_empty()).map(str::to_owned);
    }
    elf_interpreter(file, &start)
}

/// The PT_INTERP of a 64-bit little-endian ELF file, see elf(5).
fn elf_interpreter(file: &File, header: &[u8]) -> Option<String> {
    const PT_INTERP: u32 = 3;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let long = |at: usize| Some(u64::from_le_bytes(header.get(at..at + 8)?.try_into().ok()?));
    let short = |at: usize| Some(u16::from_le_bytes(header.get(at..at + 2)?.try_into().ok()?));
    let (table, size, count) = (long(32)?, short(54)?, short(56)?);
    for number in 0..count.min(64) {
        let mut entry = [0; 56];
        file.read_exact_at(&mut entry, table.checked_add(u64::from(number) * u64::from(size))?).ok()?;
        let field = |at: usize| Some(u64::from_le_bytes(entry.get(at..at + 8)?.try_into().ok()?));
        if entry.starts_with(&PT_INTERP.to_le_bytes()) {
            let mut name = vec![0; usize::try_from(field(32)?.min(FIRST_LINE as u64)).ok()?];
            file.read_exact_at(&mut name, field(8)?).ok()?;
            let name = String::from_utf8_lossy(&name);
            return Some(name.trim_end_matches('\0').to_owned());
        }
    }
    None
}

fn text(word: &str) -> Result<CString, SandboxError> {
    CString::new(word).map_err(|_| SandboxError::Command(format!("`{word}` has a zero byte")))
}

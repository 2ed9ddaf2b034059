//! Whether a package's command can run at all, as far as its files tell.

use std::fs::File;
use std::path::Path;

use archive::Contents;
use domain::Manifest;
use domain::manifest::{APP_DIRECTORY, Base, Engine, ManifestErrors, ManifestProblem};

use super::elf::{self, Program, THIS_MACHINE};
use crate::failure::{Failure, Outcome};

/// What is wrong with a command.
#[derive(Debug, Default)]
pub struct Findings {
    /// It cannot run.
    pub errors: Vec<ManifestProblem>,
    /// It may be a mistake.
    pub warnings: Vec<String>,
}

/// Compares the command with the package's files, which are in `directory`.
///
/// # Errors
/// When the program cannot be read.
pub fn check(manifest: &Manifest, contents: &Contents, directory: &Path) -> Outcome<Findings> {
    let mut found = Findings::default();
    if manifest.engine != Engine::Command {
        return Ok(found);
    }
    if let Some(path) = program(manifest) {
        let failed = |error| Failure::refused(format!("cannot read {path} of the package: {error}"));
        let mut file = File::open(directory.join(&path)).map_err(failed)?;
        let kind = elf::look(&mut file).map_err(failed)?;
        judge(manifest, contents, &path, &kind, &mut found);
    } else if let Some(program) = manifest.command.first().filter(|_| manifest.base == Base::Empty) {
        found.warnings.push(format!(
            "command: {program:?} is not in the package, and base \"empty\" has no programs: it will not run. Write \
             base = \"debian-12\""
        ));
    }
    for argument in manifest.command.iter().skip(1) {
        let missing = in_package(argument, manifest).filter(|path| contents.find(path).is_none());
        if let Some(path) = missing {
            found.warnings.push(format!(
                "command: the argument {argument:?} names {path:?}, which is not in the package; add it or correct \
                 the path"
            ));
        }
    }
    Ok(found)
}

/// Path in the package of the program, when it is a file of the package.
fn program(manifest: &Manifest) -> Option<String> {
    let program = manifest.command.first()?;
    if program.contains('/') {
        return in_package(program, manifest);
    }
    // `PATH` begins with /app/bin, and an empty base has none of the other directories.
    let looked_up = manifest.base == Base::Empty && !manifest.environment.contains_key("PATH");
    looked_up.then(|| format!("bin/{program}"))
}

/// The path in the package that a word of the command means, if it means one: the working directory is the package's.
fn in_package(word: &str, manifest: &Manifest) -> Option<String> {
    let data = &manifest.data.directory;
    let absolute = match word.strip_prefix("./") {
        Some(rest) => format!("{APP_DIRECTORY}/{rest}"),
        None => word.to_owned(),
    };
    if absolute == *data || absolute.starts_with(&format!("{data}/")) {
        return None;
    }
    let path = absolute.strip_prefix(APP_DIRECTORY)?.strip_prefix('/')?.trim_end_matches('/');
    (!path.is_empty() && path != ".").then(|| path.to_owned())
}

fn judge(manifest: &Manifest, contents: &Contents, path: &str, kind: &Program, found: &mut Findings) {
    let base = manifest.base;
    // An empty base has no files but the package's own.
    let lacks = |file: &str| {
        base == Base::Empty && in_package(file, manifest).is_none_or(|inside| contents.find(&inside).is_none())
    };
    match kind {
        Program::Elf { loader: Some(loader), .. } if lacks(loader) => {
            let message = format!(
                "{path:?} is linked dynamically: it needs {loader:?} and libraries, and base \"empty\" has neither, so \
                 that it cannot run. Link it statically (Rust: --target x86_64-unknown-linux-musl, Go: CGO_ENABLED=0, \
                 C: -static), or write base = \"debian-12\""
            );
            found.errors.push(ManifestProblem { line: None, key: "command".into(), message });
        }
        Program::WindowsScript => {
            let message = format!(
                "the file {path:?} has Windows line ends, so that Linux does not find the program that its first line \
                 names; save it with Unix line ends (`dos2unix`, or `sed -i 's/\\r$//'`)"
            );
            found.errors.push(ManifestProblem { line: None, key: "command".into(), message });
        }
        Program::Elf { machine, .. } if *machine != THIS_MACHINE => found.warnings.push(format!(
            "command: {path:?} is for {}, and this machine is {}: it runs only on servers of its kind",
            machine_name(*machine),
            machine_name(THIS_MACHINE)
        )),
        Program::Script(interpreter) if lacks(interpreter) => found.warnings.push(format!(
            "command: {path:?} is a script for {interpreter:?}, which base \"empty\" does not have: it will not run. \
             Write base = \"debian-12\""
        )),
        Program::Other => found.warnings.push(format!(
            "command: {path:?} is neither a Linux program (ELF) nor a script that begins with \"#!\": it will not run"
        )),
        Program::Elf { .. } | Program::Script(_) => {}
    }
}

fn machine_name(machine: u16) -> String {
    match machine {
        3 => "i386".into(),
        40 => "arm".into(),
        62 => "x86_64".into(),
        183 => "aarch64".into(),
        243 => "riscv".into(),
        other => format!("ELF machine {other}"),
    }
}

/// The errors with their lines.
pub fn with_lines(errors: Vec<ManifestProblem>, contents: &Contents) -> Result<(), ManifestErrors> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(ManifestErrors { problems: errors }.with_lines(&contents.manifest))
}

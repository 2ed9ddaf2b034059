//! Looks at a package before it is sent: everything that is wrong with it, at once and with line numbers.

mod elf;
mod program;

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use archive::{Contents, Kind, Limits};
use domain::Manifest;
use domain::manifest::{Base, CIRRUS_DATABASE, Engine, EntryKind, ManifestErrors};
use tempfile::{NamedTempFile, TempDir};

use crate::failure::{Failure, Outcome};
use crate::output::human::printable;
use crate::output::{Paint, colours, note};

/// A package that may be published.
#[derive(Debug)]
pub struct Package {
    /// Its manifest.
    pub manifest: Manifest,
    /// What is in its archive.
    pub contents: Contents,
    /// What may be a mistake, a sentence each.
    pub warnings: Vec<String>,
    /// What of a directory is not in it, since it belongs to this machine.
    pub left_out: &'static [&'static str],
    /// The archive: the file that was given, or one packed from the directory and deleted at the end.
    archive: Source,
}

#[derive(Debug)]
enum Source {
    Given(std::path::PathBuf),
    Packed(NamedTempFile),
}

impl Package {
    /// Reads a directory or a `tar.gz`, and checks all that can be checked without a server.
    pub fn open(path: &Path) -> Outcome<Self> {
        let shown = path.display();
        let metadata = std::fs::metadata(path)
            .map_err(|error| Failure::refused(format!("cannot open {shown}: {error}. Name a directory or a tar.gz")))?;
        let mut left_out: &[&str] = &[];
        let archive = if metadata.is_dir() {
            let manifest = manifest_file(path)?;
            if manifest.engine == Engine::Cirrus && path.join(CIRRUS_DATABASE).exists() {
                left_out = &["data"];
            }
            let file = NamedTempFile::new()
                .map_err(|error| Failure::refused(format!("cannot make a temporary file: {error}. See TMPDIR")))?;
            pack(path, left_out, file.as_file())?;
            Source::Packed(file)
        } else {
            Source::Given(path.to_owned())
        };
        let file = File::open(archive.path())
            .map_err(|error| Failure::refused(format!("cannot read {}: {error}", archive.path().display())))?;
        let contents = archive::inspect(BufReader::new(file), &Limits::default())
            .map_err(|error| Failure::refused(format!("{shown}: {error}")))?;
        let manifest = check(&contents).map_err(|errors| wrong(path, &errors))?;
        let unpacked = unpacked(path, &archive, &manifest)?;
        let directory = unpacked.as_ref().map_or(path, |directory| directory.path());
        let found = program::check(&manifest, &contents, directory)?;
        program::with_lines(found.errors, &contents).map_err(|errors| wrong(path, &errors))?;
        Ok(Package { manifest, contents, warnings: found.warnings, left_out, archive })
    }

    /// Says on standard error what may be a mistake.
    pub fn warn(&self) {
        let word = Paint::Busy.apply("warning:", colours(&std::io::stderr()));
        self.warnings.iter().for_each(|warning| note(format!("{word} {}", printable(warning))));
    }

    /// Where the archive is.
    pub fn path(&self) -> &Path {
        self.archive.path()
    }
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Source::Given(path) => path,
            Source::Packed(file) => file.path(),
        }
    }
}

/// The files of a given archive, deleted in the end; nothing for a directory.
fn unpacked(path: &Path, archive: &Source, manifest: &Manifest) -> Outcome<Option<TempDir>> {
    // Only a file of the package is looked at, and with an empty base there is nothing else that could run.
    let of_interest = manifest.base == Base::Empty || manifest.command.first().is_some_and(|it| it.contains('/'));
    let Source::Given(file) = archive else { return Ok(None) };
    let failed = |error: &dyn std::fmt::Display| {
        Failure::refused(format!("cannot unpack {} to look at its program: {error}. See TMPDIR", path.display()))
    };
    let directory = TempDir::new().map_err(|error| failed(&error))?;
    if of_interest {
        let file = File::open(file).map_err(|error| failed(&error))?;
        archive::unpack(BufReader::new(file), directory.path(), &Limits::default()).map_err(|error| failed(&error))?;
    }
    Ok(Some(directory))
}

/// Packs the content of `directory` into `file`.
fn pack(directory: &Path, left_out: &[&str], file: &File) -> Outcome<archive::Summary> {
    let failed = |error: &dyn std::fmt::Display| Failure::refused(format!("{}: {error}", directory.display()));
    let mut writer = BufWriter::new(file);
    let summary = archive::pack_without(directory, left_out, &mut writer).map_err(|error| failed(&error))?;
    writer.flush().map_err(|error| failed(&error))?;
    Ok(summary)
}

/// A manifest with mistakes is told before anything is packed: packing a large directory takes its time.
fn manifest_file(directory: &Path) -> Outcome<Manifest> {
    let path = directory.join(archive::MANIFEST);
    match std::fs::read_to_string(&path) {
        Ok(text) => Manifest::parse(&text).map_err(|errors| wrong(directory, &errors)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::refused(format!(
            "{} is missing: a package is a directory with a {} at its top",
            path.display(),
            archive::MANIFEST
        ))),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(Failure::refused(format!(
            "{} is not UTF-8 text. Save it as UTF-8, without special characters of another encoding",
            path.display()
        ))),
        Err(error) => Err(Failure::refused(format!("cannot read {}: {error}", path.display()))),
    }
}

/// The manifest, and whether what it names is in the package.
fn check(contents: &Contents) -> Result<Manifest, ManifestErrors> {
    let manifest = Manifest::parse(&contents.manifest)?;
    let at = |path: &str| match contents.find(path)?.kind {
        Kind::File { executable } => Some(EntryKind::File { executable }),
        Kind::Directory => Some(EntryKind::Directory),
        Kind::Link { .. } => None,
    };
    manifest.check_package(at).map_err(|errors| errors.with_lines(&contents.manifest))?;
    Ok(manifest)
}

fn wrong(path: &Path, errors: &ManifestErrors) -> Failure {
    let list: String = errors.problems.iter().map(|problem| format!("\n  {problem}")).collect();
    let count = crate::output::human::count(errors.problems.len(), "mistake");
    Failure::refused(format!("{} has {count} in its {}:{list}", path.display(), archive::MANIFEST))
}

//! A manifest compared with the files of its package.

use super::problems::Problems;
use super::{APP_DIRECTORY, Base, Engine, Manifest, ManifestErrors};

/// Where `cirrus serve DIR` keeps its data unless it is told another place.
pub const CIRRUS_DATABASE: &str = "data/data.sqlite";

/// What is at a path of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File {
        /// Whether it may be executed.
        executable: bool,
    },
    /// A directory.
    Directory,
}

/// Checks that what the manifest names is in the package.
pub(super) fn check(manifest: &Manifest, at: impl Fn(&str) -> Option<EntryKind>) -> Result<(), ManifestErrors> {
    let mut problems = Problems::default();
    if let Some(logo) = &manifest.logo {
        match at(logo) {
            Some(EntryKind::File { .. }) => {}
            Some(EntryKind::Directory) => {
                problems.add("logo", format!("{logo:?} is a directory; name a picture in it"))
            }
            None => problems.add("logo", missing(logo)),
        }
    }
    if let Some(initial) = &manifest.data.initial {
        match at(initial) {
            Some(EntryKind::Directory) => {}
            Some(EntryKind::File { .. }) => {
                problems.add(
                    "data.initial",
                    format!("{initial:?} is a file; name the directory that holds the initial data"),
                );
            }
            None => problems.add("data.initial", missing(initial)),
        }
    }
    if manifest.engine == Engine::Cirrus && ["app.js", "schema.toml"].iter().all(|name| at(name).is_none()) {
        problems.add("engine", "\"cirrus\" runs an app.js and a schema.toml, and the package has neither at its top");
    }
    if manifest.engine == Engine::Cirrus && at(CIRRUS_DATABASE).is_some() {
        let message = format!(
            "the package holds {CIRRUS_DATABASE:?}: the data of one machine, with the key of its sessions; leave \
             \"data\" out (a directory is packed without it), and give new installations their first rows in \
             \"initial-data\""
        );
        problems.add("engine", message);
    }
    if let Some(program) = program(manifest) {
        let written = &manifest.command[0];
        match at(&program) {
            Some(EntryKind::File { executable: true }) => {}
            Some(EntryKind::File { executable: false }) => {
                let message = format!("{program:?} is not executable; run `chmod +x {program}` and pack again");
                problems.add("command", message);
            }
            Some(EntryKind::Directory) => {
                problems.add("command", format!("{program:?} is a directory; name a program in it"))
            }
            None if written.contains('/') => problems.add("command", missing(&program)),
            None => problems.add(
                "command",
                format!(
                    "{written:?} is not in the package's directory \"bin\", and base \"empty\" has no other programs; \
                     write \"./{written}\" for a file at the package's top, or add base = \"debian-12\""
                ),
            ),
        }
    }
    problems.result(None)
}

/// Path in the package of the program, when it can only be there.
fn program(manifest: &Manifest) -> Option<String> {
    let program = manifest.command.first()?;
    if let Some(path) = program.strip_prefix(APP_DIRECTORY).and_then(|rest| rest.strip_prefix('/')) {
        return Some(path.to_owned());
    }
    // `PATH` begins with /app/bin, and an empty base has none of the other directories.
    let looked_up = !program.contains('/') && !manifest.environment.contains_key("PATH");
    (looked_up && manifest.base == Base::Empty).then(|| format!("bin/{program}"))
}

fn missing(path: &str) -> String {
    format!("{path:?} is not in the package; add it or correct the path, which begins at the package's top")
}

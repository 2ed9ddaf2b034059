//! Packages made on the spot.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A package directory under construction.
pub struct Package {
    dir: PathBuf,
}

impl Package {
    /// An empty package directory.
    pub fn empty(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        fs::create_dir_all(&dir).expect("a directory for the package");
        Self { dir }
    }

    /// The sample program with `HOLA_VERSION` and `HOLA_MODE`; `more` is appended to the manifest.
    pub fn hola(dir: impl Into<PathBuf>, version: &str, mode: &str, more: &str) -> Self {
        let package = Self::empty(dir);
        fs::copy(crate::hola(), package.dir.join("hola")).expect("the sample program can be copied");
        package.file(
            "vclouden.toml",
            &format!(
                "name = \"Hola\"\nslug = \"hola\"\ncommand = [\"./hola\"]\n\
                 [environment]\nHOLA_VERSION = \"{version}\"\nHOLA_MODE = \"{mode}\"\n\
                 [limits]\nmemory = \"16 MiB\"\ndisk = \"64 MiB\"\nprocesses = 16\n\
                 [http]\nport = 8080\nhealth = \"/health\"\nstart_timeout = \"5 s\"\n\
                 [stop]\ngrace = \"2 s\"\n{more}\n"
            ),
        )
    }

    /// With this file.
    pub fn file(self, path: &str, content: &str) -> Self {
        let path = self.dir.join(path);
        fs::create_dir_all(path.parent().expect("a file has a parent")).expect("a directory for the file");
        fs::write(path, content).expect("the file can be written");
        self
    }

    /// With this file, executable.
    pub fn program(self, path: &str, content: &str) -> Self {
        let package = self.file(path, content);
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(package.dir.join(path), mode).expect("the file can be made executable");
        package
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Its directory as text, for a command line.
    pub fn text(&self) -> &str {
        self.dir.to_str().expect("a temporary path is UTF-8")
    }
}

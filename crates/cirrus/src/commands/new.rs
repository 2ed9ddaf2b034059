//! `cirrus new`: an application that runs, to be changed into another one.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;

/// The files of the beginning.
const FILES: [(&str, &str); 13] = [
    ("schema.toml", include_str!("beginning/schema.toml")),
    ("app.js", include_str!("beginning/app.js")),
    ("README.md", include_str!("beginning/README.md")),
    (".gitignore", include_str!("beginning/gitignore")),
    ("views/layout.html", include_str!("beginning/views/layout.html")),
    ("views/tareas/index.html", include_str!("beginning/views/tareas/index.html")),
    ("views/tareas/show.html", include_str!("beginning/views/tareas/show.html")),
    ("views/tareas/new.html", include_str!("beginning/views/tareas/new.html")),
    ("views/tareas/edit.html", include_str!("beginning/views/tareas/edit.html")),
    ("public/style.css", include_str!("beginning/public/style.css")),
    ("locales/es.toml", include_str!("beginning/locales/es.toml")),
    ("locales/en.toml", include_str!("beginning/locales/en.toml")),
    ("cirrus.toml", "# Limits, sessions, users, proxies: see the reference. Every value has a safe default.\n"),
];

/// Arguments of `new`.
#[derive(Args)]
pub struct New {
    /// The directory to make
    name: PathBuf,
}

impl New {
    /// Writes the files; nothing that is there is touched.
    pub fn run(self) -> anyhow::Result<()> {
        let taken = self.name.read_dir().is_ok_and(|mut entries| entries.next().is_some());
        anyhow::ensure!(!taken, "{} is there already and not empty: choose another name", self.name.display());
        for (name, text) in FILES {
            let path = self.name.join(name);
            let directory = path.parent().unwrap_or(&self.name);
            fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        println!("{0} is ready: cirrus serve {0}", self.name.display());
        Ok(())
    }
}

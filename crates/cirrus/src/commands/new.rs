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

/// What it needs to be published.
const PACKAGE: &str = include_str!("beginning/vclouden.toml");

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
        let name = std::path::absolute(&self.name)?.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A text of JSON is one of TOML.
        let [title, slug] = [title(&name), slug(&name)].map(|text| serde_json::Value::from(text).to_string());
        let package = PACKAGE.replace("NAME", &title).replace("SLUG", &slug);
        for (name, text) in FILES.into_iter().chain([("vclouden.toml", &*package)]) {
            let path = self.name.join(name);
            let directory = path.parent().unwrap_or(&self.name);
            fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        println!("{0} is ready: cirrus serve {0}", self.name.display());
        Ok(())
    }
}

/// The application's name for people.
fn title(name: &str) -> String {
    let mut letters = name.chars().filter(|letter| !letter.is_control());
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).take(60).collect()
}

/// Its short name: letters, digits and hyphens, no hyphen at either end.
fn slug(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let slug: String = name.chars().map(letter).skip_while(|letter| *letter == '-').take(30).collect();
    match slug.trim_end_matches('-') {
        "" => "app".to_owned(),
        slug => slug.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{slug, title};

    #[test]
    fn names_become_titles_and_slugs() {
        for (name, wanted, short) in [
            ("tareas", "Tareas", "tareas"),
            ("Mi tienda", "Mi tienda", "mi-tienda"),
            ("_año 2.", "_año 2.", "a-o-2"),
            ("ñ", "Ñ", "app"),
            (&"x".repeat(80), &format!("X{}", "x".repeat(59)), &"x".repeat(30)),
        ] {
            assert_eq!((title(name).as_str(), slug(name).as_str()), (wanted, short), "{name}");
        }
    }
}

//! A directory of Markdown as the pages of an application: a file is a page, a directory with an `index.md` or `README.md` is a page
//! with those below it, and pictures go along.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::Slug;

use crate::failure::{Failure, Outcome};

/// What ends a picture's name.
const PICTURES: &[&str] = &["png", "jpg", "jpeg", "webp", "gif"];

/// Levels of directories.
const DEPTH: usize = 4;

/// A page as a file says it.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// From the file's name.
    pub slug: Slug,
    /// Its first heading, or the file's name.
    pub title: String,
    /// The page of the directory that it is in.
    pub parent: Option<Slug>,
    /// Its place among its neighbours, by name.
    pub position: u32,
    /// Without that heading.
    pub text: String,
    /// For messages.
    pub file: PathBuf,
}

/// What a directory holds, pages before those below them.
#[derive(Debug, Default)]
pub struct Folder {
    /// Every page.
    pub pages: Vec<Page>,
    /// Every picture by what it is called in texts.
    pub images: BTreeMap<String, PathBuf>,
}

impl Folder {
    /// Reads it.
    pub fn read(directory: &Path) -> Outcome<Self> {
        let mut folder = Self::default();
        folder.walk(directory, None, 0)?;
        if folder.pages.is_empty() {
            return Err(Failure::refused(format!(
                "{} has no Markdown: write a file such as start.md",
                directory.display()
            )));
        }
        Ok(folder)
    }

    fn walk(&mut self, directory: &Path, parent: Option<&Slug>, depth: usize) -> Outcome {
        let cannot = |error: std::io::Error| Failure::refused(format!("cannot read {}: {error}", directory.display()));
        if depth > DEPTH {
            return Err(Failure::refused(format!(
                "{} is too deep: pages have at most {DEPTH} levels",
                directory.display()
            )));
        }
        let mut entries: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(cannot)? {
            entries.push(entry.map_err(cannot)?.path());
        }
        entries.retain(|path| !name_of(path).starts_with('.'));
        entries.sort();
        let (mut position, mut directories) = (0, Vec::new());
        for path in entries {
            let extension = path.extension().and_then(|it| it.to_str()).unwrap_or("").to_ascii_lowercase();
            if path.is_dir() {
                directories.push(path);
            } else if extension == "md" && !is_index(&path) {
                position += 1;
                let slug = slug_of(&path)?;
                self.add(&path, slug, parent, position)?;
            } else if extension == "md" && depth == 0 {
                self.add(&path, slug_from("index", &path)?, None, 0)?;
            } else if PICTURES.contains(&extension.as_str()) {
                self.add_image(path)?;
            }
        }
        for path in directories {
            let index = ["index.md", "README.md"].map(|name| path.join(name)).into_iter().find(|file| file.is_file());
            let own = match index {
                Some(file) => {
                    position += 1;
                    let slug = slug_of(&path)?;
                    self.add(&file, slug.clone(), parent, position)?;
                    Some(slug)
                }
                None => parent.cloned(),
            };
            self.walk(&path, own.as_ref(), depth + 1)?;
        }
        Ok(())
    }

    fn add(&mut self, file: &Path, slug: Slug, parent: Option<&Slug>, position: u32) -> Outcome {
        if let Some(other) = self.pages.iter().find(|page| page.slug == slug) {
            return Err(Failure::refused(format!(
                "{} and {} would both be the page \"{slug}\": give one another name",
                other.file.display(),
                file.display()
            )));
        }
        let whole = std::fs::read_to_string(file)
            .map_err(|error| Failure::refused(format!("cannot read {}: {error}", file.display())))?;
        let (title, text) = parts(&whole);
        let title = title.unwrap_or_else(|| words(slug.as_str()));
        self.pages.push(Page { slug, title, parent: parent.cloned(), position, text, file: file.to_owned() });
        Ok(())
    }

    fn add_image(&mut self, path: PathBuf) -> Outcome {
        let name = plane::image_name(&name_of(&path));
        if let Some(other) = self.images.get(&name) {
            return Err(Failure::refused(format!(
                "{} and {} would both be the picture {name}: give one another name",
                other.display(),
                path.display()
            )));
        }
        self.images.insert(name, path);
        Ok(())
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn is_index(path: &Path) -> bool {
    matches!(name_of(path).as_str(), "index.md" | "README.md")
}

/// `02-First steps.md` is `first-steps`: numbers only order the files.
fn slug_of(path: &Path) -> Outcome<Slug> {
    let name = name_of(path);
    let stem = name.strip_suffix(".md").unwrap_or(&name);
    let rest = stem.trim_start_matches(|c: char| c.is_ascii_digit());
    let stem = match rest.strip_prefix(['-', '_', '.', ' ']) {
        Some(rest) if rest.chars().any(char::is_alphabetic) => rest,
        _ => stem,
    };
    slug_from(stem, path)
}

fn slug_from(stem: &str, path: &Path) -> Outcome<Slug> {
    let plain = plane::image_name(stem);
    let slug: String = plain.chars().map(|c| if matches!(c, '_' | '.') { '-' } else { c }).collect();
    slug.trim_matches('-').parse().map_err(|error| {
        Failure::refused(format!("the name of {} gives no short name of a page: {error}. Rename it", path.display()))
    })
}

/// The first heading, if the text begins with it, and the rest.
fn parts(whole: &str) -> (Option<String>, String) {
    let text = whole.trim_start_matches('\u{feff}').trim_start();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    match first.strip_prefix("# ") {
        Some(title) => (Some(title.trim().trim_end_matches('#').trim().to_owned()), rest.trim_start().to_owned()),
        None => (None, text.to_owned()),
    }
}

fn words(slug: &str) -> String {
    let text = slug.replace('-', " ");
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_a_tree_of_pages() {
        let directory = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("index.md", "# Welcome\n\nhello");
        write("02-Second_steps.md", "no heading");
        write("01 First steps.md", "# First *steps* #\ntext");
        write("guide/README.md", "# The guide");
        write("guide/deep.md", "# Deep");
        write("guide/images/Pantalla Ñ.PNG", "x");
        write("loose/alone.md", "");
        write(".git/x.md", "");
        let folder = Folder::read(directory.path()).unwrap();
        let shown: Vec<_> = folder
            .pages
            .iter()
            .map(|page| {
                (page.slug.as_str(), page.title.as_str(), page.parent.as_ref().map(Slug::as_str), page.position)
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("first-steps", "First *steps*", None, 1),
                ("second-steps", "Second steps", None, 2),
                ("index", "Welcome", None, 0),
                ("guide", "The guide", None, 3),
                ("deep", "Deep", Some("guide"), 1),
                ("alone", "Alone", None, 1),
            ]
        );
        assert_eq!(folder.images.keys().collect::<Vec<_>>(), ["pantalla-n.png"]);
        write("other/deep.md", "");
        assert!(Folder::read(directory.path()).unwrap_err().to_string().contains("both be the page \"deep\""));
    }
}

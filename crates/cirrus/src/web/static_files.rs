//! Static files: which files an address may name. The files of `public/` are listed once, when the application is
//! loaded, so no address can reach another file, and an address that is not one of them costs no system call.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;

use crate::error::Error;

/// Files of one directory; more are a mistake (`node_modules`?).
const MOST_FILES: usize = 20_000;
/// Directories within directories.
const MOST_DEPTH: usize = 16;

/// The files below a directory, by their addresses.
#[derive(Debug, Default)]
pub struct Index {
    files: HashMap<Box<str>, PathBuf>,
}

/// What an address names.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// This file.
    File(&'a Path),
    /// A directory that has an `index.html`, named without its final slash.
    Directory,
}

impl Index {
    /// Lists a directory; one that does not exist has no files. Dotfiles are left out, and links that lead outside.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        let mut index = Self::default();
        if let Ok(root) = directory.canonicalize() {
            index.walk(&root, &root, "", 0)?;
        }
        Ok(index)
    }

    fn walk(&mut self, root: &Path, directory: &Path, prefix: &str, depth: usize) -> Result<(), Error> {
        let unreadable = |source| Error::Read { path: directory.into(), source };
        if depth > MOST_DEPTH || self.files.len() > MOST_FILES {
            let problem = format!("more than {MOST_FILES} files or {MOST_DEPTH} directories deep");
            return Err(Error::TooMuch { path: directory.into(), problem });
        }
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let Ok(path) = entry.path().canonicalize() else { continue };
            if !path.starts_with(root) {
                continue;
            }
            let address = format!("{prefix}/{name}");
            if path.is_dir() {
                self.walk(root, &path, &address, depth + 1)?;
            } else if path.is_file() {
                self.files.insert(address.into(), path);
            }
        }
        Ok(())
    }

    /// The file at this path of a URI (still percent-encoded).
    pub fn find(&self, path: &str) -> Option<Found<'_>> {
        if self.files.is_empty() {
            return None;
        }
        let decoded = percent_decode_str(path).decode_utf8().ok()?;
        if let Some(file) = self.files.get(decoded.as_ref()) {
            return Some(Found::File(file));
        }
        let slash = if decoded.ends_with('/') { "" } else { "/" };
        let file = self.files.get(format!("{decoded}{slash}index.html").as_str())?;
        Some(if slash.is_empty() { Found::File(file) } else { Found::Directory })
    }
}

/// The file at a path below any directory, for directories whose files come and go (uploads, `express.static`): no
/// dotfiles, no `..`, no link that leads outside.
pub fn below(root: &Path, path: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    let plain = |part: &str| !part.starts_with('.') && !part.contains(['\\', '\0']);
    if !decoded.split('/').all(plain) {
        return None;
    }
    let root = root.canonicalize().ok()?;
    let mut file = root.join(decoded.trim_matches('/')).canonicalize().ok()?;
    if file.is_dir() {
        file = file.join("index.html").canonicalize().ok()?;
    }
    (file.starts_with(&root) && file.is_file()).then_some(file)
}

/// The type of content that a file's name says; `None` for names that say nothing.
pub fn content_type(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" | "md" | "log" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "xml" => "application/xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" | "tgz" => "application/gzip",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "wasm" => "application/wasm",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_inside_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let public = dir.path().join("public");
        fs::create_dir_all(public.join("sub")).unwrap();
        for name in ["a b.txt", ".hidden", "sub/index.html", "../secret"] {
            fs::write(public.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(dir.path().join("secret"), public.join("out")).unwrap();
        std::os::unix::fs::symlink("a b.txt", public.join("in")).unwrap();
        let index = Index::load(&public).unwrap();
        assert!(matches!(index.find("/a%20b.txt"), Some(Found::File(_))));
        assert!(matches!(index.find("/in"), Some(Found::File(_))));
        assert!(matches!(index.find("/sub/"), Some(Found::File(_))));
        assert_eq!(index.find("/sub"), Some(Found::Directory));
        for path in
            ["/.hidden", "/out", "/../secret", "/%2e%2e/secret", "/sub/../../secret", "//secret", "/", "", "/%ff"]
        {
            assert_eq!(index.find(path), None, "{path}");
            assert_eq!(below(&public, path), None, "{path}");
        }
        assert!(below(&public, "/a%20b.txt").is_some());
        assert!(below(&public, "/sub").is_some());
        assert_eq!(below(&public, "/a%00"), None);
    }
}

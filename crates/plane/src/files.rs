//! Small files that people send, such as pictures, by content: `<directory>/<publisher>/<sha256>`. Which there are and what for is
//! told by the store.

use std::io::{self, Write};
use std::path::PathBuf;

use domain::Slug;
use sha2::{Digest, Sha256};

/// A directory of them.
pub struct Files {
    directory: PathBuf,
}

impl Files {
    /// Opens the directory, which is made when missing.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        Ok(Self { directory })
    }

    fn of(&self, publisher: &Slug) -> PathBuf {
        self.directory.join(publisher.as_str())
    }

    /// Keeps a file durably and tells its SHA-256 in hexadecimal. To be called before a row names it.
    pub fn keep(&self, publisher: &Slug, bytes: &[u8]) -> io::Result<String> {
        let hash = crate::secret::hex(&Sha256::digest(bytes));
        let directory = self.of(publisher);
        let path = directory.join(&hash);
        if path.exists() {
            return Ok(hash);
        }
        std::fs::create_dir_all(&directory)?;
        let half = Half(directory.join(format!("{}.half", uuid::Uuid::now_v7())));
        let mut file = std::fs::File::create_new(&half.0)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&half.0, &path)?;
        std::fs::File::open(&directory)?.sync_all()?;
        Ok(hash)
    }

    /// What a file holds.
    pub fn read(&self, publisher: &Slug, hash: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.of(publisher).join(hash))
    }

    /// Deletes a file that no row names any more.
    pub fn delete(&self, publisher: &Slug, hash: &str) -> io::Result<()> {
        there_or_not(std::fs::remove_file(self.of(publisher).join(hash)))
    }
}

fn there_or_not(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A file that is being written, deleted unless it was renamed.
struct Half(PathBuf);

impl Drop for Half {
    fn drop(&mut self) {
        if let Err(error) = there_or_not(std::fs::remove_file(&self.0)) {
            tracing::warn!(%error, path = %self.0.display(), "a half written file could not be deleted");
        }
    }
}

/// What a picture is, as its first bytes say: those formats that every browser shows and that hold no script.
pub fn picture_type(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(("image/png", "png")),
        [0xff, 0xd8, 0xff, ..] => Some(("image/jpeg", "jpg")),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(("image/gif", "gif")),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(("image/webp", "webp")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_once_for_its_publisher() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::open(directory.path().join("images")).unwrap();
        let (a, b): (Slug, Slug) = ("a".parse().unwrap(), "b".parse().unwrap());
        let hash = files.keep(&a, b"x").unwrap();
        assert_eq!(files.keep(&a, b"x").unwrap(), hash);
        assert_eq!(files.read(&a, &hash).unwrap(), b"x");
        assert!(files.read(&b, &hash).is_err(), "one publisher's files are not another's");
        files.delete(&a, &hash).unwrap();
        files.delete(&a, &hash).unwrap();
        assert!(files.read(&a, &hash).is_err());
        assert_eq!(std::fs::read_dir(directory.path().join("images/a")).unwrap().count(), 0, "nothing half is left");
    }
}

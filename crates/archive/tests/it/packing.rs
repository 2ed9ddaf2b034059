//! Packing: what comes out again, byte for byte.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use archive::{ArchiveError, Limits, Summary};
use tempfile::TempDir;

use crate::build::{MANIFEST, Place, everything};

/// A package with a bit of everything; `order` changes nothing but the order in which it is written.
fn package(backwards: bool) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let long = format!("{}/{}", "n".repeat(200), "m".repeat(200));
    let mut files = vec![
        ("vclouden.toml", MANIFEST, 0o644),
        ("bin/run", "#!/bin/sh\n", 0o750),
        ("bin/read", "", 0o600),
        ("bin-x", "", 0o444),
        ("data/ñandú.txt", "ñ", 0o666),
        (long.as_str(), "long", 0o644),
    ];
    if backwards {
        files.reverse();
    }
    for (path, content, mode) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("../bin/run", dir.path().join("data/run")).unwrap();
    symlink(format!("../{long}"), dir.path().join("data/long")).unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::set_permissions(dir.path().join("empty"), fs::Permissions::from_mode(0o2700)).unwrap();
    dir
}

fn pack(dir: &Path) -> Result<(Vec<u8>, Summary), ArchiveError> {
    let mut bytes = Vec::new();
    let summary = archive::pack(dir, &mut bytes)?;
    Ok((bytes, summary))
}

#[test]
fn what_is_packed_comes_out_again() {
    let dir = package(false);
    let (bytes, summary) = pack(dir.path()).unwrap();
    let place = Place::new();
    let contents = place.unpack(&bytes, &Limits::default()).unwrap();
    assert_eq!(summary.hash, contents.hash);
    assert_eq!(summary.archive_bytes, bytes.len() as u64);
    assert_eq!(summary.archive_bytes, contents.archive_bytes);
    assert_eq!(summary.unpacked_bytes, contents.unpacked_bytes);
    assert_eq!(summary.entries, contents.entries);
    assert_eq!(contents.manifest, MANIFEST);
    let modes = |text: &str| text.replace("750", "755").replace("600", "644").replace("444", "644");
    let expected = everything(dir.path(), "").into_iter();
    let expected = expected.map(|(path, text)| (path, modes(&text).replace("666", "644").replace("2700", "755")));
    assert_eq!(everything(&place.inside(), ""), expected.collect());
    assert_eq!(fs::read_to_string(place.inside().join("data/ñandú.txt")).unwrap(), "ñ");
    assert_eq!(fs::read_to_string(place.inside().join("data/long")).unwrap(), "long");
    let again = pack(&place.inside()).unwrap();
    assert_eq!(again.0, bytes, "packing what was unpacked gives the same bytes");
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let (one, other) = (package(false), package(true));
    fs::create_dir(other.path().join(".git")).unwrap();
    fs::write(other.path().join(".git/HEAD"), "x").unwrap();
    fs::write(other.path().join("data/.git"), "gitdir: elsewhere").unwrap();
    let file = fs::File::options().write(true).open(other.path().join("bin/run")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
    let (one, other) = (pack(one.path()).unwrap(), pack(other.path()).unwrap());
    assert_eq!(one.0, other.0);
    assert_eq!(one.1, other.1);
}

#[test]
fn what_would_be_refused_later_is_refused_at_once() {
    type Spoil = fn(&Path);
    let cases: &[(Spoil, &str)] = &[
        (|dir| symlink("/etc/passwd", dir.join("l")).unwrap(), "entry \"l\": the link to \"/etc/passwd\" is absolute"),
        (
            |dir| symlink("../../x", dir.join("data/l")).unwrap(),
            "entry \"data/l\": the link to \"../../x\" leaves the package",
        ),
        (|dir| symlink("l", dir.join("l")).unwrap(), "entry \"l\": the link to \"l\" leads in a circle"),
        (
            |dir| fs::set_permissions(dir.join("bin/run"), fs::Permissions::from_mode(0o4755)).unwrap(),
            "entry \"bin/run\": the setuid bit",
        ),
        (
            |dir| rustix::fs::mkfifoat(rustix::fs::CWD, dir.join("bin/fifo"), rustix::fs::Mode::RUSR).unwrap(),
            "entry \"bin/fifo\": named pipes (fifo) are not allowed",
        ),
        (
            |dir| drop(std::os::unix::net::UnixListener::bind(dir.join("s")).unwrap()),
            "entry \"s\": sockets are not allowed",
        ),
        (|dir| fs::write(dir.join("a\nb"), "").unwrap(), "entry \"a\\nb\": its name has a control character"),
        (|dir| fs::create_dir_all(dir.join("d/".repeat(33))).unwrap(), "it is deeper than 32 levels"),
        (|dir| fs::remove_file(dir.join("vclouden.toml")).unwrap(), "vclouden.toml is missing"),
        (
            |dir| fs::write(dir.join("vclouden.toml"), [b'#'; 70_000]).unwrap(),
            "entry \"vclouden.toml\": it has 70000 bytes",
        ),
        (
            |dir| fs::File::create(dir.join("huge")).unwrap().set_len(3 << 30).unwrap(),
            "entry \"huge\": it has 3221225472 bytes, the limit is 2147483648",
        ),
        (
            |dir| {
                use std::os::unix::ffi::OsStrExt;
                fs::write(dir.join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "").unwrap();
            },
            "its name is not UTF-8",
        ),
    ];
    for (spoil, words) in cases {
        let dir = package(false);
        spoil(dir.path());
        let error = pack(dir.path()).unwrap_err();
        assert!(error.to_string().contains(words), "{error:?} does not say {words:?}");
        assert!(error.is_refusal());
    }
    let error = pack(Path::new("/nowhere/at/all")).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/at/all/ could not be packed"), "{error}");
}

/// A disk that is full at once.
struct Full;

impl std::io::Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_said_and_not_blamed_on_the_package() {
    let error = archive::pack(package(false).path(), Full).unwrap_err();
    assert!(matches!(error, ArchiveError::Write { .. }) && !error.is_refusal(), "{error}");
}

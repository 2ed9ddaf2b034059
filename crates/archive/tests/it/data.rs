//! The data of an installation: packed as it is, laid out as it was, and nothing more than it may.

use std::fs::{self, Permissions};
use std::io::Cursor;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use archive::{ArchiveError, Limits, measure_data, pack_data, unpack_data};

fn limits() -> Limits {
    Limits::of_data(1 << 20)
}

fn packed(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    measure_data(dir, &limits()).unwrap();
    pack_data(dir, &limits(), &mut bytes).unwrap();
    bytes
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_an_application_made_comes_back_as_it_was() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| from.path().join(name);
    fs::create_dir_all(at("closed/empty")).unwrap();
    let long = format!("closed/{}", "ñ".repeat(120));
    for (name, mode) in [("key", 0o600), ("script", 0o4755), ("closed/rows.sqlite", 0o640), (long.as_str(), 0o444)] {
        fs::write(at(name), name.repeat(1000)).unwrap();
        chmod(&at(name), mode);
    }
    chmod(&at("closed"), 0o1700);
    symlink("/etc/passwd", at("absolute")).unwrap();
    symlink("../../outside", at("closed/up")).unwrap();
    fs::hard_link(at("key"), at("key-again")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let hole = fs::File::create(at("hole")).unwrap();
    hole.set_len(3 << 20).unwrap();

    let bytes = packed(from.path());
    unpack_data(Cursor::new(&bytes), to.path(), &limits()).unwrap();
    let mode = |name: &str| fs::symlink_metadata(to.path().join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(["key", "script", "closed", &long].map(mode), [0o600, 0o755, 0o700, 0o444]);
    for name in ["key", "key-again", "closed/rows.sqlite", &long] {
        assert_eq!(fs::read(to.path().join(name)).unwrap(), fs::read(at(name)).unwrap(), "{name}");
    }
    assert_eq!(fs::metadata(to.path().join("hole")).unwrap().len(), 3 << 20);
    assert_eq!(fs::read_link(to.path().join("absolute")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::read_link(to.path().join("closed/up")).unwrap(), Path::new("../../outside"));
    assert!(to.path().join("closed/empty").is_dir() && !to.path().join("socket").exists());
}

#[test]
fn what_is_too_much_is_said_before_anything_is_sent() {
    let from = tempfile::tempdir().unwrap();
    fs::File::create(from.path().join("endless")).unwrap().set_len(2 << 30).unwrap();
    let error = measure_data(from.path(), &limits()).unwrap_err().to_string();
    assert!(error.contains("endless") && error.contains("limit"), "{error}");
    fs::remove_file(from.path().join("endless")).unwrap();
    fs::create_dir_all(from.path().join("d/".repeat(200))).unwrap();
    let error = measure_data(from.path(), &limits()).unwrap_err().to_string();
    assert!(error.contains("128 levels"), "{error}");
}

/// One entry of a tar, then its end.
fn one(kind: tar::EntryType, name: &[u8], target: Option<&str>, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_mode(0o6755);
    header.set_size(content.len() as u64);
    if let Some(target) = target {
        header.set_link_name(target).unwrap();
    }
    header.set_cksum();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    tar.append(&header, content).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

#[test]
fn a_strangers_archive_reaches_nothing_outside() {
    use tar::EntryType as Type;
    let hostile = [
        one(Type::Regular, b"../evil", None, b"x"),
        one(Type::Regular, b"/tmp/evil", None, b"x"),
        one(Type::Regular, b"a/../../evil", None, b"x"),
        one(Type::Link, b"hard", Some("/etc/passwd"), b""),
        one(Type::Char, b"device", None, b""),
        one(Type::Fifo, b"pipe", None, b""),
        one(Type::Symlink, b"link", Some("a\nb"), b""),
    ];
    for archive in hostile {
        let place = tempfile::tempdir().unwrap();
        let into = place.path().join("into");
        fs::create_dir(&into).unwrap();
        let refused = unpack_data(Cursor::new(&archive), &into, &limits()).unwrap_err();
        assert!(matches!(refused, ArchiveError::Entry { .. }), "{refused}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
    // A link and then something through it.
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(Type::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "way", "/tmp").unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    tar.append_data(&mut header, "way/evil", &b"x"[..]).unwrap();
    let archive = tar.into_inner().unwrap().finish().unwrap();
    let into = tempfile::tempdir().unwrap();
    let refused = unpack_data(Cursor::new(&archive), into.path(), &limits()).unwrap_err().to_string();
    assert!(refused.contains("not a directory"), "{refused}");
    // And one that is too large once unpacked.
    let bomb = one(Type::Regular, b"zeros", None, &vec![0; 3 << 20]);
    let small = Limits { unpacked_bytes: 1 << 20, ..limits() };
    let into = tempfile::tempdir().unwrap();
    let refused = unpack_data(Cursor::new(&bomb), into.path(), &small).unwrap_err();
    assert!(matches!(refused, ArchiveError::Limit { .. }), "{refused}");
}

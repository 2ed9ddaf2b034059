//! What people's own tar programs make is read, in every format that GNU tar writes.

use std::fs;
use std::process::Command;

use archive::Limits;

use crate::build::{MANIFEST, Place};

#[test]
fn archives_of_gnu_tar_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let deep =
        dir.path().join("some/directory/that/goes/on/for/a/while/so/that/a/prefix/is/needed/by/ustar/to/hold/it");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("a-file-with-a-rather-long-name-of-its-own.txt"), "x".repeat(5000)).unwrap();
    fs::write(dir.path().join("vclouden.toml"), MANIFEST).unwrap();
    std::os::unix::fs::symlink("vclouden.toml", dir.path().join("link")).unwrap();
    for (format, names) in [("gnu", "."), ("pax", "."), ("posix", "."), ("ustar", "."), ("v7", "vclouden.toml")] {
        let out = Command::new("tar").args(["-cz", "--format", format, "-C"]).arg(dir.path()).arg(names).output();
        let out = out.expect("tar is missing: apt-get install tar");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let contents = Place::new().unpack(&out.stdout, &Limits::default()).unwrap_or_else(|e| panic!("{format}: {e}"));
        let expected = if names == "." { 22 } else { 1 };
        assert_eq!(contents.entries, expected, "{format}: {:?}", contents.files.keys());
    }
}

//! Each limit, exactly reached and exceeded.

use std::io::{self, Read};

use archive::{ArchiveError, Limits};

use crate::build::{Place, Tar, gzip, refused};

#[test]
fn each_limit_holds_exactly() {
    let tar = || Tar::new().file("abc/def/ghi", "12345678901234567890").link("l", "abc/def/ghi");
    let bytes = tar().gz();
    let exact = Limits {
        archive_bytes: bytes.len() as u64,
        unpacked_bytes: tar().ended().len() as u64,
        entries: 5,
        file_bytes: 20,
        path_bytes: 13,
        depth: 3,
    };
    Place::new().unpack(&bytes, &exact).unwrap();
    let archive_bytes = format!("more than {} bytes;", bytes.len() - 1);
    type Shrink = fn(&mut Limits);
    let cases: [(Shrink, &str); 6] = [
        (|limits| limits.archive_bytes -= 1, &archive_bytes),
        (|limits| limits.unpacked_bytes -= 1, "bytes once unpacked"),
        (|limits| limits.entries -= 1, "more than 4 entries"),
        (|limits| limits.file_bytes -= 1, "\"abc/def/ghi\": it has 20 bytes, the limit is 19"),
        (|limits| limits.path_bytes -= 1, "\"vclouden.toml\": its name has 13 bytes, the limit is 12"),
        (|limits| limits.depth -= 1, "\"abc/def/ghi\": it is deeper than 2 levels"),
    ];
    for (shrink, words) in cases {
        let mut limits = exact.clone();
        shrink(&mut limits);
        let message = refused(&bytes, &limits);
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    }
}

#[test]
fn a_size_bomb_goes_off_in_nobodys_memory() {
    let limits = Limits { unpacked_bytes: 1 << 20, ..Limits::default() };
    let zeros = "\0".repeat(32 << 20);
    for (what, bytes) in [
        ("a file", Tar::new().file("bomb", &zeros).gz()),
        ("after the end", gzip(&[&Tar::new().ended(), zeros.as_bytes()].concat())),
        ("many files", (0..40).fold(Tar::new(), |tar, at| tar.file(format!("{at}"), &zeros[..32 << 10])).gz()),
    ] {
        assert!(refused(&bytes, &limits).contains("more than 1048576 bytes once unpacked"), "{what}");
    }
    let named = Tar::new().entry("x", b'x', 0o644, "", zeros.as_bytes()).file("f", "").gz();
    assert!(refused(&named, &limits).contains("extended header has more than 1048576 bytes"));
    // What the header says is enough: nothing of the content is needed to refuse it.
    let header = crate::build::header(b"huge", b'0', 0o644, "", 3 << 30);
    assert!(
        refused(&Tar::new().header(&header, b"").gz(), &Limits::default())
            .contains("\"huge\": it has 3221225472 bytes")
    );
}

#[test]
fn directories_that_are_only_named_count() {
    let limits = Limits { entries: 10, ..Limits::default() };
    assert!(refused(&Tar::new().file("a/b/c/d/e/f/g/h/i/j/k", "").gz(), &limits).contains("more than 10 entries"));
}

#[test]
fn entangled_links_do_not_take_forever() {
    // Each link leads through two of the link before: 2^n steps to follow the last, were it not for the limits.
    let mut tar = Tar::new().directory("d").link("l0", "d/../d/../d/../d/../d/../d/..");
    for at in 1..200 {
        tar = tar.link(&format!("l{at}"), &format!("l{0}/l{0}/l{0}", at - 1));
    }
    assert!(refused(&tar.gz(), &Limits::default()).contains("circle"));
}

#[test]
fn long_names_are_fine_up_to_the_limit() {
    let long = format!("{}/{}", "d".repeat(250), "f".repeat(250));
    let target = "t/".repeat(15) + &"x".repeat(200);
    for tar in [
        Tar::new().pax(b'x', &[("path", &long), ("mtime", "1.5"), ("SCHILY.xattr.user.a", "b\nc")]).file("short", "x"),
        Tar::new().entry("././@LongLink", b'L', 0o644, "", format!("{long}\0").as_bytes()).file("short", "x"),
    ] {
        let contents = Place::new().unpack(&tar.gz(), &Limits::default()).unwrap();
        assert!(contents.files.contains_key(&long));
        assert!(!contents.files.contains_key("short"));
    }
    let links = Tar::new()
        .pax(b'g', &[("comment", "0123456789abcdef")])
        .pax(b'x', &[("linkpath", &target)])
        .link("pax", "short")
        .entry("././@LongLink", b'K', 0o644, "", format!("{target}\0").as_bytes())
        .link("gnu", "short");
    let contents = Place::new().unpack(&links.gz(), &Limits::default()).unwrap();
    for link in ["pax", "gnu"] {
        assert_eq!(contents.files[link].kind, archive::Kind::Link { target: target.clone() });
    }
    let too_long = Tar::new().pax(b'x', &[("path", &format!("{long}/{long}"))]).file("short", "");
    assert!(refused(&too_long.gz(), &Limits::default()).contains("its name has 1003 bytes, the limit is 512"));
    let part = Tar::new().pax(b'x', &[("path", &"p".repeat(256))]).file("short", "");
    assert!(refused(&part.gz(), &Limits::default()).contains("a part of its path has 256 bytes"));
}

/// A connection that breaks.
struct Broken<'a>(&'a [u8]);

impl Read for Broken<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(&mut buffer[..7])? {
            0 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            count => Ok(count),
        }
    }
}

#[test]
fn a_broken_connection_is_not_blamed_on_the_archive() {
    let bytes = Tar::new().file("a", "b").gz();
    let error = archive::inspect(Broken(&bytes[..bytes.len() / 2]), &Limits::default()).unwrap_err();
    assert!(matches!(&error, ArchiveError::Read(cause) if cause.kind() == io::ErrorKind::ConnectionReset), "{error}");
    assert!(!error.is_refusal());
}

//! Archives that try to get out, in, or through.

use std::fs;
use std::path::Path;

use archive::{Kind, Limits};

use crate::build::{Place, Tar, gzip, header, refused};

/// Each is refused with these words, and touches nothing outside.
#[test]
fn what_could_do_harm_is_refused_by_name_and_rule() {
    let long = format!("{}/x", "d/".repeat(32));
    let file = |name: &str| Tar::new().file(name, "evil");
    let of = |kind: u8| Tar::new().entry("bad", kind, 0o644, "", b"");
    let cases: Vec<(&str, Tar, &[&str])> = vec![
        ("dot dot", file("../evil"), &["\"../evil\"", "\"..\" is not allowed", "pack from inside"]),
        ("dot dot inside", file("a/../../evil"), &["\"a/../../evil\"", "\"..\" is not allowed"]),
        ("dot dot that comes back", file("a/../b"), &["\"a/../b\"", "\"..\" is not allowed"]),
        ("dot dot at the end", file("a/.."), &["\"a/..\"", "\"..\" is not allowed"]),
        ("absolute", file("/tmp/vclouden-evil"), &["\"/tmp/vclouden-evil\"", "absolute paths", "tar czf"]),
        ("absolute twice", file("//tmp/vclouden-evil"), &["\"//tmp/vclouden-evil\"", "absolute paths"]),
        ("link out", Tar::new().link("l", "../witness"), &["\"l\"", "\"../witness\"", "leaves the package"]),
        ("absolute link", Tar::new().link("l", "/etc/passwd"), &["\"l\"", "\"/etc/passwd\" is absolute"]),
        ("deep link out", Tar::new().link("a/b/l", "../../../x"), &["\"a/b/l\"", "leaves the package"]),
        ("link to nothing", Tar::new().link("l", ""), &["\"l\"", "points to nothing"]),
        (
            "file through a link",
            Tar::new().link("l", "d").file("l/x", "evil"),
            &["\"l/x\"", "\"l\" is not a directory"],
        ),
        ("link over a directory", Tar::new().file("l/x", "").link("l", "d"), &["\"l\"", "twice (duplicate)"]),
        ("file over a link", Tar::new().link("l", "d").file("l", "evil"), &["\"l\"", "twice (duplicate)"]),
        ("a circle", Tar::new().link("a", "b").link("b", "a"), &["\"a\"", "leads in a circle"]),
        (
            "links that get out together",
            Tar::new().directory("a/b/c").link("a/b/c/up", "../..").link("out", "a/b/c/up/../../x"),
            &["\"out\"", "\"a/b/c/up/../../x\"", "leaves the package"],
        ),
        ("hard link", Tar::new().entry("h", b'1', 0o644, "vclouden.toml", b""), &["\"h\"", "hard links"]),
        ("hard link out", Tar::new().entry("h", b'1', 0o644, "/etc/passwd", b""), &["\"h\"", "hard links"]),
        ("character device", of(b'3'), &["\"bad\"", "devices are not allowed"]),
        ("block device", of(b'4'), &["\"bad\"", "devices are not allowed"]),
        ("fifo", of(b'6'), &["\"bad\"", "fifo"]),
        ("unknown type", of(b'Z'), &["\"bad\"", "type 'Z'"]),
        ("sparse", of(b'S'), &["\"bad\"", "sparse"]),
        (
            "pax sparse",
            Tar::new().pax(b'x', &[("GNU.sparse.major", "1"), ("GNU.sparse.name", "s")]).file("GNUSparseFile.0/s", ""),
            &["sparse"],
        ),
        ("setuid", Tar::new().entry("s", b'0', 0o4755, "", b"x"), &["\"s\"", "setuid", "chmod"]),
        ("setgid", Tar::new().entry("s", b'0', 0o2755, "", b"x"), &["\"s\"", "setgid", "chmod"]),
        ("sticky", Tar::new().entry("s", b'5', 0o1755, "", b""), &["\"s\"", "sticky", "chmod"]),
        ("duplicate", file("a").file("a", "again"), &["\"a\"", "twice (duplicate)"]),
        ("duplicate once plain", file("a/b").file("a/./b", ""), &["\"a/b\"", "twice (duplicate)"]),
        ("duplicate slashes", file("a/b").file("a//b", ""), &["\"a/b\"", "twice (duplicate)"]),
        ("duplicate directory", Tar::new().directory("a/").directory("./a"), &["\"a\"", "twice (duplicate)"]),
        ("duplicate top", Tar::new().directory("./").directory("."), &["top directory", "twice (duplicate)"]),
        ("manifest twice", file("./vclouden.toml"), &["\"vclouden.toml\"", "twice (duplicate)"]),
        ("file as directory", file("a").file("a/b", ""), &["\"a/b\"", "\"a\" is not a directory"]),
        ("directory as file", file("a/b").file("a", ""), &["\"a\"", "twice (duplicate)"]),
        ("not UTF-8", Tar::new().file(b"caf\xe9", ""), &["not UTF-8", "rename"]),
        (
            "link not UTF-8",
            Tar::new().pax(b'x', &[]).entry("l", b'2', 0o777, "\u{7f}", b""),
            &["\"l\"", "control character"],
        ),
        ("newline", file("a\nb"), &["\"a\\nb\"", "control character"]),
        ("escape", file("a\u{1b}[2J"), &["\"a\\u{1b}[2J\"", "control character"]),
        ("no name", file(""), &["no name"]),
        ("a file as the top", file("./"), &["only a file may have content"]),
        ("a link as the top", Tar::new().link(".", "a"), &["no name"]),
        ("too deep", Tar::new().directory(&long), &["deeper than 32 levels"]),
        (
            "directory with content",
            Tar::new().entry("d", b'5', 0o755, "", b"x"),
            &["\"d\"", "only a file may have content"],
        ),
        (
            "link with content",
            Tar::new().entry("l", b'2', 0o777, "d", b"x"),
            &["\"l\"", "only a file may have content"],
        ),
        ("pax dot dot", Tar::new().pax(b'x', &[("path", "../evil")]).file("good", "evil"), &["\"../evil\"", "\"..\""]),
        ("pax absolute", Tar::new().pax(b'x', &[("path", "/evil")]).file("good", ""), &["\"/evil\"", "absolute"]),
        ("pax NUL", Tar::new().pax(b'x', &[("path", "a\0b")]).file("good", ""), &["control character"]),
        ("pax link", Tar::new().pax(b'x', &[("linkpath", "/etc")]).link("l", "d"), &["\"l\"", "\"/etc\" is absolute"]),
        ("pax size", Tar::new().pax(b'x', &[("size", "9")]).file("f", "12345"), &["\"f\"", "two different sizes"]),
        ("pax twice", Tar::new().pax(b'x', &[("path", "a"), ("path", "b")]).file("f", ""), &["contradict"]),
        (
            "pax and GNU",
            Tar::new().pax(b'x', &[("path", "a")]).entry("@", b'L', 0o644, "", b"b\0").file("f", ""),
            &["contradict"],
        ),
        ("global path", Tar::new().pax(b'g', &[("path", "a")]).file("f", ""), &["global header"]),
        ("pax for nobody", Tar::new().pax(b'x', &[("path", "a")]), &["truncated", "no entry follows"]),
        ("bad pax", Tar::new().entry("x", b'x', 0o644, "", b"99 path=x\n"), &["damaged", "pax"]),
        (
            "GNU dot dot",
            Tar::new().entry("@", b'L', 0o644, "", b"../evil\0").file("good", ""),
            &["\"../evil\"", "\"..\""],
        ),
        ("GNU link", Tar::new().entry("@", b'K', 0o644, "", b"../evil\0").link("l", "d"), &["\"l\"", "leaves"]),
    ];
    for (what, tar, words) in cases {
        let message = refused(&tar.gz(), &Limits::default());
        for word in words {
            assert!(message.contains(word), "{what}: {message:?} does not say {word:?}");
        }
    }
    assert!(!Path::new("/tmp/vclouden-evil").exists());
}

#[test]
fn a_manifest_must_be_at_the_top() {
    let limits = Limits::default();
    let below = Tar::default().directory("myapp").file("myapp/vclouden.toml", "").file("myapp/old/vclouden.toml", "");
    assert_eq!(
        refused(&below.gz(), &limits),
        "vclouden.toml is not at the top of the archive; it is at myapp/vclouden.toml: pack the directory's content"
    );
    assert_eq!(
        refused(&Tar::default().file("a", "").gz(), &limits),
        "vclouden.toml is missing; put one at the top of the package"
    );
    assert_eq!(refused(&Tar::default().gz(), &limits), "vclouden.toml is missing; put one at the top of the package");
    let directory = Tar::default().directory("vclouden.toml");
    assert_eq!(
        refused(&directory.gz(), &limits),
        "entry \"vclouden.toml\": it must be a file, not a directory or link; put a file there"
    );
    let link = Tar::default().file("m", "").link("vclouden.toml", "m");
    assert!(refused(&link.gz(), &limits).contains("must be a file"));
    let large = Tar::default().file("vclouden.toml", &"#".repeat(70_000));
    assert_eq!(
        refused(&large.gz(), &limits),
        "entry \"vclouden.toml\": it has 70000 bytes, the limit is 65536; make it smaller"
    );
    let latin = Tar::default().entry("vclouden.toml", b'0', 0o644, "", b"name = \"caf\xe9\"");
    assert_eq!(refused(&latin.gz(), &limits), "vclouden.toml is not UTF-8 text; save it as UTF-8");
}

#[test]
fn what_is_not_one_whole_archive_is_refused() {
    let limits = Limits::default();
    let whole = Tar::new().file("a", &"content ".repeat(1000)).ended();
    let zipped = gzip(&whole);
    let with = |more: &[u8]| [&zipped[..], more].concat();
    let mut wrong_sum = zipped.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    let lying =
        |size: u64| Tar::new().header(&header(b"liar", b'0', 0o644, "", size), &[b'x'; 512]).file("after", "").gz();
    let unmarked = gzip(&whole[..whole.len() - 1024]);
    let half_marked = gzip(&whole[..whole.len() - 512]);
    let mut bad_header = whole.clone();
    bad_header[3] ^= 1;
    let mut number = header(b"n", b'0', 0o644, "", 0);
    number.as_old_mut().size = *b"0000000009\0\0";
    number.set_cksum();
    for (what, bytes, words) in [
        ("empty", vec![], "not a gzip archive"),
        ("text", b"hello".to_vec(), "not a gzip archive"),
        ("zip", b"PK\x03\x04".to_vec(), "not a gzip archive"),
        ("a bare tar", whole.clone(), "not a gzip archive"),
        ("one byte", vec![0x1f], "truncated"),
        ("two bytes", vec![0x1f, 0x8b], "truncated"),
        ("half", zipped[..zipped.len() / 2].to_vec(), "truncated"),
        ("without its sum", zipped[..zipped.len() - 4].to_vec(), "truncated"),
        ("one byte short", zipped[..zipped.len() - 1].to_vec(), "truncated"),
        ("wrong sum", wrong_sum, "damaged"),
        ("garbage after", with(b"garbage"), "more data after the end of the gzip"),
        ("zeros after", with(&[0; 512]), "more data after the end of the gzip"),
        ("a second gzip", with(&zipped), "more data after the end of the gzip"),
        ("a second tar", gzip(&[&whole[..], &whole].concat()), "more data after the end of the tar"),
        (
            "a block between the marks",
            gzip(&[&whole[..whole.len() - 512], &[1; 512]].concat()),
            "more data after the end",
        ),
        ("no mark of the end", unmarked, "after entry \"a\" without the mark of its end"),
        ("half a mark", half_marked, "without the mark of its end"),
        ("not a tar", gzip(&[7; 2048]), "header is damaged"),
        ("nothing in it", gzip(b""), "at its beginning without the mark of its end"),
        ("half a block", gzip(&whole[..700]), "truncated"),
        ("in a file", gzip(&whole[..2048]), "before the end of \"a\""),
        ("bad checksum", gzip(&bad_header), "checksum"),
        ("a number that is none", Tar::new().header(&number, b"").gz(), "\"n\": its header has a number that is none"),
        ("larger than it is", lying(100_000), "before the end of \"liar\""),
        ("smaller than it is", lying(0), "header is damaged"),
    ] {
        let message = refused(&bytes, &limits);
        assert!(message.contains(words), "{what}: {message:?} does not say {words:?}");
    }
}

#[test]
fn links_that_stay_inside_are_kept_and_followed_by_name() {
    let tar = Tar::new()
        .directory("./")
        .entry("./bin/python3.11", b'0', 0o700, "", b"#!")
        .link("bin/python3", "python3.11")
        .link("bin/python", "./python3")
        .link("current", "releases/../bin/")
        .link("dangling", "not/there")
        .link("a/b/top", "../..");
    let place = Place::new();
    let contents = place.unpack(&tar.clone().gz(), &Limits::default()).unwrap();
    let executable = Some(Kind::File { executable: true });
    for path in ["bin/python", "current/python3", "a/b/top/bin/python3.11", "./bin//python"] {
        assert_eq!(contents.find(path).map(|node| node.kind.clone()), executable, "{path}");
    }
    for path in ["dangling", "bin/none", "../into/bin/python", "a/b/top/.."] {
        assert!(contents.find(path).is_none(), "{path}");
    }
    assert_eq!(contents.files["a/b"].kind, Kind::Directory, "directories that are only named are there too");
    assert_eq!(contents.manifest, crate::build::MANIFEST);
    assert_eq!(contents.unpacked_bytes, 2 + crate::build::MANIFEST.len() as u64);
    assert_eq!(contents, archive::inspect(&tar.gz()[..], &Limits::default()).unwrap());
    assert_eq!(fs::read_to_string(place.inside().join("bin/python")).unwrap(), "#!");
}

#[test]
fn a_directory_that_is_in_use_is_left_alone() {
    let bytes = Tar::new().gz();
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("mine"), "").unwrap();
    let error = archive::unpack(&bytes[..], place.path(), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("is not empty") && !error.is_refusal(), "{error}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    let link = place.path().join("link");
    std::os::unix::fs::symlink(tempfile::tempdir().unwrap().keep(), &link).unwrap();
    let error = archive::unpack(&bytes[..], &link, &Limits::default()).unwrap_err();
    fs::remove_dir(fs::read_link(&link).unwrap()).unwrap();
    assert!(error.to_string().contains("could not be written"), "{error}");
    assert!(archive::unpack(&bytes[..], &place.path().join("absent"), &Limits::default()).is_err());
}

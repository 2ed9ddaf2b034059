//! Static files, and that no address reaches another file.

use super::world::App;

#[test]
fn files_have_validators_ranges_and_compression() {
    let app = App::tasks();
    app.write("public/index.html", "<h1>hola</h1>");
    app.write("public/dir/index.html", "dir");
    let long = "body { color: red }\n".repeat(500);
    app.write("public/a b.css", &long);
    let server = app.serve();
    let page = server.get("/");
    assert_eq!((page.status, page.text().as_str()), (200, "<h1>hola</h1>"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert!(page.header("content-security-policy").is_some());
    assert_eq!(server.get("/dir").header("location"), Some("/dir/"));
    let css = server.get("/a%20b.css");
    assert_eq!(css.header("content-type"), Some("text/css; charset=utf-8"));
    let tag = css.header("etag").unwrap();
    assert_eq!(server.send("GET", "/a%20b.css", &[("If-None-Match", tag)], b"").status, 304);
    let modified = css.header("last-modified").unwrap();
    assert_eq!(server.send("GET", "/a%20b.css", &[("If-Modified-Since", modified)], b"").status, 304);
    let zipped = server.send("GET", "/a%20b.css", &[("Accept-Encoding", "br, gzip")], b"");
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.body.len() < 500);
    assert_eq!(server.send("GET", "/a%20b.css", &[("Accept-Encoding", "gzip;q=0")], b"").body.len(), long.len());
    let range = |range: &str| server.send("GET", "/a%20b.css", &[("Range", range)], b"");
    let part = range("bytes=5-9");
    assert_eq!((part.status, part.text().as_str()), (206, "{ col"));
    assert_eq!(part.header("content-range"), Some(format!("bytes 5-9/{}", long.len()).as_str()));
    assert_eq!(range("bytes=-2").text(), "}\n");
    assert_eq!(range("bytes=9998-").body.len(), 2);
    assert_eq!(range("bytes=99999-").status, 416);
    assert_eq!(range("bytes=9-5").status, 200);
    assert_eq!(range("bytes=0-1,4-5").status, 200);
    let old = server.send("GET", "/a%20b.css", &[("Range", "bytes=0-1"), ("If-Range", "\"other\"")], b"");
    assert_eq!(old.status, 200);
    let head = server.send("HEAD", "/", &[], b"");
    assert_eq!((head.body.len(), head.header("content-length")), (0, Some("13")));
}

#[test]
fn what_others_made_runs_nothing() {
    let app = App::new(&[(
        "app.js",
        "app.static('/sent', 'data:sent'); app.get('/xml', (req, res) => res.type('xml').send('<a/>'));",
    )]);
    app.write("public/logo.svg", "<svg/>");
    app.write("public/a.json", "{}");
    app.write("data/uploads/sent/page.html", "<script src=evil.js></script>");
    app.write("data/uploads/sent/evil.js", "alert(1)");
    let server = app.serve();
    let policy = |path: &str| {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("x-content-type-options")), (200, Some("nosniff")), "{path}");
        answer.header("content-security-policy").unwrap_or("none").to_owned()
    };
    for document in ["/logo.svg", "/xml"] {
        assert!(policy(document).starts_with("default-src 'self'"), "{document}");
    }
    assert!(policy("/sent/page.html").starts_with("default-src 'none'"));
    assert_eq!(policy("/a.json"), "none");
    assert_eq!(server.get("/xml").header("cross-origin-opener-policy"), Some("same-origin"));
}

#[test]
fn no_address_leads_outside() {
    let app = App::tasks();
    app.write("public/.env", "secret");
    app.write("public/ok.txt", "ok");
    std::os::unix::fs::symlink("/etc/passwd", app.path().join("public/link")).unwrap();
    std::os::unix::fs::symlink(app.path(), app.path().join("public/up")).unwrap();
    let server = app.serve();
    assert_eq!(server.get("/ok.txt").status, 200);
    for path in [
        "/../schema.toml",
        "/%2e%2e/schema.toml",
        "/..%2fschema.toml",
        "//etc/passwd",
        "/.env",
        "/link",
        "/up/schema.toml",
        "/ok.txt/",
        "/ok.txt%00",
        "/public/ok.txt",
        "/./ok.txt",
        "/%5c..%5cschema.toml",
        "/data/secret",
    ] {
        let answer = server.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
}

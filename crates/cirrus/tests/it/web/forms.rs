//! Pages and their forms: tokens, methods, languages, files.

use serde_json::json;

use super::world::{App, Browser};

fn with_pages() -> App {
    let app = App::tasks();
    app.write("views/layout.html", "<title>{{ t('titulo', n=2) }}</title>{% block main %}{% endblock %}");
    app.write(
        "views/tareas/index.html",
        "{% extends 'layout.html' %}{% block main %}{% for row in rows %}<li>{{ row.titulo }} {{ row.importe|number }}</li>{% endfor %}{% endblock %}",
    );
    app.write(
        "views/tareas/show.html",
        "{% extends 'layout.html' %}{% block main %}<h1>{{ row.titulo }}</h1>{{ csrf_field() }}{% endblock %}",
    );
    app.write(
        "views/tareas/new.html",
        "<form>{{ csrf_field() }}<input value=\"{{ row.titulo }}\">{{ errors.importe }}</form>",
    );
    app.write(
        "views/tareas/edit.html",
        "<form>{{ csrf_field() }}<input value=\"{{ row.titulo }}\">{{ problem }}</form>",
    );
    app.write("locales/es.toml", "[titulo]\none = 'una'\nother = '{n} tareas'");
    app.write("locales/en.toml", "[titulo]\nother = '{n} tasks'");
    app
}

#[test]
fn the_seven_routes_of_a_resource_work_in_a_browser() {
    let app = with_pages();
    let server = app.serve();
    let mut browser = Browser::default();
    let title = "<b>\"ñ\" & '</textarea>";
    let created =
        browser.post(&server, "/tareas/new", "/tareas", &[("titulo", title), ("importe", "1234.50"), ("fecha", "")]);
    assert_eq!((created.status, created.header("location")), (303, Some("/tareas/1")), "{created:?}");
    let page = browser.get(&server, "/tareas").text();
    assert!(page.contains("1.234,50") && !page.contains("<b>") && page.contains("<title>2 tareas"), "{page}");
    assert_eq!(server.get("/tareas/1").value()["titulo"], title);
    let wrong = browser.post(&server, "/tareas/new", "/tareas", &[("titulo", "otra"), ("importe", "-3")]);
    assert_eq!(wrong.status, 422, "{wrong:?}");
    assert!(wrong.text().contains("value=\"otra\""), "{}", wrong.text());
    let changed = browser.post(&server, "/tareas/1/edit", "/tareas/1", &[("_method", "PATCH"), ("titulo", "dos")]);
    assert_eq!(changed.status, 303, "{changed:?}");
    assert_eq!(server.get("/tareas/1").value()["importe"], "1234.50");
    let gone = browser.post(&server, "/tareas/1/edit", "/tareas/1", &[("_method", "delete")]);
    assert_eq!((gone.status, gone.header("location")), (303, Some("/tareas")));
    assert_eq!(browser.get(&server, "/tareas/1").status, 404);
    assert!(browser.get(&server, "/tareas/1").header("content-type").unwrap().starts_with("text/html"));
}

#[test]
fn a_form_without_its_token_changes_nothing() {
    let app = with_pages();
    let server = app.serve();
    let mut browser = Browser::default();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    browser.get(&server, "/tareas/new");
    assert_eq!(browser.send(&server, "POST", "/tareas", &form, b"titulo=x").status, 403);
    // The token of somebody else.
    let mut other = Browser::default();
    let theirs = other.get(&server, "/tareas/new").text();
    let token = theirs.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    let body = format!("titulo=x&_csrf={token}");
    assert_eq!(browser.send(&server, "POST", "/tareas", &form, body.as_bytes()).status, 403);
    assert_eq!(other.send(&server, "POST", "/tareas", &form, body.as_bytes()).status, 303);
    for hostile in [[("Sec-Fetch-Site", "cross-site")], [("Origin", "https://evil.example")], [("Origin", "null")]] {
        let headers = [hostile[0], ("Content-Type", "application/json")];
        assert_eq!(server.send("POST", "/tareas", &headers, br#"{"titulo":"x"}"#).status, 403);
        assert_eq!(server.send("DELETE", "/tareas/1", &hostile, b"").status, 403);
    }
    let own = format!("http://{}", server.address);
    let headers = [("Origin", own.as_str()), ("Content-Type", "application/json")];
    assert_eq!(server.send("POST", "/tareas", &headers, br#"{"titulo":"x"}"#).status, 201);
    assert_eq!(other.send(&server, "POST", "/tareas", &[("Content-Type", "text/plain")], b"{}").status, 403);
}

#[test]
fn the_language_is_chosen_and_remembered() {
    let app = with_pages();
    let server = app.serve();
    let html = ("Accept", "text/html");
    let english = server.send("GET", "/tareas", &[html, ("Accept-Language", "fr, en-GB;q=0.8, es;q=0.5")], b"");
    assert!(english.text().contains("2 tasks"));
    let mut browser = Browser::default();
    assert!(browser.get(&server, "/tareas").text().contains("2 tareas"));
    assert!(browser.get(&server, "/tareas?lang=en").text().contains("2 tasks"));
    assert!(browser.get(&server, "/tareas").text().contains("2 tasks"));
    assert!(browser.get(&server, "/tareas?lang=../../x").text().contains("2 tasks"));
}

#[test]
fn files_come_by_multipart() {
    let app = with_pages();
    let server = app.serve();
    let body = "--X\r\nContent-Disposition: form-data; name=\"titulo\"\r\n\r\ncon archivo\r\n--X\r\nContent-Disposition: form-data; \
                name=\"adjunto\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\nho\x01la\r\n--X--\r\n";
    let kind = [("Content-Type", "multipart/form-data; boundary=X")];
    let created = server.send("POST", "/tareas", &kind, body.as_bytes());
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.value()["adjunto"], "aG8BbGE=");
    assert_eq!(server.send("POST", "/tareas", &kind, &body.as_bytes()[..80]).status, 400);
    assert_eq!(server.send("POST", "/tareas", &[("Content-Type", "multipart/form-data")], b"x").status, 400);
}

const PHOTOS: &str = r"
    app.post('/foto', (req, res) => {
      const { file } = req;
      const sum = file.bytes.reduce((a, b) => (a + b) % 65521, 0);
      const waits = file.path.startsWith('uploads/.waiting-');
      res.json({ path: file.save(), size: file.size, name: file.originalname, type: file.mimetype, sum, waits });
    });
    app.post('/con/:nombre', (req, res) => res.json(req.file.save(req.params.nombre)));
    app.post('/falla', (req) => { req.file.save('falla.bin'); throw new Error('after all'); });
    app.get('/foto', (req, res) => res.sendFile(req.query.p));
    app.get('/bajar', (req, res) => res.download(req.query.p, 'foto.png'));
    app.delete('/foto', (req, res) => res.json(uploads.delete(req.query.p)));";

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--X\r\nContent-Disposition: form-data; name=\"foto\"; filename=\"{name}\"\r\nContent-Type: image/png\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n--X--\r\n"].concat()
}

#[test]
fn uploaded_files_wait_on_the_disk_and_are_kept_sent_and_deleted() {
    let app = App::new(&[("app.js", PHOTOS), ("cirrus.toml", "[limits]\nbody = 400000\nupload = 3000000")]);
    let server = app.serve();
    let kind = [("Content-Type", "multipart/form-data; boundary=X")];
    let send = |target: &str, body: &[u8]| server.send("POST", target, &kind, body);
    let there = || {
        let Ok(entries) = std::fs::read_dir(super::world::data(&app).join("uploads")) else { return 0 };
        entries.count()
    };
    for size in [5, 2_000_000] {
        let content: Vec<u8> = (0..size).map(|n: u32| (n % 253) as u8).collect();
        let sum = content.iter().fold(0, |sum, byte| (sum + u32::from(*byte)) % 65521);
        let answer = send("/foto", &file("sol.PNG", &content)).value();
        let path = answer["path"].as_str().unwrap().to_owned();
        let told =
            json!({ "path": path, "size": size, "name": "sol.PNG", "type": "image/png", "sum": sum, "waits": true });
        assert_eq!(answer, told);
        assert!(path.starts_with("uploads/") && path.ends_with(".png"), "{path}");
        assert_eq!(there(), 1, "only what was kept");
        let back = server.get(&format!("/foto?p={path}"));
        assert_eq!((back.header("content-type"), back.body.as_slice()), (Some("image/png"), content.as_slice()));
        let part = server.send("GET", &format!("/bajar?p={path}"), &[("Range", "bytes=1-3")], b"");
        assert_eq!((part.status, part.body.as_slice()), (206, &content[1..4]));
        assert!(part.header("content-disposition").unwrap().contains("foto.png"));
        let delete = || server.send("DELETE", &format!("/foto?p={path}"), &[], b"").value();
        assert_eq!((delete(), delete(), there()), (json!(true), json!(false), 0));
    }
    // A name is nobody's twice; what a stranger's browser would run is not shown as a page of this application.
    assert_eq!(send("/con/a.html", &file("x", b"<script>")).value(), "uploads/a.html");
    assert_eq!(send("/con/a.html", &file("x", b"<script>")).status, 409);
    assert_eq!(server.get("/foto?p=uploads/a.html").header("content-disposition"), Some("attachment"));
    // What a handler that failed has kept goes, as its rows do.
    assert_eq!((send("/falla", &file("x", b"1")).status, there()), (500, 1));
    for outside in ["..%2Fdata.sqlite", ".oculto", "%2Fetc%2Fx", ".waiting-1", "..%2F..%2Fapp.js"] {
        assert!(send(&format!("/con/{outside}"), &file("x", b"1")).status >= 400, "{outside}");
        assert!(server.get(&format!("/foto?p=uploads/{outside}")).status >= 400, "{outside}");
        let deleted = server.send("DELETE", &format!("/foto?p=uploads/{outside}"), &[], b"");
        assert_ne!(deleted.text(), "true", "{outside}");
    }
    assert_eq!(send("/foto", &file("x", &vec![0; 3_000_000])).status, 413);
    assert_eq!(there(), 1);
}

#[test]
fn cross_origin_requests_are_allowed_by_name() {
    let app = App::tasks();
    app.write("cirrus.toml", "[cors]\norigins = ['https://app.example']\ncredentials = true");
    let server = app.serve();
    let origin = ("Origin", "https://app.example");
    let asked = [origin, ("Access-Control-Request-Method", "POST")];
    let preflight = server.send("OPTIONS", "/tareas", &asked, b"");
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some("https://app.example")));
    let headers = [origin, ("Sec-Fetch-Site", "cross-site"), ("Content-Type", "application/json")];
    let created = server.send("POST", "/tareas", &headers, json!({ "titulo": "x" }).to_string().as_bytes());
    assert_eq!(created.status, 201);
    assert_eq!(created.header("access-control-allow-credentials"), Some("true"));
    let other = server.send("GET", "/tareas", &[("Origin", "https://evil.example")], b"");
    assert_eq!(other.header("access-control-allow-origin"), None);
}

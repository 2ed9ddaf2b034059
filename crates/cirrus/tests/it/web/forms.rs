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

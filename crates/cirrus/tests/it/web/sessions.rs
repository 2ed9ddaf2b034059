//! Sessions in a sealed cookie, and people who log in.

use super::world::{App, Browser, data, run};

const COUNTER: &str =
    "app.get('/n', (req, res) => { req.session.n = (req.session.n ?? 0) + 1; res.json({ n: req.session.n }); });
    app.get('/big', (req, res) => { req.session.x = 'x'.repeat(9000); res.send('?'); });";

#[test]
fn a_session_survives_requests_restarts_and_other_instances() {
    let app = App::new(&[("app.js", COUNTER)]);
    let (one, two) = (app.serve(), app.serve());
    let mut browser = Browser::default();
    assert_eq!(browser.get(&one, "/n").value()["n"], 1);
    assert_eq!(browser.get(&two, "/n").value()["n"], 2);
    drop((one, two));
    let server = app.serve();
    let answer = browser.get(&server, "/n");
    assert_eq!(answer.value()["n"], 3);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Secure"), "{cookie}");
    let value = browser.cookies["cirrus"].clone();
    for (place, _) in value.char_indices().step_by(7) {
        let mut forged = value.clone();
        forged.replace_range(place..=place, if &value[place..=place] == "A" { "B" } else { "A" });
        browser.cookies.insert("cirrus".into(), forged);
        assert_eq!(browser.get(&server, "/n").value()["n"], 1);
    }
    assert_eq!(browser.get(&server, "/big").status, 500);
    // Another application's secret.
    browser.cookies.insert("cirrus".into(), value);
    let stranger = App::new(&[("app.js", COUNTER)]);
    assert_eq!(browser.get(&stranger.serve(), "/n").value()["n"], 1);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(data(&app).join("secret")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn behind_https_the_cookie_is_secure() {
    let app = App::new(&[("app.js", COUNTER), ("cirrus.toml", "[proxy]\ntrusted = ['127.0.0.1']")]);
    let server = app.serve();
    let answer = server.send("GET", "/n", &[("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "9.9.9.9")], b"");
    assert!(answer.header("set-cookie").unwrap().contains("; Secure"));
    assert!(answer.header("strict-transport-security").is_some());
}

const PEOPLE: &str = "app.users(); app.resource('usuarios', { only: ['list', 'get'] });
    app.get('/mine', requireLogin, (req, res) => res.json(req.user));
    app.get('/admin', requireRole('admin'), (req, res) => res.send('in'));";

fn people() -> App {
    let app = App::new(&[("app.js", PEOPLE), ("cirrus.toml", "[users]\ntable = 'usuarios'\nattempts = 3")]);
    let path = app.path().to_str().unwrap().to_owned();
    for (login, role) in [("ana", "admin"), ("luis", "user")] {
        let (done, _, problem) = run(&["user", login, &path, "--role", role, "--name", login], "contraseña segura\n");
        assert!(done, "{problem}");
    }
    let (done, ..) = run(&["user", "eva", &path], "corta\n");
    assert!(!done);
    app
}

#[test]
fn people_log_in_have_roles_and_log_out() {
    let app = people();
    let server = app.serve();
    let mut ana = Browser::default();
    let redirected = ana.get(&server, "/mine");
    assert_eq!((redirected.status, redirected.header("location")), (303, Some("/login?next=%2Fmine")));
    assert_eq!(server.get("/mine").status, 401);
    let login = |browser: &mut Browser, who: &str, password: &str| {
        let body = format!("{{\"login\":\"{who}\",\"password\":\"{password}\"}}");
        browser.send(&server, "POST", "/login", &[("Content-Type", "application/json")], body.as_bytes())
    };
    assert_eq!(login(&mut ana, "ana", "contraseña segura").status, 303);
    assert_eq!(ana.get(&server, "/mine").value()["role"], "admin");
    assert_eq!(ana.get(&server, "/me").value()["login"], "ana");
    assert_eq!(ana.get(&server, "/admin").status, 200);
    let mut luis = Browser::default();
    assert_eq!(login(&mut luis, "luis", "contraseña segura").status, 303);
    assert_eq!(luis.get(&server, "/admin").status, 403);
    let list = server.get("/usuarios").text();
    assert!(list.contains("ana") && !list.contains("argon2"), "{list}");
    assert_eq!(server.get("/usuarios_claves").status, 404);
    assert_eq!(luis.send(&server, "POST", "/logout", &[], b"").status, 303);
    assert_eq!(luis.get(&server, "/me").status, 401);
    // Who guesses must wait.
    let mut thief = Browser::default();
    for _ in 0..3 {
        assert_eq!(login(&mut thief, "luis", "adivina").status, 401);
    }
    let waiting = login(&mut thief, "luis", "contraseña segura");
    assert_eq!(waiting.status, 429);
    assert!(waiting.header("retry-after").is_some());
}

const ARRIVES: &str = "app.get('/me', (req, res) => res.json(req.session.person ?? null));
    app.get('/page', (req, res) => res.render('who'));";

#[test]
fn whom_the_portal_sends_is_in_where_there_is_a_portal() {
    let view = ("views/who.html", "<p>{{ person.name if person else 'nobody' }}</p>");
    let person = r#"{"id":"p1","name":"Luz N\u00fa\u00f1ez","role":"customer-user","support":false}"#;
    let path = "/.well-known/vclouden/open";
    let app = App::new(&[("app.js", ARRIVES), view, ("cirrus.toml", "[proxy]\nportal = true")]);
    let server = app.serve();
    let arrive = |query: &str| server.send("GET", &format!("{path}{query}"), &[("X-VClouden-Person", person)], b"");
    for (query, to) in [("", "/"), ("?to=%2Fme%3Fa%3D1", "/me?a=1"), ("?to=%2F%2Fevil.example", "/")] {
        let answer = arrive(query);
        assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{query}");
    }
    let mut browser = Browser::default();
    assert!(browser.get(&server, "/me").value().is_null());
    let cookie = arrive("").header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let (name, value) = cookie.split_once('=').unwrap();
    browser.cookies.insert(name.into(), value.into());
    assert_eq!(browser.get(&server, "/me").value()["name"], "Luz Núñez");
    assert!(browser.get(&server, "/page").text().contains("<p>Luz Núñez</p>"));
    assert_eq!(server.send("GET", path, &[("X-VClouden-Person", "{}")], b"").status, 400);
    assert_eq!(server.send("GET", path, &[], b"").header("set-cookie"), None, "nobody comes in without the header");
    assert_eq!(server.send("POST", path, &[("X-VClouden-Person", person)], b"").status, 405);

    let server = App::new(&[("app.js", ARRIVES), view]).serve();
    let refused = server.send("GET", path, &[("X-VClouden-Person", person)], b"");
    assert_eq!((refused.status, refused.header("set-cookie")), (404, None), "without a portal anybody could write it");
}

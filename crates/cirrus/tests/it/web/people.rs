//! People over the web: made with a password, and judged anew by every request of an open session.

use serde_json::json;

use super::world::{Answer, App, Browser, Server, data, run};

const APP: &str = "app.users(); app.resource('usuarios');
    app.get('/mine', requireLogin, (req, res) => res.json(req.user));
    app.get('/later', async (req, res) => { await new Promise((r) => setTimeout(r, 1)); res.json(req.user); });
    app.get('/admin', requireRole('admin'), (req, res) => res.send('in'));
    app.post('/password/:id', (req, res) => {
        users.setPassword(req.params.id, req.body.password);
        res.json({ done: true });
    });";

fn people() -> App {
    App::new(&[("app.js", APP), ("cirrus.toml", "[users]\ntable = 'usuarios'")])
}

fn make(server: &Server, login: &str, password: &str) -> Answer {
    server.json("POST", "/usuarios", &json!({ "login": login, "password": password }))
}

fn login(server: &Server, browser: &mut Browser, who: &str, password: &str) -> u16 {
    let body = json!({ "login": who, "password": password }).to_string();
    browser.send(server, "POST", "/login", &[("Content-Type", "application/json")], body.as_bytes()).status
}

#[test]
fn a_password_comes_in_and_never_goes_out() {
    let app = people();
    let server = app.serve();
    let made = make(&server, "ana", "una contraseña");
    assert_eq!(made.status, 201, "{made:?}");
    assert!(!made.text().contains("contraseña") && !made.text().contains("argon2"));
    assert!(!server.get("/usuarios").text().contains("argon2"));
    assert_eq!(login(&server, &mut Browser::default(), "ana", "una contraseña"), 303);
    // One that cannot be leaves no user behind.
    let refused = make(&server, "eva", "corta");
    assert_eq!((refused.status, &refused.value()["errors"][0]["field"]), (422, &json!("password")));
    assert_eq!(server.json("POST", "/usuarios", &json!({ "login": "eva", "password": 12345678 })).status, 422);
    assert_eq!(server.get("/usuarios?login=eva").value(), json!([]));
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(server.send("POST", "/usuarios", &form, b"login=leo&password=tambien+segura").status, 201);
    assert_eq!(login(&server, &mut Browser::default(), "leo", "tambien segura"), 303);
    // Other resources know no password.
    let document = server.get("/openapi.json").value();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["usuarios-new"]["properties"]["password"]["writeOnly"], true);
    assert_eq!(schemas["usuarios"]["properties"].get("password"), None);
    drop(server);
    let stored = std::fs::read(data(&app).join("data.sqlite")).unwrap();
    for secret in ["una contraseña", "tambien segura"] {
        assert!(!stored.windows(secret.len()).any(|part| part == secret.as_bytes()));
    }
}

#[test]
fn what_happens_to_somebody_happens_to_open_sessions() {
    let app = people();
    let server = app.serve();
    make(&server, "ana", "contraseña uno");
    let mut ana = Browser::default();
    assert_eq!(login(&server, &mut ana, "ana", "contraseña uno"), 303);
    assert_eq!(ana.get(&server, "/mine").value()["role"], "user");
    assert_eq!(ana.get(&server, "/admin").status, 403);
    let change = |what: serde_json::Value| assert_eq!(server.json("PATCH", "/usuarios/1", &what).status, 200);
    change(json!({ "role": "admin", "name": "Ana" }));
    assert_eq!(ana.get(&server, "/admin").status, 200);
    assert_eq!(ana.get(&server, "/me").value(), json!({ "id": 1, "login": "ana", "name": "Ana", "role": "admin" }));
    change(json!({ "blocked": true }));
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(ana.get(&server, "/mine").status, 303);
    assert_eq!(ana.get(&server, "/later").text(), "null");
    change(json!({ "blocked": false }));
    assert_eq!(ana.get(&server, "/later").value()["login"], "ana");
    // A new password ends what was opened with the former one, however it is set.
    assert_eq!(server.json("POST", "/password/1", &json!({ "password": "corta" })).status, 422);
    assert_eq!(ana.get(&server, "/me").status, 200);
    assert_eq!(server.json("POST", "/password/1", &json!({ "password": "contraseña dos" })).status, 200);
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(login(&server, &mut ana, "ana", "contraseña uno"), 401);
    assert_eq!(login(&server, &mut ana, "ana", "contraseña dos"), 303);
    change(json!({ "password": "contraseña tres" }));
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(login(&server, &mut ana, "ana", "contraseña tres"), 303);
    let (done, _, problem) = run(&["user", "ana", app.path().to_str().unwrap()], "contraseña cuatro\n");
    assert!(done, "{problem}");
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(login(&server, &mut ana, "ana", "contraseña cuatro"), 303);
    // Somebody new with the id of somebody deleted is somebody else.
    assert_eq!(server.send("DELETE", "/usuarios/1", &[], b"").status, 204);
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(make(&server, "luis", "contraseña uno").value()["id"], 1);
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(server.json("POST", "/password/9", &json!({ "password": "contraseña" })).status, 404);
}

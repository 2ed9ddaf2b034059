//! People over the web: changed by those who manage them, and judged anew by every request of an open session.

use serde_json::{Value, json};

use super::world::{Answer, App, Browser, Server, data, run};

const APP: &str = "app.users(); app.resource('usuarios'); app.resource('tareas');
    app.get('/mine', requireLogin, (req, res) => res.json(req.user));
    app.get('/later', async (req, res) => { await new Promise((r) => setTimeout(r, 1)); res.json(req.user); });
    app.get('/admin', requireRole('admin'), (req, res) => res.send('in'));
    app.post('/password/:id', (req, res) => {
        users.setPassword(req.params.id, req.body.password);
        res.json({ done: true });
    });";

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// With `root`, who may change people: the first one is made on the machine itself.
fn people(more: &str) -> App {
    let app = App::new(&[("app.js", APP), ("cirrus.toml", &format!("[users]\ntable = 'usuarios'\n{more}"))]);
    user(&app, &["root", "--role", "admin"], "contraseña de root");
    app
}

fn user(app: &App, who: &[&str], password: &str) {
    let mut args = vec!["user", who[0], app.path().to_str().unwrap()];
    args.extend(&who[1..]);
    let (done, _, problem) = run(&args, &format!("{password}\n"));
    assert!(done, "{problem}");
}

fn send(server: &Server, browser: &mut Browser, method: &str, target: &str, body: &Value) -> Answer {
    browser.send(server, method, target, &[JSON], body.to_string().as_bytes())
}

fn login(server: &Server, browser: &mut Browser, who: &str, password: &str) -> u16 {
    send(server, browser, "POST", "/login", &json!({ "login": who, "password": password })).status
}

fn root(server: &Server) -> Browser {
    let mut root = Browser::default();
    assert_eq!(login(server, &mut root, "root", "contraseña de root"), 303);
    root
}

#[test]
fn a_password_comes_in_and_never_goes_out() {
    let app = people("");
    let server = app.serve();
    let mut root = root(&server);
    let make = |root: &mut Browser, login: &str, password: Value| {
        send(&server, root, "POST", "/usuarios", &json!({ "login": login, "password": password }))
    };
    let made = make(&mut root, "ana", "una contraseña".into());
    assert_eq!(made.status, 201, "{made:?}");
    assert!(!made.text().contains("contraseña") && !made.text().contains("argon2"));
    assert!(!server.get("/usuarios").text().contains("argon2"));
    assert_eq!(login(&server, &mut Browser::default(), "ana", "una contraseña"), 303);
    // One that cannot be leaves no user behind.
    let refused = make(&mut root, "eva", "corta".into());
    assert_eq!((refused.status, &refused.value()["errors"][0]["field"]), (422, &json!("password")));
    assert_eq!(make(&mut root, "eva", 12345678.into()).status, 422);
    assert_eq!(server.get("/usuarios?login=eva").value(), json!([]));
    // Other resources know no password.
    let document = server.get("/openapi.json").value();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["usuarios-new"]["properties"]["password"]["writeOnly"], true);
    assert_eq!(schemas["usuarios"]["properties"].get("password"), None);
    assert_eq!(schemas["tareas-new"]["properties"].get("password"), None);
    drop(server);
    let stored = std::fs::read(data(&app).join("data.sqlite")).unwrap();
    assert!(!stored.windows(15).any(|part| part == "una contraseña".as_bytes()));
}

#[test]
fn people_are_changed_by_those_who_manage_them() {
    let app = people("managers = ['admin', 'jefe']");
    user(&app, &["luis"], "contraseña de luis");
    let server = app.serve();
    let (mut luis, mut root) = (Browser::default(), root(&server));
    assert_eq!(login(&server, &mut luis, "luis", "contraseña de luis"), 303);
    let before = server.get("/usuarios").text();
    let all = |browser: &mut Browser, status: u16| {
        let change = json!({ "login": "luisa", "role": "admin", "password": "otra contraseña" });
        for (method, target) in
            [("POST", "/usuarios"), ("PATCH", "/usuarios/2"), ("PUT", "/usuarios/2"), ("DELETE", "/usuarios/1")]
        {
            let answer = send(&server, browser, method, target, &change);
            assert_eq!(answer.status, status, "{method} {target}: {answer:?}");
        }
        // A form of the same is no way around, nor one that only says that it is.
        let form = b"role=admin&password=otra+contrasena";
        let answer = server.send("PATCH", "/usuarios/2", &[FORM], form);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(server.get("/usuarios").text(), before);
    };
    all(&mut Browser::default(), 401);
    all(&mut luis, 403);
    // Who got the role may, from that moment on.
    assert_eq!(send(&server, &mut root, "PATCH", "/usuarios/2", &json!({ "role": "jefe" })).status, 200);
    assert_eq!(send(&server, &mut luis, "PATCH", "/usuarios/2", &json!({ "name": "Luis" })).status, 200);
    assert_eq!(send(&server, &mut root, "PATCH", "/usuarios/2", &json!({ "role": "user" })).status, 200);
    assert_eq!(send(&server, &mut luis, "PATCH", "/usuarios/2", &json!({ "name": "Ana" })).status, 403);
    // Other tables are the application's own business.
    assert_eq!(server.json("POST", "/tareas", &json!({ "titulo": "x" })).status, 201);
}

#[test]
fn passwords_have_no_address() {
    let users = "[users]\ntable = 'usuarios'";
    let own = "[tables.usuarios.fields]\nlogin = { type = 'text', required = true }\npassword = { type = 'text' }";
    for (js, schema, told) in [
        ("app.resource('usuarios_claves')", "", "hashes of passwords"),
        ("app.events('/x', 'usuarios_claves')", "", "hashes of passwords"),
        ("app.collect('usuarios_claves', ['clave'])", "", "hashes of passwords"),
        ("app.resource('usuarios')", own, "field `password`, which everybody could read"),
    ] {
        let app = App::new(&[("app.js", js), ("cirrus.toml", users), ("schema.toml", schema)]);
        let (done, _, problem) = run(&["serve", app.path().to_str().unwrap(), "--listen", "127.0.0.1:0"], "");
        assert!(!done && problem.contains(told), "{js}: {problem}");
    }
}

#[test]
fn what_happens_to_somebody_happens_to_open_sessions() {
    let app = people("");
    let server = app.serve();
    let mut root = root(&server);
    let make = |root: &mut Browser, login: &str| {
        let made = send(&server, root, "POST", "/usuarios", &json!({ "login": login, "password": "contraseña uno" }));
        assert_eq!(made.status, 201);
        made.value()["id"].clone()
    };
    make(&mut root, "ana");
    let mut ana = Browser::default();
    assert_eq!(login(&server, &mut ana, "ana", "contraseña uno"), 303);
    assert_eq!(ana.get(&server, "/mine").value()["role"], "user");
    assert_eq!(ana.get(&server, "/admin").status, 403);
    let mut change = |what: Value| assert_eq!(send(&server, &mut root, "PATCH", "/usuarios/2", &what).status, 200);
    change(json!({ "role": "admin", "name": "Ana" }));
    assert_eq!(ana.get(&server, "/admin").status, 200);
    assert_eq!(ana.get(&server, "/me").value(), json!({ "id": 2, "login": "ana", "name": "Ana", "role": "admin" }));
    change(json!({ "blocked": true }));
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(ana.get(&server, "/mine").status, 303);
    assert_eq!(ana.get(&server, "/later").text(), "null");
    change(json!({ "blocked": false }));
    assert_eq!(ana.get(&server, "/later").value()["login"], "ana");
    // A new password ends what was opened with the former one, however it is set.
    assert_eq!(server.json("POST", "/password/2", &json!({ "password": "corta" })).status, 422);
    assert_eq!(ana.get(&server, "/me").status, 200);
    assert_eq!(server.json("POST", "/password/2", &json!({ "password": "contraseña dos" })).status, 200);
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(login(&server, &mut ana, "ana", "contraseña uno"), 401);
    assert_eq!(login(&server, &mut ana, "ana", "contraseña dos"), 303);
    change(json!({ "password": "contraseña tres" }));
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(login(&server, &mut ana, "ana", "contraseña tres"), 303);
    user(&app, &["ana"], "contraseña cuatro");
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(login(&server, &mut ana, "ana", "contraseña cuatro"), 303);
    // Somebody new with the id of somebody deleted is somebody else.
    assert_eq!(root.send(&server, "DELETE", "/usuarios/2", &[], b"").status, 204);
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(make(&mut root, "luis"), json!(2));
    assert_eq!(ana.get(&server, "/me").status, 401);
    assert_eq!(server.json("POST", "/password/9", &json!({ "password": "contraseña" })).status, 404);
}

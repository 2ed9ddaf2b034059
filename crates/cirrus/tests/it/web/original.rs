//! The sample application of the original, written again as its author would: controllers, `resource users`, filters,
//! layouts, a session, JSON for programs and JSONP for pages of others.

use serde_json::json;

use super::world::{Answer, App, Browser, Server};

const SCHEMA: &str = r#"
[tables.users.fields]
name = { type = "text", required = true, min = 1, max = 80 }
[tables.tareas.fields]
titulo = { type = "text", required = true }
"#;

const ROUTES: &str = "
require('./controllers/usersController');
wApp.tareasController = { index() { return db.table('tareas').limit(10); } };
wApp.sessionController = { create(params) { this.session.who = params.who; this.redirect_to('/users'); } };
routes({
  'GET /tareas': 'tareasController#index',
  'POST /login': 'sessionController#create',
  'resource users': {},
});
";

const USERS: &str = "
const users = db.table('users');
wApp.usersController = {
  before: { identify: { except: ['index', 'show'] }, find: { only: ['show', 'edit', 'update', 'delete'] } },
  identify() { if (!this.session.who) return false; },
  find(params) { this.user = users.findById(params.id); if (!this.user) this.head(404); },

  index() { return users.order('name'); },
  new() { return { user: {} }; },
  create(params) {
    const { id } = users.create({ name: params.name });
    this.flash('ok', 'made');
    this.redirect_to(`/users/${id}`);
  },
  show() { return this.format === 'html' ? { user: this.user, said: this.req.flash('ok') } : this.user; },
  edit() { return { user: this.user }; },
  update(params) { users.update(this.user.id, { name: params.name }); this.redirect_to(`/users/${this.user.id}`); },
  delete() { users.delete(this.user.id); this.redirect_to('/users'); },
};
";

const FORM: &str = "{% extends 'layout.html' %}{% block main %}<form>{{ csrf_field() }}<input name=name \
                    value='{{ user.name }}'></form>{% endblock %}";

fn sample() -> (App, Server) {
    let app = App::new(&[
        ("schema.toml", SCHEMA),
        ("app.js", ROUTES),
        ("controllers/usersController.js", USERS),
        ("views/layout.html", "<title>Users</title>{% block main %}{% endblock %}"),
        (
            "views/users/index.html",
            "{% extends 'layout.html' %}{% block main %}{{ csrf_field() }}{% for user in users %}<li>{{ user.name }}\
             {% endfor %}{% endblock %}",
        ),
        (
            "views/users/show.html",
            "{% extends 'layout.html' %}{% block main %}<h1>{{ user.name }}</h1>{{ said | join }}{% endblock %}",
        ),
        ("views/users/new.html", FORM),
        ("views/users/edit.html", FORM),
        ("cirrus.toml", "[cors]\norigins = ['https://other.example']"),
    ]);
    let server = app.serve();
    (app, server)
}

fn ask(server: &Server, target: &str, accept: &str) -> Answer {
    server.send("GET", target, &[("Accept", accept)], b"")
}

#[test]
fn the_seven_routes_behind_their_filters() {
    let (_app, server) = sample();
    let mut browser = Browser::default();
    // Nobody has said who he is: to read is all he may.
    assert_eq!(browser.get(&server, "/users").status, 200);
    for (method, target) in [("GET", "/users/new"), ("POST", "/users"), ("GET", "/users/1/edit"), ("PUT", "/users/1")] {
        let answer = server.json(method, target, &json!({ "name": "x" }));
        assert_eq!(answer.status, 403, "{method} {target}: {answer:?}");
    }
    let login = browser.post(&server, "/users", "/login", &[("who", "ana")]);
    assert_eq!((login.status, login.header("location")), (302, Some("/users")));

    let made = browser.post(&server, "/users/new", "/users", &[("name", "Eva <b>Ñ</b>")]);
    assert_eq!((made.status, made.header("location")), (302, Some("/users/1")), "{made:?}");
    let shown = browser.get(&server, "/users/1").text();
    assert!(
        shown.contains("<title>Users") && shown.contains("<h1>Eva &lt;b&gt;Ñ") && shown.contains("made"),
        "{shown}"
    );
    assert!(!browser.get(&server, "/users/1").text().contains("made"), "a flash is shown once");
    let edit = browser.get(&server, "/users/1/edit").text();
    assert!(edit.contains("value='Eva &lt;b&gt;"), "{edit}");
    for (method, name) in [("PUT", "Eva"), ("PATCH", "Eva Ruiz")] {
        let changed = browser.post(&server, "/users/1/edit", "/users/1", &[("_method", method), ("name", name)]);
        assert_eq!((changed.status, changed.header("location")), (302, Some("/users/1")), "{changed:?}");
        assert_eq!(server.get("/users/1.json").value()["name"], name);
    }
    assert!(browser.get(&server, "/users").text().contains("<li>Eva Ruiz"));
    let gone = browser.post(&server, "/users/1/edit", "/users/1", &[("_method", "DELETE")]);
    assert_eq!((gone.status, gone.header("location")), (302, Some("/users")), "{gone:?}");
    // A filter that answered is the answer.
    for target in ["/users/1", "/users/1.json", "/users/none"] {
        assert_eq!(browser.get(&server, target).status, 404, "{target}");
    }
    // `delete` is one of the actions that the filter of it is for, though the route calls it `destroy` as well.
    assert_eq!(server.json("DELETE", "/users/1", &json!({})).status, 403);
}

#[test]
fn the_extension_or_what_is_accepted_says_what_comes() {
    let (_app, server) = sample();
    let mut browser = Browser::default();
    browser.post(&server, "/users", "/login", &[("who", "ana")]);
    browser.post(&server, "/users/new", "/users", &[("name", "Eva")]);
    let rows = json!([{ "id": 1, "name": "Eva" }]);
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    for (target, accept) in [
        ("/users", "application/json"),
        ("/users.json", html),
        ("/users.json", "*/*"),
        ("/users", "application/json, text/html;q=0.5"),
    ] {
        let answer = ask(&server, target, accept);
        assert!(
            answer.header("content-type").unwrap().starts_with("application/json"),
            "{target} {accept}: {answer:?}"
        );
        assert_eq!(answer.value(), rows, "{target} {accept}");
    }
    for (target, accept) in [("/users", html), ("/users.html", "application/json"), ("/users.html", "*/*")] {
        let answer = ask(&server, target, accept);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{target} {accept}: {answer:?}");
        assert!(answer.text().contains("<li>Eva"), "{target} {accept}");
    }
    assert_eq!(ask(&server, "/users/1.json", html).value()["name"], "Eva");
    assert!(ask(&server, "/users/1.html", "application/json").text().contains("<h1>Eva"));
    let vary = ask(&server, "/users", html);
    assert!(vary.header("vary").unwrap_or("").to_lowercase().contains("accept"), "a cache must know: {vary:?}");
}

#[test]
fn pages_of_others_read_it_by_jsonp_and_by_cors() {
    let (_app, server) = sample();
    let mut browser = Browser::default();
    browser.post(&server, "/users", "/login", &[("who", "ana")]);
    browser.post(&server, "/users/new", "/users", &[("name", "</script>\u{2028}")]);
    let answer = ask(&server, "/users.json?callback=show.them", "*/*");
    assert!(answer.header("content-type").unwrap().starts_with("text/javascript"), "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let text = answer.text();
    assert!(text.starts_with("/**/ typeof show.them === 'function' && show.them([{"), "{text}");
    assert!(!text.contains('\u{2028}'), "{text}");
    let refused = ask(&server, "/users.json?callback=alert(1)", "*/*");
    assert!(refused.status == 400 || !refused.text().contains("alert(1)"), "{refused:?}");

    let from = |origin: &str| server.send("GET", "/users.json", &[("Origin", origin)], b"");
    assert_eq!(from("https://other.example").header("access-control-allow-origin"), Some("https://other.example"));
    assert_eq!(from("https://evil.example").header("access-control-allow-origin"), None);
}

#[test]
fn tareas_answers_ten_rows() {
    let (app, server) = sample();
    drop(server);
    let rows: String = (1..=15).map(|n| format!("Tarea {n}\n")).collect();
    app.write("tareas.csv", &format!("titulo\n{rows}"));
    let directory = app.path().to_str().unwrap();
    let file = app.path().join("tareas.csv");
    let (good, _, told) = super::world::run(&["import", "tareas", file.to_str().unwrap(), directory], "");
    assert!(good, "{told}");
    let server = app.serve();
    let found = server.get("/tareas").value();
    assert_eq!(found.as_array().unwrap().len(), 10);
    assert_eq!(found[9], json!({ "id": 10, "titulo": "Tarea 10" }));
}

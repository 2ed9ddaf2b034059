//! The original's conventions.

use serde_json::json;

use super::{World, app, request};

const SOURCE: &str = "
    wApp.usersController = {
        before: { authenticate: { except: ['index'] } },
        authenticate() { if (this.req.get('x-user') !== 'ana') { this.redirect_to('/login'); } },
        index() { return [{ id: 1 }]; },
        show(params) { return { id: params.id, q: params.q, action: this.action }; },
        create(params) { this.flash('notice', 'made'); this.redirect_to('/users/' + params.name); },
        destroy() {},
    };
    routes({ 'GET /people/:id': 'usersController#show', 'resource users': {}, 'GET /fn': (req, res) => res.send('fn') });
";

#[test]
fn a_routes_object_reaches_controllers() {
    let app = app(SOURCE);
    let ana = |method: &str, target: &str, accept: &str| {
        app.send(request(
            method,
            target,
            &[("x-user", "ana"), ("accept", accept), ("content-type", "application/json")],
            "{\"name\":\"eva\"}",
        ))
    };
    assert_eq!(
        ana("GET", "/people/5?q=1", "application/json").json(),
        json!({ "id": "5", "q": "1", "action": "show" })
    );
    assert_eq!(ana("GET", "/users/7.json", "text/html").json()["id"], "7");
    assert_eq!(ana("GET", "/users.json", "text/html").json(), json!([{ "id": 1 }]));
    assert_eq!(ana("GET", "/users", "text/html").body, "<users/index>{\"users\":[{\"id\":1}]}");
    assert_eq!(app.get("/users/7").header("location"), "/login");
    assert_eq!(
        app.send(request("GET", "/users?callback=f", &[("accept", "application/json")], "")).body,
        "/**/ typeof f === 'function' && f([{\"id\":1}]);"
    );
    // As the script tag of a page asks, or a program that says nothing; a person who opens it gets the page.
    let script = |accept: &[(&str, &str)]| app.send(request("GET", "/users?callback=f", accept, "")).body;
    for accept in [&[("accept", "*/*")][..], &[]] {
        assert_eq!(script(accept), "/**/ typeof f === 'function' && f([{\"id\":1}]);");
    }
    assert!(script(&[("accept", "text/html,*/*;q=0.8")]).starts_with("<users/index>"));
    let made = ana("POST", "/users", "*/*");
    assert_eq!(
        (made.status, made.header("location"), made.header("set-cookie")),
        (302, "/users/eva", "session={\"_flash\":{\"notice\":[\"made\"]}}")
    );
    assert_eq!(ana("DELETE", "/users/3", "application/json").status, 204);
    assert_eq!(ana("GET", "/users/3/edit", "application/json").status, 404);
    assert_eq!(app.get("/fn").body, "fn");
}

#[test]
fn controllers_live_in_files_of_their_own() {
    let app = World::new("require('./controllers/books'); routes('resource books');")
        .file("controllers/books.js", "wApp.booksController = { index() { return { ok: true }; } };")
        .load();
    assert_eq!(app.get("/books.json").json(), json!({ "ok": true }));
}

//! The pages over real HTTP, as somebody who has a browser without a script.

use std::collections::BTreeMap;

use plane::access::{PAGES, Site, Visitors, find_page};
use plane::wire::Invitation;
use reqwest::{Method, StatusCode};
use serde_json::json;
use sha2::Digest;

use crate::world::{World, package};

/// A browser: it keeps cookies and follows redirects.
pub struct Browser<'a> {
    world: &'a World,
    pub host: String,
    pub cookies: BTreeMap<String, String>,
    pub language: &'static str,
    /// From whom proxies say that it comes.
    pub forwarded: &'static str,
    http: reqwest::Client,
}

/// A form with files, as browsers send it.
pub struct Multi<'a> {
    pub fields: &'a [(&'a str, &'a str)],
    pub files: &'a [(&'a str, &'a [u8])],
}

impl Multi<'_> {
    fn write(&self) -> (&'static str, Vec<u8>) {
        let mut body = Vec::new();
        let mut part = |head: String, content: &[u8]| {
            let head = format!("--xxBOUNDARYxx\r\ncontent-disposition: form-data; {head}\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        };
        for (name, value) in self.fields {
            part(format!("name=\"{name}\""), value.as_bytes());
        }
        // Without a chosen file browsers send one without a name.
        let none: &[(&str, &[u8])] = &[("", b"")];
        for (name, content) in if self.files.is_empty() { none } else { self.files } {
            part(format!("name=\"files\"; filename=\"{name}\""), content);
        }
        body.extend_from_slice(b"--xxBOUNDARYxx--\r\n");
        ("multipart/form-data; boundary=xxBOUNDARYxx", body)
    }
}

/// A page that was shown.
pub struct Page {
    pub status: StatusCode,
    pub path: String,
    pub html: String,
}

impl Page {
    #[track_caller]
    pub fn has(&self, text: &str) -> &Self {
        assert!(self.html.contains(text), "{} {} does not say \"{text}\":\n{}", self.status, self.path, self.failure());
        self
    }

    pub fn lacks(&self, text: &str) -> &Self {
        assert!(!self.html.contains(text), "{} says \"{text}\"", self.path);
        self
    }

    /// What a page of an error says, without what stands around it.
    fn failure(&self) -> String {
        let from = self.html.find("<main").unwrap_or(0);
        self.html[from..].chars().take(1500).collect()
    }

    /// The value of the hidden field that keeps others from sending a form.
    pub fn csrf(&self) -> String {
        self.after("name=\"csrf\" value=\"")
    }

    /// What follows `mark` up to the next quotation mark.
    pub fn after(&self, mark: &str) -> String {
        let (_, rest) =
            self.html.split_once(mark).unwrap_or_else(|| panic!("no {mark} in {}: {}", self.path, self.failure()));
        rest.split('"').next().unwrap().to_owned()
    }
}

impl<'a> Browser<'a> {
    pub fn new(world: &'a World, host: &str) -> Self {
        let http = testkit::client().build().unwrap();
        let port = world.address.port();
        Self { world, host: format!("{host}:{port}"), cookies: BTreeMap::new(), language: "en", forwarded: "", http }
    }

    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        form: Option<&[(&str, &str)]>,
    ) -> (StatusCode, String, String) {
        let mut request = self.http.request(method, format!("http://{}{path}", self.world.address));
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request = request
            .header("host", &self.host)
            .header("cookie", cookies.join("; "))
            .header("accept-language", self.language)
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0");
        if !self.forwarded.is_empty() {
            request = request.header("x-forwarded-for", self.forwarded);
        }
        if let Some(form) = form {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let place = response.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        (response.status(), place.unwrap_or_default(), response.text().await.unwrap())
    }

    /// Sends a form with files of the page at `from`.
    pub async fn send_files(&mut self, from: &str, action: &str, form: Multi<'_>) -> Page {
        let csrf = self.open(from).await.csrf();
        let (kind, body) = form.write();
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let url = format!("http://{}{action}?csrf={csrf}", self.world.address);
        let request = self.http.post(url).header("host", &self.host).header("cookie", cookies.join("; "));
        let response = request.header("content-type", kind).body(body).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let (status, place) = (response.status(), response.headers().get("location").cloned());
        match place {
            Some(place) => self.open(place.to_str().unwrap()).await,
            None => Page { status, path: action.into(), html: response.text().await.unwrap() },
        }
    }

    /// A file that a page links to, with its headers.
    pub async fn download(&mut self, path: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.http.get(format!("http://{}{path}", self.world.address));
        let response = request.header("host", &self.host).header("cookie", cookies.join("; ")).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        (response.headers().clone(), response.bytes().await.unwrap().to_vec())
    }

    /// Opens a page, or what it leads to.
    pub async fn open(&mut self, path: &str) -> Page {
        let mut path = path.to_owned();
        for _ in 0..5 {
            let (status, place, html) = self.ask(Method::GET, &path, None).await;
            if !status.is_redirection() {
                return Page { status, path, html };
            }
            path = place;
        }
        panic!("{path} leads in circles");
    }

    /// Sends a form of whoever is not logged in.
    pub async fn send_open(&mut self, action: &str, form: &[(&str, &str)]) -> Page {
        let (status, path, html) = self.ask(Method::POST, action, Some(form)).await;
        Page { status, path, html }
    }

    /// Sends a form again and again, without looking at the page it is on or leads to.
    pub async fn submit(&mut self, action: &str, form: &[(&str, &str)]) -> Page {
        let csrf = sha2::Sha256::digest(format!("form/{}", self.cookies["session"]));
        let csrf: String = csrf.iter().map(|byte| format!("{byte:02x}")).collect();
        let all: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        let (status, path, html) = self.ask(Method::POST, action, Some(&all)).await;
        Page { status, path, html }
    }

    /// Sends a form of the page at `from`, with what keeps others from sending it.
    pub async fn send(&mut self, from: &str, action: &str, form: &[(&str, &str)]) -> Page {
        let csrf = self.open(from).await.csrf();
        let mut all = form.to_vec();
        all.push(("csrf", &csrf));
        let (status, place, html) = self.ask(Method::POST, action, Some(&all)).await;
        if status.is_redirection() { self.open(&place).await } else { Page { status, path: action.into(), html } }
    }
}

/// Invites somebody with the operator's token, and accepts.
pub async fn join(world: &World, browser: &mut Browser<'_>, body: serde_json::Value) -> Page {
    let invited: Invitation = world.post("/invitations", body).await.expect(201).json();
    let link = invited.link.unwrap();
    let path = format!("/join/{}", link.rsplit('/').next().unwrap());
    let form = [("name", "Ana Núñez"), ("password", "four words serve well")];
    let page = browser.send(&path, &path, &form).await;
    assert_eq!(page.status, 200, "{}", page.html);
    page
}

#[test]
fn every_page_is_in_the_table_and_every_row_is_a_page() {
    for (site, routes) in [(Site::Console, plane::sites::console()), (Site::Portal, plane::sites::portal())] {
        for (method, path) in routes.list() {
            assert!(find_page(site, method, path).is_some(), "{method} {path} is missing from the table of pages");
        }
        for row in PAGES.iter().filter(|row| row.site == site || row.site == Site::Both) {
            let known = routes.list().iter().any(|(method, path)| *method == row.method && *path == row.path);
            assert!(known, "{} {} is in the table of pages but is none", row.method, row.path);
        }
    }
}

/// A picture of one point.
pub const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

/// A publisher with everything, an owner who is logged in, and a customer's administrator in the portal.
pub async fn scene(world: &World) -> (Browser<'_>, Browser<'_>) {
    world.post("/publishers", json!({"slug": "acme", "name": "Acme Software"})).await.expect(201);
    world.publish_bytes("acme:hola", "?create=true&notes=first", package("hola", 1)).await.expect(201);
    world.post("/customers", json!({"publisher": "acme", "slug": "sol", "name": "Panadería El Sol"})).await.expect(201);
    let body = json!({"app": "acme:hola", "customer": "sol"});
    let accepted: plane::wire::Accepted = world.post("/installations", body).await.expect(202).json();
    world.ended(accepted.operation).await;
    world.publish_bytes("acme:hola", "?notes=second", package("hola", 2)).await.expect(201);
    world.deploy_all("acme:hola").await;
    let body =
        json!({"customer": "acme:sol", "subject": "The till", "text": "Is it **well**?", "installation": "hola-sol"});
    world.post("/tickets", body).await.expect(201);
    let body = json!({"publisher": "acme", "title": "Greeting", "text": "Dear {person}, it is {me}."});
    world.post("/answers", body).await.expect(201);
    let text = "# First\n\nSee [more](more).\n\n![Start](images/start.png)\n\n|a|b|\n|-|-|\n|1|2|\n\n- [x] done\n\n```\ncode\n```";
    let page = json!({"slug": "start", "title": "First steps", "text": text, "publish": true});
    world.post("/apps/acme:hola/documents", page).await.expect(201);
    let page = json!({"slug": "more", "title": "More", "text": "Contraseña nueva", "parent": "start", "publish": true});
    world.post("/apps/acme:hola/documents", page).await.expect(201);
    let image = world.request(Method::POST, "/apps/acme:hola/images?name=start.png");
    world.send(image.body(PIXEL.to_vec())).await.expect(201);
    // An address that is never reached.
    let body = json!({"publisher": "acme", "url": "https://10.0.0.1/hook", "events": ["installation.crashed"]});
    let made: plane::wire::NewWebhook = world.post("/webhooks", body).await.expect(201).json();
    world.post(&format!("/webhooks/{}/test", made.webhook.id), json!({})).await.expect(202);
    let mut owner = Browser::new(world, "localhost");
    let body = json!({"mail": "ana@acme.example", "role": "owner", "publisher": "acme"});
    join(world, &mut owner, body).await.has("Acme Software");
    let mut admin = Browser::new(world, "acme.localhost");
    let body = json!({"mail": "luz@sol.example", "role": "customer-admin", "publisher": "acme", "customer": "sol"});
    join(world, &mut admin, body).await.has("Panadería El Sol");
    (owner, admin)
}

#[tokio::test]
async fn every_page_is_shown_in_both_languages() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let deployment = owner.open("/p/acme/deployments").await.after("href=\"/p/acme/deployments/");
    for language in ["en", "es"] {
        (owner.language, admin.language) = (language, language);
        for browser in [&mut owner, &mut admin] {
            browser.cookies.insert("language".into(), language.into());
        }
        for path in [
            "",
            "/apps",
            "/apps/hola",
            "/apps/hola/versions/1",
            "/apps/hola/deploy",
            "/apps/hola/docs",
            "/apps/hola/docs?q=contrasena",
            "/apps/hola/docs/start",
            "/apps/hola/docs/start/edit",
            "/apps/hola/write",
            "/deployments",
            "/installations",
            "/installations/hola-sol",
            "/installations/hola-sol/logs",
            "/installations/hola-sol/environment",
            "/apps/hola/environment",
            "/installations/hola-sol/terminal",
            "/customers",
            "/customers/sol",
            "/tickets",
            "/tickets/1",
            "/tickets/new",
            "/answers",
            "/usage",
            "/team",
            "/sign-in",
            "/tokens",
            "/events",
        ] {
            let page = owner.open(&format!("/p/acme{path}")).await;
            assert_eq!(page.status, 200, "{path}: {}", page.failure());
            page.has(&format!("<html lang=\"{language}\""));
        }
        owner.open(&format!("/p/acme/deployments/{deployment}")).await.has("hola-sol");
        for path in ["", "/shell", "/portal", "/login"] {
            assert_eq!(owner.open(&format!("/styleguide{path}")).await.status, 200, "{path}");
        }
        for path in
            ["/account", "/account/security", "/account/security/app", "/device", "/login", "/signup", "/password"]
        {
            assert_eq!(owner.open(path).await.status, 200, "{path}");
            assert_eq!(Browser::new(&world, "acme.localhost").open(path).await.status, 200, "{path}");
        }
        let paths = [
            "",
            "/catalogue",
            "/docs",
            "/docs/hola",
            "/docs/hola/more",
            "/installations/hola-sol",
            "/installations/hola-sol/logs",
            "/usage",
            "/tickets",
            "/tickets/new",
        ];
        for path in paths.into_iter().chain(["/tickets/1", "/people", "/events"]) {
            let page = admin.open(&format!("/c/sol{path}")).await;
            assert_eq!(page.status, 200, "{path}: {}", page.failure());
        }
    }
    let mut operator = Browser::new(&world, "localhost");
    join(&world, &mut operator, json!({"mail": "root@localhost", "role": "operator"})).await.has("Platform");
    operator.open("/p/acme/apps").await.has("hola");
}

#[tokio::test]
async fn nobody_comes_in_without_an_account_or_where_they_are_nothing() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    for row in PAGES.iter().filter(|row| matches!(row.who, Visitors::Roles(_))) {
        let fill = |publisher: &str, customer: &str| {
            let path = row.path.replace("{publisher}", publisher).replace("{customer}", customer);
            path.replace(['{', '}'], "")
        };
        let host = if row.site == Site::Portal { "acme.localhost" } else { "localhost" };
        let mut nobody = Browser::new(&world, host);
        let (status, place, _) =
            nobody.ask(row.method.as_str().parse().unwrap(), &fill("acme", "sol"), Some(&[])).await;
        assert!(status == 303 && place.starts_with("/login"), "{} {}: {status} {place}", row.method, row.path);
        let stranger = if row.site == Site::Portal { &mut admin } else { &mut owner };
        let foreign = fill("zulu", "other");
        let (status, ..) = stranger.ask(row.method.as_str().parse().unwrap(), &foreign, Some(&[])).await;
        assert_eq!(status, 404, "{} {foreign}", row.method);
    }
    // A session of the portal is none of the console.
    admin.host = owner.host.clone();
    assert_eq!(admin.open("/account").await.path, "/login?to=%2Faccount");
}

#[tokio::test]
async fn who_was_something_at_a_place_is_nothing_at_a_later_one_of_that_name() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let accepted: plane::wire::Accepted = world.delete("/installations/hola-sol").await.expect(202).json();
    world.ended(accepted.operation).await;
    world.delete("/customers/acme:sol").await.expect(204);
    world.post("/customers", json!({"publisher": "acme", "slug": "sol"})).await.expect(201);
    assert_eq!(admin.open("/c/sol").await.status, 404);
    world.delete("/customers/acme:sol").await.expect(204);
    world.delete("/apps/acme:hola").await.expect(204);
    world.delete("/publishers/acme").await.expect(204);
    world.post("/publishers", json!({"slug": "acme"})).await.expect(201);
    assert_eq!(owner.open("/p/acme").await.status, 404);
    assert!(admin.open("/account").await.path.starts_with("/login"), "the portal's accounts are gone");
}

#[tokio::test]
async fn a_form_that_was_held_back_does_not_bring_an_old_password_back() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let csrf = owner.open("/account").await.csrf();
    let body = format!("csrf={csrf}&name=Thief&language=en&time_zone=UTC");
    let mut held = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST /account HTTP/1.1\r\nhost: {}\r\ncookie: session={}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        owner.host,
        owner.cookies["session"],
        body.len()
    );
    held.write_all(head.as_bytes()).await.unwrap();
    held.write_all(&body.as_bytes()[..body.len() - 1]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let passwords = [("old", "four words serve well"), ("new", "another four words")];
    owner.send("/account", "/account/password", &passwords).await.has("Your password was changed");
    held.write_all(&body.as_bytes()[body.len() - 1..]).await.unwrap();
    let mut answer = String::new();
    held.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("location: /login"), "{answer}");
    owner.open("/account").await.has("Ana Núñez");
}

#[tokio::test]
async fn lists_are_filtered_by_forms_as_browsers_send_them() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    for (query, found) in
        [("q=HOLA&app=&state=", true), ("q=&app=hola&state=running", true), ("q=100%25&app=&state=", false)]
    {
        let page = owner.open(&format!("/p/acme/installations?{query}")).await;
        assert_eq!(page.status, 200, "{query}: {}", page.failure());
        assert_eq!(page.html.contains("href=\"/p/acme/installations/hola-sol\""), found, "{query}");
    }
}

#[tokio::test]
async fn a_form_of_another_page_or_session_is_refused() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let form = [("name", "X"), ("slug", "x"), ("csrf", "0")];
    let (status, _, html) = owner.ask(Method::POST, "/p/acme/apps", Some(&form)).await;
    assert_eq!(status, 403, "{html}");
    let csrf = owner.open("/p/acme/apps").await.csrf();
    let request = owner.http.post(format!("http://{}/p/acme/apps", world.address)).header("host", &owner.host);
    let session = format!("session={}", owner.cookies["session"]);
    let request = request.header("cookie", session).header("origin", "http://evil.example");
    let body = format!("name=X&slug=x&csrf={csrf}");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
    assert_eq!(request.send().await.unwrap().status(), 403);
    owner.send("/p/acme/apps", "/p/acme/apps", &[("name", "X"), ("slug", "x")]).await.has("The application is there");
}

#[tokio::test]
async fn a_password_is_guessed_ten_times_and_sessions_can_be_ended() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let mut other = Browser::new(&world, "localhost");
    let right = [("mail", "ANA@acme.example"), ("password", "four words serve well"), ("to", "/account")];
    other.send("/login", "/login", &right).await.has("ana@acme.example");
    owner.open("/account").await.has("Firefox, Linux");
    owner.send("/account", "/account/sessions/end", &[]).await.has("All other sessions have ended");
    assert!(other.open("/account").await.path.starts_with("/login"));
    for _ in 0..10 {
        let wrong = [("mail", "ana@acme.example"), ("password", "wrong"), ("to", "/")];
        let page = other.send("/login", "/login", &wrong).await;
        assert_eq!(page.status, 422);
        page.has("not right");
    }
    assert_eq!(other.send("/login", "/login", &right).await.status, 429, "also with the right one");
    world.clock.forward(1);
    other.send("/login", "/login", &right).await.has("ana@acme.example");
    let (mut changed, passwords) = (other, [("old", "four words serve well"), ("new", "another four words")]);
    changed.send("/account", "/account/password", &passwords).await.has("Your password was changed");
    assert!(owner.open("/account").await.path.starts_with("/login"), "every other session has ended");
}

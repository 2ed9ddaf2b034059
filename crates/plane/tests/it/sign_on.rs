//! Members come in by a real provider of OpenID Connect (npm's `oidc-provider`, which `scripts/need test` brings).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use plane::access::Role;
use plane::wire::{Member, Page as Listed, SignIn};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::pages::{Browser, Page, scene};
use crate::world::World;

/// A provider that ends with the value.
struct Provider {
    program: Child,
    issuer: String,
}

impl Provider {
    fn new(world: &World) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let modules = root.join("../../target/oidc/node_modules");
        assert!(modules.is_dir(), "{} is missing: scripts/need test fetches it with npm", modules.display());
        let back = format!("http://localhost:{}/login/sso/callback", world.address.port());
        let mut command = Command::new("node");
        command.arg(root.join("tests/it/oidc/provider.mjs")).arg(modules.canonicalize().unwrap()).arg(back);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = command.spawn().expect("node is there: Debian's npm brings it, scripts/need test");
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let port = lines.next().expect("it says its port").unwrap();
        Self { program, issuer: format!("http://127.0.0.1:{port}") }
    }

    /// Does at the provider what a person does there; the address that it sends them back to.
    async fn log_in(&self, address: &str, mail: &str) -> String {
        let http = testkit::client().build().unwrap();
        let (mut address, mut cookies) = (address.to_owned(), BTreeMap::new());
        let mut form: Option<Vec<(&str, &str)>> = None;
        for _ in 0..20 {
            if !address.starts_with(&self.issuer) {
                return address;
            }
            let method = if form.is_some() { Method::POST } else { Method::GET };
            let cookie: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let mut request = http.request(method, &address).header("cookie", cookie.join("; "));
            if let Some(form) = form.take() {
                let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
                request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
            }
            let response = request.send().await.unwrap();
            for cookie in response.headers().get_all("set-cookie") {
                let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
                cookies.insert(name.to_owned(), value.to_owned());
            }
            if let Some(place) = response.headers().get("location") {
                let place = place.to_str().unwrap();
                address = if place.starts_with('/') { format!("{}{place}", self.issuer) } else { place.to_owned() };
                continue;
            }
            let html = response.text().await.unwrap();
            let prompt = html.split("name=\"prompt\" value=\"").nth(1).unwrap_or_else(|| panic!("{html}"));
            form = Some(match prompt.split('"').next().unwrap() {
                "login" => vec![("prompt", "login"), ("login", mail), ("password", "x")],
                other => vec![("prompt", other)].into_iter().map(|_| ("prompt", "consent")).collect(),
            });
        }
        panic!("the provider leads in circles: {address}");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn settings(provider: &Provider, domains: &[&str], role: Option<&str>) -> serde_json::Value {
    json!({ "single_sign_on": { "issuer": provider.issuer, "client": "vclouden", "secret": "s3creto",
        "domains": domains, "role": role } })
}

/// Goes to the provider and back as somebody; the address that they come back to.
async fn away(browser: &mut Browser<'_>, provider: &Provider, publisher: &str, mail: &str) -> String {
    let (status, address, _) = browser.ask(Method::GET, &format!("/login/sso/{publisher}?to=/account"), None).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(address.starts_with(&provider.issuer) && address.contains("code_challenge_method=S256"), "{address}");
    let back = provider.log_in(&address, mail).await;
    let (_, path) = back.split_once("/login/").unwrap();
    format!("/login/{path}")
}

async fn come(world: &World, provider: &Provider, mail: &str) -> (StatusCode, Page) {
    let mut browser = Browser::new(world, "localhost");
    let back = away(&mut browser, provider, "acme", mail).await;
    let page = browser.open(&back).await;
    (page.status, page)
}

#[tokio::test]
async fn members_come_in_by_their_own_provider_and_reach_that_publisher_only() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let provider = Provider::new(&world);
    let path = "/publishers/acme/sign-in";
    world.post(path, settings(&provider, &["acme.example"], None)).await.refused(422, "sso-silent");
    world.post("/settings", json!({ "webhook_networks": ["127.0.0.0/8"] })).await.expect(200);
    world.post(path, settings(&provider, &["acme.example"], Some("owner"))).await.refused(422, "bad-sign-on");
    world.post(path, settings(&provider, &[], None)).await.refused(422, "bad-sign-on");
    let set: SignIn = world.post(path, settings(&provider, &["Acme.example"], None)).await.expect(200).json();
    assert_eq!(set.single_sign_on.unwrap().domains, ["acme.example"]);
    owner.open("/p/acme/sign-in").await.has(&provider.issuer).has("/login/sso/callback");

    let mut browser = Browser::new(&world, "localhost");
    let found = browser.send_open("/login/sso", &[("mail", "Bo@acme.example"), ("to", "/account")]).await;
    found.has("/login/sso/acme?to=%2Faccount");
    assert_eq!(browser.send_open("/login/sso", &[("mail", "bo@zulu.example"), ("to", "/")]).await.status, 422);

    // Who has an account and a place comes in as who they are; the account is theirs alone.
    let back = away(&mut browser, &provider, "acme", "ana@acme.example").await;
    browser.open(&back).await.has("ana@acme.example");
    assert_eq!(browser.open("/p/acme/apps").await.status, 200);
    for (from, action, form) in [
        ("/account", "/account", vec![("name", "Thief"), ("language", "en"), ("time_zone", "UTC")]),
        ("/account", "/account/sessions/end", vec![]),
        ("/account/security/app", "/account/security/app", vec![("sealed", "x"), ("code", "1")]),
    ] {
        assert_eq!(browser.send(from, action, &form).await.status, 403, "{action}");
    }
    assert_eq!(browser.open(&back).await.status, 409, "what came back once serves no second time");

    // Who is not invited does not come in; who is, as what they were invited to be.
    let (status, page) = come(&world, &provider, "bo@acme.example").await;
    assert_eq!(status, 422);
    page.has("not invited");
    let body = json!({"mail": "bo@acme.example", "role": "support", "publisher": "acme"});
    world.post("/invitations", body).await.expect(201);
    let (status, page) = come(&world, &provider, "bo@acme.example").await;
    assert_eq!(status, 200, "{}", page.html);
    world.post(path, settings(&provider, &["acme.example"], Some("developer"))).await.expect(200);
    let (status, _) = come(&world, &provider, "cy@acme.example").await;
    assert_eq!(status, 200);
    let members: Listed<Member> = world.get("/members?publisher=acme").await.json();
    let role = |mail: &str| members.items.iter().find(|member| member.mail == mail).map(|member| member.role);
    assert_eq!(role("bo@acme.example"), Some(Role::Support));
    assert_eq!(role("cy@acme.example"), Some(Role::Developer));

    // What it was set up for ends with it.
    world.post(path, json!({ "single_sign_on": { "issuer": "" } })).await.expect(200);
    assert!(browser.open("/account").await.path.starts_with("/login"));
    assert_eq!(browser.open("/login/sso/acme").await.status, 404);
}

#[tokio::test]
async fn what_a_provider_may_not_say_lets_nobody_in() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    world.post("/settings", json!({ "webhook_networks": ["127.0.0.0/8"] })).await.expect(200);
    let provider = Provider::new(&world);
    let all = settings(&provider, &["acme.example"], Some("developer"));
    world.post("/publishers/acme/sign-in", all).await.expect(200);
    // The address is not verified, or of a domain that this provider is not for.
    let (status, page) = come(&world, &provider, "?ana@acme.example").await;
    assert_eq!(status, 422);
    page.has("verified");
    let (status, page) = come(&world, &provider, "root@zulu.example").await;
    assert_eq!(status, 422);
    page.has("do not come in by this provider");
    // What came back to another browser, or to a login that was begun anew.
    let mut browser = Browser::new(&world, "localhost");
    let back = away(&mut browser, &provider, "acme", "ana@acme.example").await;
    let mut thief = Browser::new(&world, "localhost");
    assert_eq!(thief.open(&back).await.status, 409);
    away(&mut thief, &provider, "acme", "eve@acme.example").await;
    assert_eq!(thief.open(&back).await.status, 409, "the state is of another login");
    let forged = back.replace("code=", "code=x");
    assert_eq!(browser.open(&forged).await.status, 422, "a code that the provider does not know");
    // Another publisher's provider says that somebody is Ana of acme: they reach only what is that publisher's.
    let all = settings(&provider, &["acme.example"], Some("developer"));
    world.post("/publishers/zulu/sign-in", all).await.expect(200);
    let mut stranger = Browser::new(&world, "localhost");
    let back = away(&mut stranger, &provider, "zulu", "ana@acme.example").await;
    stranger.open(&back).await.has("ana@acme.example");
    assert_eq!(stranger.open("/p/zulu/apps").await.status, 200);
    assert_eq!(stranger.open("/p/acme/apps").await.status, 404);
    owner.open("/p/acme/apps").await.has("hola");
    let told = world.get("/events?verb=session.create&outcome=refused").await.text();
    assert!(told.contains("sso-domain") && told.contains("sso-refused"), "{told}");
    assert!(!world.get("/publishers/acme/sign-in").await.text().contains("s3creto"));
}

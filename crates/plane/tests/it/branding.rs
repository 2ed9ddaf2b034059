//! How portals look: whose they are, what is refused, and that everything can be read.

use plane::wire::{Branding, ImageKind};
use reqwest::Method;
use serde_json::json;

use crate::pages::{Browser, scene};
use crate::world::{EDGE_SECRET, Got, World};

const SVG: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 60 20'><script>alert(1)</script>\
    <rect width='60' height='20' fill='#0a7'/></svg>";

async fn send_image(world: &World, path: &str, content: &[u8]) -> Got {
    world.send(world.request(Method::POST, path).body(content.to_vec())).await
}

#[tokio::test]
async fn a_portal_looks_as_its_publisher_says() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let page = admin.open("/c/sol").await;
    assert!(!page.html.contains("/brand/"), "nothing is branded yet");
    let form = [
        ("name", "Acme Nube"),
        ("colour", "#FC0"),
        ("dark_colour", ""),
        ("login_title", "Bienvenida a casa"),
        ("login_text", "Llámenos: <b>555</b>"),
        ("mail_name", "Acme"),
        ("reply_to", "Ayuda@acme.example"),
        ("host", ""),
    ];
    let page = owner.send("/p/acme/branding", "/p/acme/branding", &form).await;
    page.has("The portal looks as you wish").has("cannot be read well").has("#ffcc00").has("ayuda@acme.example");
    send_image(&world, "/publishers/acme/branding/images/logo", SVG.as_bytes()).await.expect(200);
    let mut visitor = Browser::new(&world, "acme.localhost");
    let page = visitor.open("/login").await;
    page.has("Acme Nube").has("Bienvenida a casa").has("Llámenos: &lt;b&gt;555").has("/brand/2/brand.css");
    let css = visitor.open("/brand/2/brand.css").await;
    assert!(css.html.starts_with(":root {\n  --primary: light-dark(#ffcc00, #ffcc00);"), "{}", css.html);
    let request = world.http.get(format!("http://{}/brand/2/logo", world.address)).header("host", &visitor.host);
    let logo = request.send().await.unwrap();
    assert_eq!(logo.headers()["content-type"], "image/svg+xml");
    let policy = logo.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    assert!(logo.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(visitor.open("/brand/2/picture").await.status, 404);
    admin.open("/c/sol").await.has("src=\"/brand/2/logo\"");
    assert_eq!(Browser::new(&world, "localhost").open("/brand/2/logo").await.status, 404, "the console has no brand");
}

#[tokio::test]
async fn the_preview_shows_what_is_not_saved() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let page =
        owner.open("/p/acme/branding/preview?name=Nuevo&colour=%23800000&dark_colour=%23ffb3b3&login_title=Hola").await;
    assert_eq!(page.status, 200);
    page.has("Not saved yet")
        .has("Nuevo")
        .has("Hola")
        .has("Everything can be read")
        .has("preview.css?colour=%23800000");
    let css = owner.open("/p/acme/branding/preview.css?colour=%23800000").await;
    assert!(css.html.starts_with(".brand-preview {"), "{}", css.html);
    let nothing = owner.open("/p/acme/branding/preview.css?colour=%7D*%7Bdisplay:none").await;
    assert!(nothing.status == 200 && nothing.html.is_empty(), "only colours become styles: {}", nothing.html);
    let saved: Branding = world.get("/publishers/acme/branding").await.expect(200).json();
    assert_eq!((saved.version, saved.look.name), (0, None));
    assert_eq!(owner.open("/p/acme/branding/preview?colour=red").await.status, 422);
}

#[tokio::test]
async fn what_no_portal_can_have_is_refused() {
    let world = World::new().await;
    world.post("/publishers", json!({"slug": "acme"})).await.expect(201);
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    let at = "/publishers/acme/branding";
    world.post(at, json!({"colour": "red"})).await.refused(422, "bad-colour");
    world.post(at, json!({"login_text": "x".repeat(501)})).await.refused(422, "bad-login-text");
    for bad in ["https://x.example", "x.example:80", "example", "-x.example", "10.0.0.1", "x..example", "ñ.example"] {
        world.post(at, json!({"host": bad})).await.refused(422, "bad-host");
    }
    for ours in ["zulu.localhost", "a.b.localhost"] {
        world.post(at, json!({"host": ours})).await.refused(409, "host-taken");
    }
    world.post(at, json!({"host": "Portal.Acme.example."})).await.expect(200);
    world.post("/publishers/zulu/branding", json!({"host": "portal.acme.example"})).await.refused(409, "host-taken");
    for (path, content, status, code) in [
        ("logo", &b"<html></html>"[..], 422, "bad-picture"),
        ("flag", SVG.as_bytes(), 404, "unknown-picture"),
        ("icon", &[b'x'; (64 << 10) + 1][..], 413, "too-large"),
    ] {
        let got = send_image(&world, &format!("{at}/images/{path}"), content).await;
        got.refused(status, code);
    }
    world.delete(&format!("{at}/images/logo")).await.refused(404, "unknown-picture");
}

#[tokio::test]
async fn a_portal_answers_at_its_own_host_name() {
    let world = World::new().await;
    scene(&world).await;
    let at = "/publishers/acme/branding";
    let branding: Branding =
        world.post(at, json!({"host": "portal.acme.example", "name": "Acme"})).await.expect(200).json();
    let port = world.address.port();
    assert_eq!(branding.portal_url, format!("http://portal.acme.example:{port}"));
    let ask = async |host: &str, secret: &str| {
        let request = world.http.get(format!("http://{}/login", world.address)).header("host", host);
        request.header("x-vclouden-edge", secret).send().await.unwrap().text().await.unwrap()
    };
    for secret in ["", EDGE_SECRET] {
        assert!(ask("portal.acme.example", secret).await.contains(" · Acme</title>"), "{secret}");
        assert!(ask("acme.localhost", secret).await.contains(" · Acme</title>"), "the first name stays");
    }
    let body = json!({"mail": "eva@sol.example", "role": "customer-user", "publisher": "acme", "customer": "sol"});
    let invited: plane::wire::Invitation = world.post("/invitations", body).await.expect(201).json();
    assert!(invited.link.unwrap().starts_with(&format!("http://portal.acme.example:{port}/join/")));
    world.post(at, json!({"host": ""})).await.expect(200);
    assert!(ask("portal.acme.example", EDGE_SECRET).await.contains("nothing at this address"));
}

#[tokio::test]
async fn pictures_are_sent_and_taken_away_by_forms() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let csrf = owner.open("/p/acme/branding").await.after("name=\"csrf\" value=\"");
    let body =
        format!("--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x.svg\"\r\n\r\n{SVG}\r\n--b--\r\n");
    let send = |csrf: &str, session: &str| {
        let path = format!("http://{}/p/acme/branding/images/icon?csrf={csrf}", world.address);
        let request = world.http.post(path).header("host", &owner.host).header("cookie", format!("session={session}"));
        request.header("content-type", "multipart/form-data; boundary=b").body(body.clone())
    };
    let session = owner.cookies["session"].clone();
    assert_eq!(send("0", &session).send().await.unwrap().status(), 403);
    send(&csrf, &session).send().await.unwrap();
    let branding: Branding = world.get("/publishers/acme/branding").await.expect(200).json();
    assert_eq!((branding.version, branding.images), (1, vec![ImageKind::Icon]));
    Browser::new(&world, "acme.localhost").open("/login").await.has("<link rel=\"icon\" href=\"/brand/1/icon\">");
    owner.send("/p/acme/branding", "/p/acme/branding/images/icon/delete", &[]).await.has("as you wish");
    let branding: Branding = world.get("/publishers/acme/branding").await.expect(200).json();
    assert_eq!((branding.version, branding.images.len()), (2, 0));
}

//! The picture that a manifest names: taken out of the package, shown to the publisher and its customers, and harmless.

use plane::access::Role;
use plane::wire::{App, NewToken, Version};
use reqwest::Method;
use serde_json::json;

use crate::pages::{PIXEL, scene};
use crate::roles::ask;
use crate::world::{World, manifest};

pub const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><rect width='9' height='9' rx='2' fill='teal'/><script>alert(1)</script></svg>";

/// A package with that file, and a manifest that names `named` as its logo.
pub fn package(named: &str, file: &str, content: &[u8]) -> Vec<u8> {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let text = manifest("hola").replace("command =", &format!("logo = \"{named}\"\ncommand ="));
    std::fs::write(at.join("vclouden.toml"), text).unwrap();
    std::fs::write(at.join("run"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(at.join("run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(at.join("art")).unwrap();
    std::fs::write(at.join(file), content).unwrap();
    std::os::unix::fs::symlink(file.trim_start_matches("art/"), at.join("art/link.svg")).unwrap();
    let mut packed = Vec::new();
    archive::pack(at, &mut packed).unwrap();
    packed
}

#[tokio::test]
async fn a_logo_is_the_one_of_its_version() {
    let world = World::with_app().await;
    world.get("/apps/hola/versions/1/logo").await.refused(404, "no-logo");
    assert_eq!(world.get("/apps/hola").await.json::<App>().logo, None);
    let two: Version = world.publish_bytes("hola", "", package("art/a.svg", "art/a.svg", SVG)).await.expect(201).json();
    assert!(two.logo);
    let got = world.get("/apps/hola/versions/2/logo").await.expect(200);
    assert_eq!((got.body.as_slice(), &got.headers["content-type"]), (SVG, &"image/svg+xml".parse().unwrap()));
    let policy = got.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"), "no script of it runs: {policy}");
    assert_eq!(got.headers["x-content-type-options"], "nosniff");
    assert_eq!(world.get("/apps/hola").await.json::<App>().logo, Some(2));
    // What it is told by what it begins with, and links are followed within the package.
    let link = package("art/link.svg", "art/b.png", PIXEL);
    world.publish_bytes("hola", "", link).await.expect(201);
    let got = world.get("/apps/hola/versions/3/logo").await.expect(200);
    assert_eq!((got.body.as_slice(), &got.headers["content-type"]), (PIXEL, &"image/png".parse().unwrap()));
    // A newer version without one has none, and the older ones keep theirs.
    world.publish("hola", 9).await;
    assert_eq!(world.get("/apps/hola").await.json::<App>().logo, None);
    world.get("/apps/hola/versions/2/logo").await.expect(200);
    world.delete("/apps/hola/versions/2").await.expect(204);
    world.get("/apps/hola/versions/2/logo").await.refused(404, "no-logo");
    // The same number of a later application of the same name is another picture.
    let asked = async |tag: &str| {
        let request = world.request(Method::GET, "/apps/hola/versions/3/logo").header("if-none-match", tag);
        request.send().await.unwrap()
    };
    let tag = got.headers["etag"].to_str().unwrap();
    assert_eq!(asked(tag).await.status(), 304);
    world.delete("/apps/hola").await.expect(204);
    world.publish("hola", 1).await;
    world.publish("hola", 2).await;
    world.publish_bytes("hola", "", package("a.svg", "a.svg", SVG)).await.expect(201);
    assert_eq!(asked(tag).await.error_for_status().unwrap().bytes().await.unwrap(), SVG);
}

#[tokio::test]
async fn what_is_no_picture_is_refused_with_the_package() {
    let world = World::with_app().await;
    let html = package("a.svg", "a.svg", b"<html><script>alert(1)</script></html>");
    let problem = world.publish_bytes("hola", "", html).await.refused(422, "bad-manifest");
    assert!(problem.errors[0].contains("logo") && problem.errors[0].contains("no picture"), "{problem:?}");
    let large = [SVG, &vec![b' '; 256 << 10]].concat();
    let problem = world.publish_bytes("hola", "", package("a.svg", "a.svg", &large)).await.refused(422, "bad-manifest");
    assert!(problem.detail.contains("has 262"), "{problem:?}");
    let empty = package("a.svg", "a.svg", b"");
    world.publish_bytes("hola", "", empty).await.refused(422, "bad-manifest");
    assert_eq!(world.get("/apps/hola").await.json::<App>().newest_version, Some(1));
}

#[tokio::test]
async fn pages_show_it_to_those_who_may_see_it() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    // Without one there are coloured initials.
    admin.open("/c/sol/catalogue").await.has("class=\"avatar hue-");
    world.publish_bytes("acme:hola", "", package("a.svg", "a.svg", SVG)).await.expect(201);
    world.deploy_all("acme:hola").await;
    let page = owner.open("/p/acme/apps/hola").await;
    page.has("src=\"/p/acme/apps/hola/versions/3/logo\"").has("command");
    owner.open("/p/acme/apps").await.has("src=\"/p/acme/apps/hola/versions/3/logo\"");
    assert_eq!(owner.download("/p/acme/apps/hola/versions/3/logo").await.1, SVG);
    for path in ["/c/sol", "/c/sol/catalogue", "/c/sol/installations/hola-sol"] {
        admin.open(path).await.has("src=\"/c/sol/apps/hola/3/logo\"");
    }
    let (headers, content) = admin.download("/c/sol/apps/hola/3/logo").await;
    assert_eq!(content, SVG);
    assert_eq!(headers["cache-control"], "private, no-cache");
    assert!(headers.contains_key("etag"));
    assert_eq!(admin.open("/c/sol/apps/hola/2/logo").await.status, 404);

    // Another publisher's does not exist.
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    let body = json!({"name": "t", "role": Role::Owner, "publisher": "zulu"});
    let token: NewToken = world.post("/tokens", body).await.expect(201).json();
    let got = ask(&world, Some(&token.secret), Method::GET, "/apps/acme:hola/versions/3/logo", None).await;
    assert_eq!(got.status, 404);
}

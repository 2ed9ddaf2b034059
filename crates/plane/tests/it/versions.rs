//! Publishing, downloading and deleting versions.

use std::collections::BTreeSet;
use std::sync::Arc;

use plane::wire::{App, Page, Version};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, manifest, package, package_of};

#[tokio::test]
async fn versions_get_consecutive_numbers_and_come_back_byte_by_byte() {
    let world = World::new().await;
    let first = package("hola", 1);
    world.publish_bytes("hola", "", first.clone()).await.refused(404, "unknown-app");
    let version: Version =
        world.publish_bytes("hola", "?create=true&notes=the%20first", first.clone()).await.expect(201).json();
    assert_eq!((version.number, version.notes.as_deref()), (1, Some("the first")));
    assert_eq!(version.archive_bytes, first.len() as u64);
    assert_eq!(world.publish("hola", 2).await.number, 2);
    // The same content as the newest is that version; as an older one it is a new version.
    let again: Version = world.publish_bytes("hola", "", package("hola", 2)).await.expect(200).json();
    assert_eq!(again.number, 2);
    let old: Version = world.publish_bytes("hola", "", first.clone()).await.expect(201).json();
    assert_eq!((old.number, &old.artifact), (3, &version.artifact));

    let got = world.get("/apps/hola/versions/1/download").await.expect(200);
    assert_eq!(got.body, first);
    assert_eq!(got.headers["content-length"], first.len().to_string());
    assert_eq!(got.headers["content-type"], "application/gzip");
    let tag = got.headers["etag"].clone();
    let unchanged = world.request(Method::GET, "/apps/hola/versions/1/download").header("if-none-match", tag);
    assert!(world.send(unchanged).await.expect(304).body.is_empty());

    let page: Page<Version> = world.get("/apps/hola/versions?limit=2").await.expect(200).json();
    assert_eq!(page.items.iter().map(|v| v.number).collect::<Vec<_>>(), [3, 2]);
    let next = page.next.unwrap();
    let page: Page<Version> = world.get(&format!("/apps/hola/versions?cursor={next}")).await.expect(200).json();
    assert_eq!(page.items.iter().map(|v| v.number).collect::<Vec<_>>(), [1]);
    assert_eq!(world.get("/apps/hola/versions/1").await.expect(200).json::<Version>(), version);
    for missing in ["9", "0", "x", "-1", "99999999999"] {
        world.get(&format!("/apps/hola/versions/{missing}")).await.refused(404, "unknown-version");
    }
    world.get("/apps/other/versions").await.refused(404, "unknown-app");
}

#[tokio::test]
async fn twenty_at_once_get_twenty_numbers_without_gaps() {
    let world = Arc::new(World::new().await);
    world.post("/apps", json!({"slug": "hola"})).await.expect(201);
    let tasks: Vec<_> = (1..=20)
        .map(|n| {
            let world = world.clone();
            tokio::spawn(async move { world.publish("hola", n).await.number })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for task in tasks {
        numbers.insert(task.await.unwrap());
    }
    assert_eq!(numbers, (1..=20).collect());
}

#[tokio::test]
async fn the_same_content_twenty_times_at_once_is_one_version() {
    let world = Arc::new(World::new().await);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.publish_bytes("hola", "?create=true", package("hola", 1)).await })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        let got = task.await.unwrap();
        created += u32::from(got.status == 201);
        assert_eq!(got.json::<Version>().number, 1);
    }
    assert_eq!(created, 1);
    assert_eq!(std::fs::read_dir(world.data.path().join("incoming")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(world.data.path().join("artifacts")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_version_in_use_is_not_deleted_and_a_number_is_never_used_again() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.delete("/apps/hola/versions/1").await.refused(409, "version-in-use");
    world.publish("hola", 2).await;
    world.deploy_all("hola").await;
    // Nobody runs it, but a rollback would.
    let problem = world.delete("/apps/hola/versions/1").await.refused(409, "version-in-use");
    assert!(problem.detail.contains("rollback"), "{problem:?}");
    world.clock.forward(49);
    world.delete("/apps/hola/versions/1").await.expect(204);
    world.delete("/apps/hola/versions/1").await.refused(404, "unknown-version");
    assert_eq!(std::fs::read_dir(world.data.path().join("artifacts")).unwrap().count(), 1);

    world.publish("hola", 3).await;
    world.delete("/apps/hola/versions/3").await.expect(204);
    assert_eq!(world.publish("hola", 4).await.number, 4);
    // A backup needs the version that was running, without an end.
    world.done("/installations/hola-acme/backups").await;
    world.deploy_all("hola").await;
    world.clock.forward(1000);
    let problem = world.delete("/apps/hola/versions/2").await.refused(409, "version-in-use");
    assert!(problem.detail.contains("backup"), "{problem:?}");
}

#[tokio::test]
async fn an_archive_is_kept_while_any_version_has_it() {
    let world = World::new().await;
    world.publish("hola", 1).await;
    world.publish("hola", 2).await;
    world.publish("hola", 1).await;
    world.delete("/apps/hola/versions/1").await.expect(204);
    world.get("/apps/hola/versions/3/download").await.expect(200);
    world.delete("/apps/hola/versions/3").await.expect(204);
    assert_eq!(std::fs::read_dir(world.data.path().join("artifacts")).unwrap().count(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_package_is_said_and_changes_nothing() {
    let world = World::new().await;
    world.post("/apps", json!({"slug": "hola"})).await.expect(201);
    let good = package("hola", 1);
    let cut = good[..good.len() / 2].to_vec();
    for archive in [Vec::new(), b"not gzip".to_vec(), cut] {
        world.publish_bytes("hola", "", archive).await.refused(422, "bad-archive");
    }
    let other = world.publish_bytes("hola", "", package("other", 1)).await.refused(422, "other-app");
    assert!(other.detail.contains("other"));
    let text = manifest("hola") + "colour = \"blue\"\n[limits]\nmemory = \"1 ZiB\"\n";
    let problem = world.publish_bytes("hola", "", package_of(&text, 1)).await.refused(422, "bad-manifest");
    assert!(problem.errors.len() >= 2, "{problem:?}");
    assert!(problem.errors.iter().all(|error| error.contains("line")), "{problem:?}");
    let text = manifest("hola").replace("./run", "./missing");
    let problem = world.publish_bytes("hola", "", package_of(&text, 1)).await.refused(422, "bad-manifest");
    assert!(problem.detail.contains("missing") && problem.detail.contains("line"), "{problem:?}");
    world.publish_bytes("hola", "", vec![0; (1 << 20) + 1]).await.refused(413, "too-large");
    let request = world.request(Method::POST, "/apps/hola/versions").header("content-type", "application/json");
    world.send(request.body("{}")).await.refused(415, "media-type");
    world.publish_bytes("hola", "?create=perhaps", good.clone()).await.refused(422, "bad-query");
    world.publish_bytes("No Slug", "?create=true", good.clone()).await.refused(422, "bad-slug");
    world.publish_bytes("hola", &format!("?notes={}", "x".repeat(10_001)), good).await.refused(422, "bad-notes");

    assert_eq!(world.get("/apps/hola").await.json::<App>().newest_version, None);
    assert_eq!(world.get("/apps").await.json::<Page<Value>>().items.len(), 1);
    for directory in ["incoming", "artifacts"] {
        assert_eq!(std::fs::read_dir(world.data.path().join(directory)).unwrap().count(), 0, "{directory}");
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_limited_too() {
    let world = World::new().await;
    let pieces = (0..40).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 64 << 10]));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let request =
        world.request(Method::POST, "/apps/hola/versions?create=true").header("content-type", "application/gzip");
    world.send(request.body(body)).await.refused(413, "too-large");
}

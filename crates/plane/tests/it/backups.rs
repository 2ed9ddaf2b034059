//! Backups and snapshots.

use domain::state::OperationState;
use nimbus_api::{DataSource, SnapshotReason, Work};
use plane::wire::{Accepted, Backup, Deployment, Event, Page, Snapshot};
use serde_json::json;

use crate::fake::Outcome;
use crate::world::World;

/// Every kept copy: why, of which version, its name.
async fn snapshots(world: &World) -> Vec<(SnapshotReason, u32, String)> {
    let page: Page<Snapshot> = world.get("/installations/hola-acme/snapshots").await.expect(200).json();
    page.items.into_iter().map(|copy| (copy.report.reason, copy.report.version, copy.report.name)).collect()
}

#[tokio::test]
async fn a_backup_is_made_listed_restored_and_deleted() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let backups = async || world.get("/installations/hola-acme/backups").await.expect(200).json::<Page<Backup>>().items;
    assert!(backups().await.is_empty());
    let accepted: Accepted = world.post("/installations/hola-acme/backups", json!({})).await.expect(202).json();
    assert_eq!(world.ended(accepted.operation).await.state, OperationState::Finished);
    let made = backups().await;
    assert_eq!(made.len(), 1);
    assert_eq!((Some(made[0].id), made[0].version), (accepted.backup, 1));
    let path = format!("/installations/hola-acme/backups/{}", made[0].id);
    assert_eq!(world.done(&format!("{path}/restore")).await.state, OperationState::Finished);
    assert!(snapshots(&world).await.iter().any(|(reason, ..)| *reason == SnapshotReason::BeforeRestore));
    // What was known last is shown while the server is away.
    world.fake.set_up(false);
    assert_eq!(backups().await, made);
    world.fake.set_up(true);
    let accepted: Accepted = world.delete(&path).await.expect(202).json();
    assert_eq!(world.ended(accepted.operation).await.state, OperationState::Finished);
    assert!(backups().await.is_empty());
    world.delete(&path).await.refused(404, "unknown-backup");
    world.post(&format!("{path}/restore"), json!({})).await.refused(404, "unknown-backup");
    world.delete("/installations/hola-acme/backups/nonsense").await.refused(404, "unknown-backup");
    world.get("/installations/no/backups").await.refused(404, "unknown-installation");
}

#[tokio::test]
async fn a_backup_of_one_installation_is_not_anothers() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.install("hola", "acme").await;
    let accepted: Accepted = world.post("/installations/hola-acme/backups", json!({})).await.expect(202).json();
    world.ended(accepted.operation).await;
    let path = format!("/installations/hola-acme-2/backups/{}/restore", accepted.backup.unwrap());
    world.post(&path, json!({})).await.refused(404, "unknown-backup");
}

#[tokio::test]
async fn a_restore_that_fails_is_told() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let made: Accepted = world.post("/installations/hola-acme/backups", json!({})).await.expect(202).json();
    world.ended(made.operation).await;
    world.fake.script(|_| Outcome::Undo("the disk is full"));
    let path = format!("/installations/hola-acme/backups/{}/restore", made.backup.unwrap());
    let ended = world.done(&path).await;
    assert_eq!((ended.state, ended.error.as_deref()), (OperationState::Undone, Some("the disk is full")));
}

#[tokio::test]
async fn what_a_rollback_and_a_restore_replaced_can_be_restored() {
    use SnapshotReason::{BeforeRestore, BeforeRollback};
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.publish("hola", 2).await;
    world.deploy_all("hola").await;
    let rollback: Deployment = world.post("/installations/hola-acme/rollback", json!({})).await.expect(202).json();
    world.deployed(rollback.id).await;
    let copies = snapshots(&world).await;
    assert_eq!(
        copies.iter().map(|(reason, version, _)| (*reason, *version)).collect::<Vec<_>>(),
        [(BeforeRollback, 2)]
    );
    let path = |name: &str| format!("/installations/hola-acme/snapshots/{name}/restore");

    // Forward again with code and data, back once more, and then the data only.
    assert_eq!(world.done(&path(&copies[0].2)).await.state, OperationState::Finished);
    assert_eq!(world.installation("hola-acme").await.version, 2);
    let copies = snapshots(&world).await;
    assert_eq!((copies[1].0, copies[1].1), (BeforeRestore, 1));
    world.done(&path(&copies[1].2)).await;
    assert_eq!(world.installation("hola-acme").await.version, 1);
    let accepted: Accepted = world.post(&path(&copies[0].2), json!({"code": false})).await.expect(202).json();
    assert_eq!(world.ended(accepted.operation).await.verb, "restore");
    assert_eq!(world.installation("hola-acme").await.version, 1);
    let asked: Vec<bool> = world.fake.asked().into_iter().filter_map(|(_, request)| code(&request.work)).collect();
    assert_eq!(asked, [true, true, false]);
    let audit: Page<Event> = world.get("/events?installation=hola-acme&before=now").await.expect(200).json();
    let event = audit.items.iter().rfind(|event| event.verb == "snapshot.restore").unwrap();
    assert_eq!((event.detail["snapshot"].as_str(), event.detail["code"].as_bool()), (Some(&*copies[0].2), Some(true)));

    world.post(&path("nonsense"), json!({})).await.refused(404, "unknown-snapshot");
    world.post(&path(&copies[0].2), json!({"cod": true})).await.refused(422, "bad-body");
    world.clock.forward(49);
    world.post(&path(&copies[0].2), json!({})).await.refused(404, "unknown-snapshot");
}

fn code(work: &Work) -> Option<bool> {
    match work {
        Work::Restore { code, .. } => Some(*code),
        _ => None,
    }
}

#[tokio::test]
async fn a_backup_brings_its_version_back_when_asked_to() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let made: Accepted = world.post("/installations/hola-acme/backups", json!({})).await.expect(202).json();
    world.ended(made.operation).await;
    world.publish("hola", 2).await;
    world.deploy_all("hola").await;
    world.delete("/apps/hola/versions/1").await.refused(409, "version-in-use");
    let id = made.backup.unwrap();
    world.done(&format!("/installations/hola-acme/backups/{id}/restore")).await;
    assert_eq!(world.installation("hola-acme").await.version, 2);
    // The server lost its cache: what the restore needs is sent again.
    world.fake.forget_artifacts();
    let sent = world.fake.sent();
    let path = format!("/installations/hola-acme/snapshots/{id}/restore");
    let accepted: Accepted = world.post(&path, json!({"code": true})).await.expect(202).json();
    assert_eq!(accepted.backup, Some(id));
    world.ended(accepted.operation).await;
    assert_eq!(world.installation("hola-acme").await.version, 1);
    assert_eq!(world.fake.sent(), sent + 2);
}

#[tokio::test]
async fn a_backup_has_the_label_that_it_was_given() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let path = "/installations/hola-acme/backups";
    for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
        world.post(path, json!({"label": bad})).await.refused(422, "bad-label");
    }
    let body = json!({"label": " before the move "});
    let made: Accepted = world.post(path, body).await.expect(202).json();
    world.ended(made.operation).await;
    world.ended(world.post(path, json!({})).await.expect(202).json::<Accepted>().operation).await;
    let labels = async || {
        let page: Page<Snapshot> = world.get("/installations/hola-acme/snapshots").await.expect(200).json();
        page.items.into_iter().map(|copy| copy.label).collect::<Vec<_>>()
    };
    assert_eq!(labels().await, [Some("before the move".to_owned()), None]);
    let backups: Page<Backup> = world.get(path).await.expect(200).json();
    assert_eq!(backups.items[0].label.as_deref(), Some("before the move"));
    world.fake.set_up(false);
    assert_eq!(labels().await.len(), 2, "also while the server is away");
    world.fake.set_up(true);
    let gone: Accepted = world.delete(&format!("{path}/{}", made.backup.unwrap())).await.expect(202).json();
    world.ended(gone.operation).await;
    assert_eq!(labels().await, [None]);
}

#[tokio::test]
async fn a_copy_becomes_a_new_installation_of_the_same_customer() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let set = json!({"set": [{"name": "KEY", "value": "v1"}]});
    let accepted: Accepted = world.post("/installations/hola-acme/environment", set).await.expect(202).json();
    world.ended(accepted.operation).await;
    let accepted: Accepted = world.post("/installations/hola-acme/backups", json!({})).await.expect(202).json();
    let backup = accepted.backup.unwrap();
    world.ended(accepted.operation).await;
    world.publish("hola", 2).await;
    world.deploy_all("hola").await;
    let from = |installation: &str, copy: &str| json!({ "installation": installation, "copy": copy });
    let body = |customer: &str, from: serde_json::Value| json!({"app": "hola", "customer": customer, "from": from});
    let wanted = body("acme", from("hola-acme", &backup.to_string()));
    let accepted: Accepted = world.post("/installations", wanted).await.expect(202).json();
    assert_eq!(world.ended(accepted.operation).await.state, OperationState::Finished);
    let new = world.installation("hola-acme-2").await;
    assert_eq!(new.version, 1, "the version that the copy was taken of");
    let asked = world.fake.asked();
    let Work::Install { from: Some(source), environment, .. } = &asked.last().unwrap().1.work else { panic!() };
    let id = world.installation("hola-acme").await.id;
    assert_eq!(*source, DataSource::Copy { installation: id, snapshot: format!("backup-{backup}") });
    assert_eq!(environment.iter().collect::<Vec<_>>(), [(&"KEY".to_owned(), &"v1".to_owned())]);
    let shown = world.get("/installations/hola-acme-2/environment").await.expect(200);
    assert!(shown.text().contains("KEY") && !shown.text().contains("v1"));
    // Nobody begins with another's data.
    world.post("/customers", json!({"slug": "other"})).await.expect(201);
    let foreign = body("other", from("hola-acme", &backup.to_string()));
    world.post("/installations", foreign).await.refused(409, "foreign-copy");
    let post = async |from: serde_json::Value| world.post("/installations", body("acme", from)).await;
    post(from("hola-acme", "none")).await.refused(404, "unknown-snapshot");
    post(from("none", "none")).await.refused(404, "unknown-installation");
}

#[tokio::test]
async fn a_customer_makes_a_new_installation_of_a_copy() {
    let world = World::new().await;
    let (_, mut admin) = crate::pages::scene(&world).await;
    let page = "/c/sol/installations/hola-sol";
    let copy = admin.open(page).await.after("action=\"/c/sol/installations/hola-sol/copies/");
    let copy = copy.strip_suffix("/restore").unwrap();
    let action = format!("{page}/copies/{copy}/new");
    admin.send(page, &action, &[("name", "hola-again")]).await.has("hola-again");
    world.until("it runs", async || world.installation("hola-again").await.state.to_string() == "running").await;
    admin.send(page, &action, &[("name", "No Name")]).await.has("alert");
    // Another customer's copy does not exist.
    world.post("/customers", json!({"publisher": "acme", "slug": "luna"})).await.expect(201);
    let body = json!({"app": "acme:hola", "customer": "luna"});
    let accepted: Accepted = world.post("/installations", body).await.expect(202).json();
    world.ended(accepted.operation).await;
    let foreign = "/c/sol/installations/hola-luna/copies/none/new";
    assert_eq!(admin.send(page, foreign, &[("name", "")]).await.status, 404);
}

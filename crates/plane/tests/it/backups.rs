//! Backups and snapshots.

use domain::state::OperationState;
use nimbus_api::{SnapshotReason, SnapshotReport};
use plane::wire::{Accepted, Backup, Page};
use serde_json::json;

use crate::fake::Outcome;
use crate::world::World;

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
    let copies: Page<SnapshotReport> = world.get("/installations/hola-acme/snapshots").await.expect(200).json();
    assert!(copies.items.iter().any(|copy| copy.reason == SnapshotReason::BeforeRestore));
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

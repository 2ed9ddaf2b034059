//! A control plane that dies anywhere goes on where it was, and does nothing twice.

use domain::state::{DeploymentState, InstallationState, OperationState};
use plane::wire::Accepted;
use serde_json::json;

use crate::fake::Outcome;
use crate::world::World;

#[tokio::test]
async fn an_operation_survives_a_kill_before_during_and_after() {
    let mut world = World::with_app().await;
    // Before its server has heard of it.
    world.fake.set_up(false);
    let accepted: Accepted =
        world.post("/installations", json!({"app": "hola", "customer": "acme"})).await.expect(202).json();
    world.kill().await;
    world.fake.set_up(true);
    world.start().await;
    assert_eq!(world.ended(accepted.operation).await.state, OperationState::Finished);

    // While it is under way, and ended while nobody looked.
    world.fake.script(|_| Outcome::Hold);
    let accepted: Accepted = world.post("/installations/hola-acme/stop", json!({})).await.expect(202).json();
    world.fake.wait_running(1).await;
    world.kill().await;
    world.fake.end(accepted.operation, Outcome::Finish);
    world.start().await;
    assert_eq!(world.ended(accepted.operation).await.state, OperationState::Finished);
    assert_eq!(world.installation("hola-acme").await.state, InstallationState::Stopped);

    // Afterwards nothing is done again.
    world.kill().await;
    world.start().await;
    assert_eq!(world.fake.asked().len(), 2);
}

#[tokio::test]
async fn a_deployment_survives_a_kill_after_every_installation() {
    const COUNT: usize = 6;
    let mut world = World::with_app().await;
    for _ in 0..COUNT {
        world.install("hola", "acme").await;
    }
    world.publish("hola", 2).await;
    let before = world.fake.asked().len();
    world.fake.script(|_| Outcome::Hold);
    world.stop().await;
    world.workers = 2;
    world.start().await;
    let id = world.deploy("hola", json!({})).await.id;
    for round in 0..COUNT {
        let wanted = if round == 0 { 1 } else { (COUNT - round).min(2) };
        let running = world.fake.wait_running(wanted).await;
        world.kill().await;
        // Every other one ends while the control plane is away.
        if round % 2 == 0 {
            world.fake.end(running[0], Outcome::Finish);
            world.start().await;
        } else {
            world.start().await;
            world.fake.end(running[0], Outcome::Finish);
        }
    }
    let deployment = world.deployed(id).await;
    assert_eq!(deployment.state, DeploymentState::Finished);
    assert_eq!(deployment.counts["finished"], COUNT as u64);
    let asked = world.fake.asked();
    assert_eq!(asked.len() - before, COUNT, "each exactly once");
}

#[tokio::test]
async fn a_stop_and_a_failure_are_remembered_across_a_kill() {
    for failure in [false, true] {
        let mut world = World::with_app().await;
        for _ in 0..3 {
            world.install("hola", "acme").await;
        }
        world.publish("hola", 2).await;
        world.fake.script(|_| Outcome::Hold);
        let id = world.deploy("hola", json!({})).await.id;
        let canary = world.fake.wait_running(1).await;
        if !failure {
            world.post(&format!("/deployments/{id}/stop"), json!({})).await.expect(202);
        }
        world.kill().await;
        world.fake.end(canary[0], if failure { Outcome::Undo("bad") } else { Outcome::Finish });
        world.start().await;
        let deployment = world.deployed(id).await;
        let wanted = if failure { DeploymentState::Failed } else { DeploymentState::Stopped };
        assert_eq!((deployment.state, deployment.counts["skipped"]), (wanted, 2));
    }
}

#[tokio::test]
async fn kills_at_random_points_never_do_anything_twice() {
    let mut world = World::with_app().await;
    for _ in 0..10 {
        world.install("hola", "acme").await;
    }
    world.publish("hola", 2).await;
    let before = world.fake.asked().len();
    let id = world.deploy("hola", json!({})).await.id;
    for round in 0..12 {
        tokio::time::sleep(std::time::Duration::from_millis(round * 3)).await;
        world.kill().await;
        world.start().await;
    }
    let deployment = world.deployed(id).await;
    assert_eq!(deployment.state, DeploymentState::Finished, "{deployment:?}");
    let mut switched: Vec<_> = world.fake.asked()[before..].iter().map(|(_, request)| request.installation).collect();
    switched.sort();
    switched.dedup();
    assert_eq!((switched.len(), world.fake.asked().len() - before), (10, 10));
}

#[tokio::test]
async fn the_store_refuses_what_a_newer_control_plane_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store with a space?.sqlite");
    let location = plane::store::Location::File(path.clone());
    let store = plane::store::Store::open(&location).await.unwrap();
    let tx = store.write().await.unwrap();
    use sea_orm::ConnectionTrait;
    tx.execute_unprepared("INSERT INTO migrations (number) VALUES (9999)").await.unwrap();
    tx.commit().await.unwrap();
    assert!(path.exists());
    let error = plane::store::Store::open(&location).await.err().unwrap();
    assert!(error.to_string().contains("newer"), "{error}");
}

//! What needs somebody: told on the publisher's first page, by the API and to webhooks, each once.

use nimbus_api::{NimbusEventKind, Phase};
use plane::wire::{Event, Need, Page, Status};
use serde_json::json;

use crate::pages::scene;
use crate::world::World;

async fn needs(world: &World) -> Vec<Need> {
    let status: Status = world.get("/status").await.expect(200).json();
    assert!(status.attention.iter().all(|one| one.installation.as_str() == "hola-sol" && one.since > 0));
    let mut needs: Vec<Need> = status.attention.iter().map(|one| one.need).collect();
    needs.sort_by_key(|need| format!("{need:?}"));
    needs
}

async fn told(world: &World) -> Vec<String> {
    let events: Page<Event> = world.get("/events?installation=hola-sol&actor=plane&limit=500").await.expect(200).json();
    events.items.into_iter().map(|event| event.verb).collect()
}

#[tokio::test]
async fn a_full_disk_a_late_backup_and_crashes_are_on_the_first_page_until_they_are_over() {
    let mut world = World::new().await;
    scene(&world).await;
    let id = world.installation("hola-sol").await.id;
    assert_eq!(needs(&world).await, []);
    let limit = world.get("/apps/acme:hola/versions/2").await.json::<plane::wire::Version>().manifest.limits.disk;

    // Each look is at the start, and every five minutes.
    world.fake.set_disk(id, limit / 100 * 89);
    // One backup is no habit: another look, after which the disk is full, says nothing of it.
    world.done("/installations/hola-sol/backups").await;
    world.stop().await;
    world.clock.forward(8 * 24);
    world.start().await;
    world.fake.set_disk(id, limit / 100 * 91 + 100);
    world.stop().await;
    world.start().await;
    world.until("the disk is nearly full", async || needs(&world).await == [Need::DiskNearlyFull]).await;
    world.fake.set_disk(id, limit / 100 * 80);
    world.stop().await;
    world.start().await;
    world.until("it has room again", async || needs(&world).await.is_empty()).await;
    world.done("/installations/hola-sol/backups").await;
    world.stop().await;
    world.clock.forward(8 * 24);
    world.start().await;
    world.until("the backup is late", async || needs(&world).await == [Need::BackupLate]).await;
    world.fake.set_disk(id, limit / 100 * 91 + 100);
    world.stop().await;
    world.start().await;
    world.until("both", async || needs(&world).await == [Need::BackupLate, Need::DiskNearlyFull]).await;
    world.fake.emit(Some(id), NimbusEventKind::PhaseChanged { phase: Phase::Failed, exit: None });
    let all = [Need::BackupLate, Need::Crashing, Need::DiskNearlyFull];
    world.until("all", async || needs(&world).await == all).await;
    let once =
        ["installation.disk-nearly-full", "installation.disk-free", "backup.late", "installation.disk-nearly-full"];
    assert_eq!(told(&world).await, once, "each once");

    let mut owner = crate::pages::Browser::new(&world, "localhost");
    let body = json!({"mail": "eva@acme.example", "role": "owner", "publisher": "acme"});
    let home = crate::pages::join(&world, &mut owner, body).await;
    home.has("No new backup for seven days").has("nearly fills its disk").has("fails its health check");
    owner.open("/p/acme?language=es").await.has("Sin copia nueva desde hace siete días").has("casi llenan su disco");
    world.post("/publishers", json!({"slug": "rival"})).await.expect(201);
    let body = json!({"name": "r", "role": "owner", "publisher": "rival"});
    let rival: plane::wire::NewToken = world.post("/tokens", body).await.expect(201).json();
    let request = world.http.get(world.url("/status")).bearer_auth(&rival.secret);
    assert!(world.send(request).await.json::<Status>().attention.is_empty(), "another publisher knows nothing of it");

    world.done("/installations/hola-sol/backups").await;
    world.fake.emit(Some(id), NimbusEventKind::PhaseChanged { phase: Phase::Healthy, exit: None });
    world.until("one is left", async || needs(&world).await == [Need::DiskNearlyFull]).await;
    world.fake.set_disk(id, limit / 100 * 80);
    world.stop().await;
    world.start().await;
    world.until("nothing is left", async || needs(&world).await.is_empty()).await;
    assert_eq!(told(&world).await.last().unwrap(), "installation.disk-free");
}

//! What a deployment will touch and how it is taken back: over the API and on the pages.

use nimbus_api::Work;
use plane::wire::{Deployment, DeploymentPlan};
use serde_json::json;

use crate::fake::Outcome;
use crate::pages::{Browser, Page, join, scene};
use crate::world::{World, package};

/// That many installations of version 1, and a version 2.
async fn fleet(count: usize) -> World {
    let world = World::with_app().await;
    for _ in 0..count {
        world.install("hola", "acme").await;
    }
    world.publish("hola", 2).await;
    world
}

async fn version_of(world: &World, name: &str) -> u32 {
    world.installation(name).await.version
}

#[tokio::test]
async fn a_plan_says_who_would_be_changed_and_changes_nothing() {
    let world = fleet(3).await;
    let plan: DeploymentPlan = world.get("/apps/hola/plan").await.expect(200).json();
    assert_eq!((plan.version, plan.installations, plan.servers.len()), (2, 3, 1));
    let on = &plan.servers[0];
    assert_eq!((on.from[0].version, on.from[0].installations), (1, 3));
    assert!(on.host.as_deref().is_some_and(|host| !host.is_empty()));
    let plan: DeploymentPlan = world.get("/apps/hola/plan?version=1").await.expect(200).json();
    assert_eq!((plan.version, plan.installations, plan.servers), (1, 0, vec![]));
    world.get("/apps/hola/plan?version=9").await.refused(404, "unknown-version");
    world.get("/apps/no/plan").await.refused(404, "unknown-app");
    let all = world.get("/deployments").await.expect(200).text();
    assert!(all.contains("\"items\":[]"), "{all}");
    // As it says, so it is.
    assert_eq!(world.deploy_all("hola").await.counts["finished"], 3);
}

#[tokio::test]
async fn exactly_what_a_deployment_changed_goes_back() {
    let world = fleet(3).await;
    let first = world.deploy_all("hola").await;
    let undo = world.deployment(first.id).await.undo.unwrap();
    assert_eq!(undo.installations, 3);
    let left = undo.until.unwrap() - world.clock.now();
    assert!(left <= 48 * 3_600_000 && left > 47 * 3_600_000, "{left}");
    assert_eq!(
        world.deployment(first.id).await.installations.unwrap()[0].host,
        world.installation("hola-acme").await.host
    );
    // One goes back by itself, one gets a newer version alone: neither is this deployment's any more.
    let alone: Deployment = world.post("/installations/hola-acme/rollback", json!({})).await.expect(202).json();
    world.deployed(alone.id).await;
    world.publish("hola", 3).await;
    world.fake.script(|request| match request.work {
        Work::Switch { .. } => Outcome::Hold,
        _ => Outcome::Finish,
    });
    let second = world.deploy("hola", json!({"canary": 1})).await.id;
    let canary = world.fake.wait_running(1).await[0];
    world
        .post(&format!("/deployments/{first}/rollback", first = first.id), json!({}))
        .await
        .refused(409, "deployment-under-way");
    world.post(&format!("/deployments/{second}/stop"), json!({})).await.expect(202);
    world.fake.script(|_| Outcome::Finish);
    world.fake.end(canary, Outcome::Finish);
    let second = world.deployed(second).await;
    let newer = second.installations.unwrap().into_iter().find(|step| step.canary).unwrap().name.to_string();
    let mut untouched = vec!["hola-acme-2", "hola-acme-3"];
    untouched.retain(|name| *name != newer);
    let undo = world.deployment(first.id).await.undo.unwrap();
    assert_eq!(undo.installations as usize, untouched.len());
    let path = format!("/deployments/{}/rollback", first.id);
    let back: Deployment = world.post(&path, json!({})).await.expect(202).json();
    let back = world.deployed(back.id).await;
    let names: Vec<String> = back.installations.unwrap().iter().map(|step| step.name.to_string()).collect();
    assert_eq!(names, untouched);
    for name in &untouched {
        assert_eq!(version_of(&world, name).await, 1);
    }
    assert_eq!(version_of(&world, &newer).await, 3);
    // Now there is nothing left of it; and a rollback is none to take back.
    assert_eq!(world.deployment(first.id).await.undo, None);
    world.post(&path, json!({})).await.refused(409, "nothing-to-roll-back");
    world.post(&format!("/deployments/{}/rollback", back.id), json!({})).await.refused(409, "nothing-to-roll-back");
    world.post("/deployments/no/rollback", json!({})).await.refused(404, "unknown-deployment");
}

#[tokio::test]
async fn it_goes_back_only_in_time() {
    let world = fleet(1).await;
    let id = world.deploy("hola", json!({"keep_hours": 2})).await.id;
    world.deployed(id).await;
    world.clock.forward(3);
    assert_eq!(world.deployment(id).await.undo, None);
    world.post(&format!("/deployments/{id}/rollback"), json!({})).await.refused(409, "nothing-to-roll-back");
}

#[tokio::test]
async fn customers_are_not_told_the_names_of_servers() {
    let world = fleet(1).await;
    assert!(world.installation("hola-acme").await.host.is_some());
    let body = json!({"name": "theirs", "role": "customer-user", "publisher": "main", "customer": "acme"});
    let token: plane::wire::NewToken = world.post("/tokens", body).await.expect(201).json();
    for path in ["/installations", "/installations/hola-acme"] {
        let got = crate::roles::ask(&world, Some(&token.secret), reqwest::Method::GET, path, None).await.expect(200);
        assert!(!got.text().contains("\"host\""), "{}", got.text());
    }
}

#[tokio::test]
async fn an_older_version_is_chosen_and_deployed_without_a_script() {
    let world = World::new().await;
    let (mut owner, _admin) = scene(&world).await;
    let at = "/p/acme/apps/hola/deploy";
    // The newest runs everywhere, which hinders nobody.
    let page = owner.open(at).await;
    page.has("0 installations will change").has("<form class=\"row\" method=\"get\"").has("Show what it touches");
    assert!(!page.html.contains("disabled"), "{}", page.html);
    let page = owner.open(&format!("{at}?version=1")).await;
    page.has("1 installation will change")
        .has("name=\"version\" value=\"1\"")
        .has("Deploy version 1 to 1 installation");
    let form = [("version", "1"), ("canary", "1"), ("keep_hours", "5")];
    let page = owner.send(&format!("{at}?version=1"), at, &form).await;
    page.has("hola, version 1");
    world.until("it has ended", async || owner.open(&page.path).await.html.contains("It can be undone")).await;
    assert_eq!(version_of(&world, "hola-sol").await, 1);
    owner.open(&page.path).await.has("4\u{a0}h 59\u{a0}min left");
}

#[tokio::test]
async fn a_deployments_page_shows_steps_and_takes_back_what_it_changed() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    world.publish_bytes("acme:hola", "?notes=third", package("hola", 3)).await.expect(201);
    world.fake.script(|_| Outcome::Hold);
    let id = world.deploy("acme:hola", json!({})).await.id;
    let held = world.fake.wait_running(1).await[0];
    let at = format!("/p/acme/deployments/{id}");
    world.until("its step is known", async || owner.open(&at).await.html.contains("class=\"step\">stopping")).await;
    owner.open(&at).await.has("<span class=\"badge info plain\">first</span>").has("data-since=\"");
    // The same on the pages of the installation, for the publisher and the customer.
    for (browser, path) in
        [(&mut owner, "/p/acme/installations/hola-sol"), (&mut admin, "/c/sol/installations/hola-sol")]
    {
        let page = browser.open(path).await;
        page.has("It is getting another version").has("2 of 9 steps").has("<progress class=\"\" value=\"2\" max=\"9\"");
        browser.cookies.insert("language".into(), "es".into());
        browser.open(path).await.has("Recibe otra versión").has("2 de 9 pasos");
        browser.cookies.insert("language".into(), "en".into());
    }
    world.fake.script(|_| Outcome::Finish);
    world.fake.end(held, Outcome::Finish);
    world.deployed(id).await;
    let page = owner.open(&at).await;
    page.has("Undo for 1 installation").has("data-left=\"").has(&format!("action=\"{at}/rollback\""));
    owner.open("/p/acme/installations/hola-sol").await.has("Its last deployment can be undone, back to version 2");
    let back = owner.send(&at, &format!("{at}/rollback"), &[]).await;
    back.has("hola is taken back");
    world.until("it is back", async || version_of(&world, "hola-sol").await == 2).await;
    world.until("it has ended", async || !owner.open(&at).await.html.contains("Undo for")).await;
    owner.send(&at, &format!("{at}/rollback"), &[]).await.has("nothing of deployment");
}

#[tokio::test]
async fn the_page_of_a_large_deployment_shows_some_of_those_that_are_alike() {
    let world = fleet(53).await;
    let names = |page: &Page| page.html.matches("class=\"lane-row\"").count();
    world.fake.script(|_| Outcome::Undo("it is not well"));
    let failed = world.deployed(world.deploy("hola", json!({})).await.id).await;
    assert_eq!((failed.counts["undone"], failed.counts["skipped"]), (1, 52));
    let mut operator = Browser::new(&world, "localhost");
    join(&world, &mut operator, json!({"mail": "root@localhost", "role": "operator"})).await.has("Platform");
    let page = operator.open(&format!("/p/main/deployments/{}", failed.id)).await;
    page.has("and 2 more");
    assert_eq!(names(&page), 51);
    world.fake.script(|_| Outcome::Finish);
    let done = world.deploy_all("hola").await;
    let page = operator.open(&format!("/p/main/deployments/{}", done.id)).await;
    page.has("53 are finished").has("and 3 more").has("Undo for 53 installations");
    assert_eq!(names(&page), 50);
}

#[tokio::test]
async fn going_back_further_is_asked_for_on_a_page() {
    let world = World::new().await;
    let (mut owner, _admin) = scene(&world).await;
    world.publish_bytes("acme:hola", "?notes=third", package("hola", 3)).await.expect(201);
    world.deploy_all("acme:hola").await;
    let one = "/p/acme/installations/hola-sol";
    for (from, action) in [(one, format!("{one}/rollback")), ("/p/acme/apps/hola", "/p/acme/apps/hola/rollback".into())]
    {
        if from == one {
            owner.send(from, &action, &[]).await.has("hola is taken back");
            world.until("it is back", async || version_of(&world, "hola-sol").await == 2).await;
            world.until("it ended", async || world.installation("hola-sol").await.deployment.is_none()).await;
        }
        let asked = owner.send(from, &action, &[]).await;
        assert_eq!(asked.status, 409);
        asked.has("Go back one more version?").has("name=\"further\"").has(&format!("action=\"{action}\""));
        assert_eq!(version_of(&world, "hola-sol").await, 2);
    }
    world
        .until("nothing is live", async || {
            let page: plane::wire::Page<Deployment> = world.get("/deployments").await.json();
            page.items.iter().all(|one| one.ended_at.is_some())
        })
        .await;
    owner.send(one, &format!("{one}/rollback"), &[("further", "1")]).await.has("hola is taken back");
    world.until("it went further", async || version_of(&world, "hola-sol").await == 1).await;
}

#[tokio::test]
async fn texts_say_how_long_copies_are_kept_here() {
    let world = World::new().await;
    let (mut owner, _admin) = scene(&world).await;
    world
        .post(
            "/settings",
            json!({"retention": {"days": 400, "events": 100_000, "operations": 50_000, "copy_hours": 5}}),
        )
        .await
        .expect(200);
    owner.open("/p/acme/apps/hola").await.has("kept for 5 hours");
    owner.open("/p/acme/installations/hola-sol").await.has("stays for 5 hours").has("is kept for 5 hours");
    owner.cookies.insert("language".into(), "es".into());
    owner.open("/p/acme/apps/hola").await.has("se guarda 5 horas");
}

#[tokio::test]
async fn the_list_of_deployments_goes_on_and_is_filtered() {
    let world = World::new().await;
    let (mut owner, _admin) = scene(&world).await;
    for version in 0..51 {
        let id = world.deploy("acme:hola", json!({"version": 1 + version % 2})).await.id;
        world.deployed(id).await;
    }
    let page = owner.open("/p/acme/deployments").await;
    let next = page.after("<a class=\"button small\" href=\"").replace("&amp;", "&");
    let rest = owner.open(&next).await;
    let rows = |page: &crate::pages::Page| page.html.matches("<tr><td class=\"main\">").count();
    assert_eq!((rows(&page), rows(&rest)), (50, 2));
    assert_eq!(rows(&owner.open("/p/acme/deployments?app=hola").await), 50);
    owner.open("/p/acme/deployments?app=other").await.has("No deployment is like that");
}

#[tokio::test]
async fn installations_are_found_by_what_they_are() {
    let world = fleet(3).await;
    let names = async |query: &str| -> Vec<String> {
        let page: plane::wire::Page<plane::wire::Installation> =
            world.get(&format!("/installations?{query}")).await.expect(200).json();
        page.items.iter().map(|one| one.name.to_string()).collect()
    };
    world.done("/installations/hola-acme/stop").await;
    world.fake.script(|_| Outcome::Undo("no"));
    world.done("/installations/hola-acme-2/restart").await;
    world.fake.script(|_| Outcome::Finish);
    assert_eq!(names("state=stopped").await, ["hola-acme"]);
    assert_eq!(names("troubled=true").await, ["hola-acme-2"]);
    assert_eq!(names("q=ACME-3").await, ["hola-acme-3"]);
    assert_eq!(names("version=1").await.len(), 3);
    assert_eq!(names("version=2").await.len(), 0);
    assert_eq!(names("version=1&troubled=false&state=running&q=hola&limit=1").await.len(), 1);
    world.get("/installations?state=asleep").await.refused(422, "bad-query");
    world.get("/installations?version=x").await.refused(422, "bad-query");
    world.get("/installations?troubled=perhaps").await.refused(422, "bad-query");
}

#[tokio::test]
async fn what_was_used_over_time_is_told() {
    let world = fleet(1).await;
    for (range, step) in [("", 10), ("?range=hour", 10), ("?range=day", 300), ("?range=month", 3600)] {
        let report: nimbus_api::HistoryReport =
            world.get(&format!("/installations/hola-acme/history{range}")).await.expect(200).json();
        assert_eq!((report.step_seconds, report.points[0].memory_peak), (step, 12 << 20), "{range}");
    }
    world.get("/installations/hola-acme/history?range=year").await.refused(422, "bad-query");
    world.get("/installations/no/history").await.refused(404, "unknown-installation");
    world.fake.set_up(false);
    world.get("/installations/hola-acme/history").await.expect(503);
}

#[tokio::test]
async fn a_log_is_searched() {
    let world = fleet(1).await;
    let all = world.get("/installations/hola-acme/logs").await.expect(200).text();
    let lines: Vec<nimbus_api::LogLine> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let word = lines[0].text.split(' ').next_back().unwrap().to_uppercase();
    let found = world.get(&format!("/installations/hola-acme/logs?lines=100&search={word}")).await.expect(200).text();
    let found: Vec<nimbus_api::LogLine> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let wanted = lines.iter().filter(|line| line.text.to_uppercase().contains(&word)).count();
    assert!(wanted > 0 && found.len() == wanted, "{wanted}: {found:?}");
    let none = world.get("/installations/hola-acme/logs?search=not-in-it-at-all").await.expect(200);
    assert_eq!(none.text(), "");
}

#[tokio::test]
async fn pages_of_installations_versions_and_tokens_go_on() {
    let world = World::new().await;
    let (mut owner, _admin) = scene(&world).await;
    owner.open("/p/acme/installations?version=2").await.has("hola-sol");
    owner.open("/p/acme/installations?version=1").await.has("Nothing found");
    owner.open("/p/acme/installations?troubled=1").await.has("Nothing found");
    for content in 3..=51 {
        world.publish_bytes("acme:hola", "?notes=more", package("hola", content)).await.expect(201);
    }
    let rows = |page: &crate::pages::Page| page.html.matches("<tr><td class=\"main\">").count();
    let next = |page: &crate::pages::Page| page.after("<a class=\"button small\" href=\"").replace("&amp;", "&");
    let first = owner.open("/p/acme/apps/hola").await;
    assert_eq!(rows(&first), 50);
    let rest = owner.open(&next(&first)).await;
    rest.has("/versions/1\"");
    assert_eq!(rows(&rest), 1);
    for n in 0..51 {
        let body = json!({"name": format!("t{n}"), "role": "developer", "publisher": "acme"});
        world.post("/tokens", body).await.expect(201);
    }
    let first = owner.open("/p/acme/tokens").await;
    assert_eq!((rows(&first), rows(&owner.open(&next(&first)).await)), (50, 1));
}

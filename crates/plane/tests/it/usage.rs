//! What was used is counted once, whatever happens to the control plane, and months are kept.

use nimbus_api::DayUsage;
use plane::access::Role;
use plane::wire::{Accepted, Installation, NewToken, Page, Usage};
use reqwest::Method;
use serde_json::json;

use crate::pages::{Browser, join, scene};
use crate::roles::ask;
use crate::world::World;

const GIB: u64 = 1 << 30;

/// The day that is so many days before the clock's.
pub fn day(world: &World, before: i64) -> String {
    let now = jiff::Timestamp::from_millisecond(world.clock.now() as i64).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
    now.date().checked_sub(jiff::Span::new().days(before)).unwrap().to_string()
}

/// So many hours of a day in which an installation ran in half a GiB.
pub fn ran(day: String, hours: u64) -> DayUsage {
    DayUsage {
        day,
        awake_seconds: hours * 3600,
        reserved_byte_seconds: hours * 3600 * GIB / 2,
        used_byte_seconds: hours * 3600 * GIB / 4,
        cpu_ms: hours * 1500,
        disk: GIB,
        requests: hours * 100,
        bytes_in: hours,
        bytes_out: hours << 20,
    }
}

async fn usage(world: &World, query: &str) -> Vec<Usage> {
    world.get(&format!("/usage?{query}")).await.expect(200).json::<Page<Usage>>().items
}

/// Everything that is known of an installation.
async fn total(world: &World, name: &str) -> (u64, u64, u64, u64) {
    let all = usage(world, &format!("by=month&installation={name}")).await;
    let sum = |of: fn(&Usage) -> u64| all.iter().map(of).sum();
    (sum(|u| u.awake_seconds), sum(|u| u.memory_mib_seconds), sum(|u| u.cpu_ms), sum(|u| u.requests))
}

fn told(hours: u64) -> (u64, u64, u64, u64) {
    (hours * 3600, hours * 3600 * 512, hours * 1500, hours * 100)
}

async fn again(world: &mut World) {
    world.kill().await;
    world.start().await;
}

#[tokio::test]
async fn each_day_is_counted_once_across_kills_and_silence() {
    let mut world = World::with_app().await;
    let one: Installation = world.install("hola", "acme").await;
    world.done(&format!("/installations/{}/backups", one.name)).await;
    world.clock.forward(72);
    let (yesterday, today) = (day(&world, 1), day(&world, 0));
    for hours in 1..=6 {
        world.fake.used(one.id, vec![ran(yesterday.clone(), 24), ran(today.clone(), hours)]);
        again(&mut world).await;
        if hours % 2 == 0 {
            // At whatever point of its count.
            tokio::time::sleep(std::time::Duration::from_millis(hours * 7)).await;
            again(&mut world).await;
        }
        world.until("it is counted", async || total(&world, one.name.as_str()).await == told(24 + hours)).await;
    }
    let of_today = usage(&world, &format!("month={}&installation={}", &today[..7], one.name)).await;
    let [of_today] = &of_today[..] else { panic!("{of_today:?}") };
    assert_eq!((of_today.backups, of_today.installations, of_today.former), (1, 1, false));
    let disk: u64 = usage(&world, "by=month").await.iter().map(|month| month.disk_mib_seconds).sum();
    assert!((86_400 * 1024..3 * 86_400 * 1024).contains(&disk), "a day and a part of a GiB: {disk}");

    // A server that lost what it had not written knows less; it was used all the same.
    world.fake.used(one.id, vec![ran(today.clone(), 2)]);
    again(&mut world).await;
    world.fake.used(one.id, vec![ran(yesterday.clone(), 24), ran(today.clone(), 9)]);
    again(&mut world).await;
    world.until("it is counted", async || total(&world, one.name.as_str()).await == told(33)).await;

    // Nobody looked for five days, and the server was silent for a while then.
    world.kill().await;
    world.clock.forward(5 * 24);
    let days: Vec<_> = (0..7).rev().map(|before| ran(day(&world, before), 24)).collect();
    world.fake.used(one.id, days);
    world.start().await;
    world.fake.set_up(false);
    again_silent(&mut world).await;
    world.fake.set_up(true);
    world.until("it is counted", async || total(&world, one.name.as_str()).await == told(7 * 24)).await;
}

/// Kills it and starts it while its server does not answer; [`World::start`] would wait for that.
async fn again_silent(world: &mut World) {
    world.kill().await;
    world.fake.set_up(true);
    world.start().await;
    world.fake.set_up(false);
}

#[tokio::test]
async fn what_a_removed_installation_used_stays_for_its_months() {
    let mut world = World::with_app().await;
    let one: Installation = world.install("hola", "acme").await;
    let days: Vec<_> = (0..399).rev().map(|before| ran(day(&world, before), 1)).collect();
    world.fake.used(one.id, days.clone());
    again(&mut world).await;
    world.until("it is counted", async || total(&world, one.name.as_str()).await == told(399)).await;
    let months = usage(&world, "by=month").await;
    assert!(months.len() >= 13, "{}", months.len());
    assert!(months.windows(2).all(|two| two[0].month < two[1].month), "{months:?}");

    // What it used until the end is taken before its server forgets.
    let last = days.into_iter().map(|day| DayUsage { requests: day.requests + 1, ..day }).collect::<Vec<_>>();
    world.fake.used(one.id, last[397..].to_vec());
    let removed: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    world.ended(removed.operation).await;
    let sum = |all: Vec<Usage>| all.iter().map(|one| one.requests).sum::<u64>();
    assert_eq!(sum(usage(&world, "by=month").await), 39_900 + 1, "yesterday is known, today grew");

    // Another customer of that name, later, has nothing to do with it.
    world.delete("/customers/acme").await.expect(204);
    world.post("/customers", json!({"slug": "acme"})).await.expect(201);
    let customers = usage(&world, &format!("by=customer&month={}", &day(&world, 0)[..7])).await;
    assert!(customers[0].former && customers.len() == 1, "{customers:?}");
    for by in ["month", "customer", "installation"] {
        let month = &day(&world, 0)[..7];
        let of = async |rest: &str| usage(&world, &format!("by={by}&month={month}&customer=acme{rest}")).await;
        assert_eq!(of("").await, [], "of the later one, by {by}");
        assert!(of("&former=true").await.iter().all(|one| one.former && one.requests > 0), "by {by}");
        assert_eq!(of("&former=true").await.len(), 1, "by {by}");
    }
    let later: Installation = world.install("hola", "acme").await;
    world.fake.used(later.id, vec![ran(day(&world, 0), 1)]);
    again(&mut world).await;
    let query = format!("by=month&month={}&customer=acme", &day(&world, 0)[..7]);
    world.until("it is counted", async || usage(&world, &query).await.first().is_some_and(|u| u.requests == 100)).await;
    let removed: Accepted = world.delete(&format!("/installations/{}", later.name)).await.expect(202).json();
    world.ended(removed.operation).await;
    world.delete("/customers/acme").await.expect(204);
    world.post("/customers", json!({"slug": "acme"})).await.expect(201);
    let body = json!({"name": "t", "role": Role::CustomerAdmin, "publisher": "main", "customer": "acme"});
    let token: NewToken = world.post("/tokens", body).await.expect(201).json();
    let got = ask(&world, Some(&token.secret), Method::GET, "/usage?by=month", None).await.expect(200);
    assert_eq!(got.json::<Page<Usage>>().items, []);

    // Days are forgotten before their months are, and those in the end.
    world.clock.forward(24 * 100);
    again(&mut world).await;
    assert_eq!(usage(&world, "by=month").await.len(), months.len());
    world.clock.forward(24 * 366);
    again(&mut world).await;
    world
        .until("the oldest go", async || {
            let left = usage(&world, "by=month").await;
            left.len() < months.len() && left.last().unwrap().month == months.last().unwrap().month
        })
        .await;
}

#[tokio::test]
async fn lists_are_added_up_and_read_in_parts() {
    let mut world = World::with_app().await;
    world.post("/customers", json!({"slug": "other"})).await.expect(201);
    let mut names = Vec::new();
    for customer in ["acme", "acme", "other"] {
        let one: Installation = world.install("hola", customer).await;
        world.fake.used(one.id, vec![ran(day(&world, 0), 2)]);
        names.push(one.name.to_string());
    }
    again(&mut world).await;
    world.until("they are counted", async || usage(&world, "").await.len() == 3).await;
    let customers = usage(&world, "by=customer").await;
    let told: Vec<_> = customers
        .iter()
        .map(|one| (one.customer.as_ref().unwrap().to_string(), one.installations, one.awake_seconds))
        .collect();
    assert_eq!(told, [("acme".into(), 2, 4 * 3600), ("other".into(), 1, 2 * 3600)]);
    for by in ["customer", "installation"] {
        let first: Page<Usage> = world.get(&format!("/usage?by={by}&limit=1")).await.expect(200).json();
        let next = first.next.unwrap();
        let second: Page<Usage> = world.get(&format!("/usage?by={by}&limit=1&cursor={next}")).await.expect(200).json();
        assert_ne!(first.items[0], second.items[0], "{by}");
    }
    assert_eq!(usage(&world, "customer=other").await.len(), 1);
    assert_eq!(usage(&world, "month=2020-01").await, []);
    world.get("/usage?month=2026-13").await.refused(422, "bad-month");
    world.get("/usage?by=weather").await.refused(422, "bad-query");
}

#[tokio::test]
async fn pages_show_it_to_the_customer_and_to_the_publisher() {
    let mut world = World::new().await;
    let id = {
        let _ = scene(&world).await;
        world.installation("hola-sol").await.id
    };
    let used = DayUsage { requests: 1_234_567, ..ran(day(&world, 0), 3) };
    world.fake.used(id, vec![used]);
    again(&mut world).await;
    world.until("it is counted", async || !usage(&world, "").await.is_empty()).await;
    let mut admin = Browser::new(&world, "acme.localhost");
    let body = json!({"mail": "eva@sol.example", "role": "customer-user", "publisher": "acme", "customer": "sol"});
    join(&world, &mut admin, body).await.has("Usage so far this month").has("1,234,567").has("1.5\u{a0}GB·h");
    admin.open("/c/sol/installations/hola-sol").await.has("1,234,567");
    admin.open("/c/sol/usage").await.has("hola-sol").has("3\u{a0}h");
    admin.open("/c/sol/usage?month=2020-01").await.has("Nothing was used").has("January 2020");
    admin.open("/c/sol/usage?month=x").await.has("write a month");
    admin.cookies.insert("language".into(), "es".into());
    admin.open("/c/sol").await.has("1.234.567").has("1,5\u{a0}GB·h");
    let (headers, csv) = admin.download("/c/sol/usage.csv").await;
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8");
    let csv = String::from_utf8(csv).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("month,publisher,customer,app,installation,") && lines.len() == 2, "{csv}");
    assert!(lines[1].contains(",acme,sol,hola,hola-sol,1,3.00,1.5000,"), "{csv}");

    let mut billing = Browser::new(&world, "localhost");
    let body = json!({"mail": "bill@acme.example", "role": "billing", "publisher": "acme"});
    join(&world, &mut billing, body).await;
    billing.open("/p/acme/usage").await.has("customer=sol").has("1,234,567");
    billing.open("/p/acme/usage?customer=sol").await.has("Panadería El Sol").has("hola-sol");
    billing.open("/p/acme/installations/hola-sol").await.has("1,234,567");
    let removed: Accepted = world.delete("/installations/hola-sol").await.expect(202).json();
    world.ended(removed.operation).await;
    world.delete("/customers/acme:sol").await.expect(204);
    world.post("/customers", json!({"publisher": "acme", "slug": "sol", "name": "Sol SA"})).await.expect(201);
    billing.open("/p/acme/usage").await.has("customer=sol&amp;former=true").has("deleted");
    billing.open("/p/acme/usage?customer=sol").await.has("Sol SA").has("Nothing was used");
    let old = billing.open("/p/acme/usage?customer=sol&former=true").await;
    old.has("hola-sol").has("sol (deleted)").has("&amp;former=true");
    assert!(!old.html.contains("Sol SA"));
    let (_, csv) = billing.download("/p/acme/usage.csv?customer=sol&former=true").await;
    assert!(String::from_utf8(csv).unwrap().contains(",hola-sol,"));
    let (_, csv) = billing.download("/p/acme/usage.csv?by=customer").await;
    assert!(String::from_utf8(csv).unwrap().contains(",acme,sol,,,1,3.00,"));
}

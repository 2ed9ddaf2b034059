//! Who has not read the last word of a ticket sees so until they look.

use plane::wire::{NewToken, Page, Ticket};
use reqwest::Method;
use serde_json::json;

use crate::pages::{Browser, Multi, join, scene};
use crate::roles::ask;
use crate::world::World;

/// How many unread tickets the menu of a page tells of.
fn count(html: &str) -> u32 {
    let (_, rest) = html.split_once("/tickets\"").expect("there is a link to tickets");
    let (entry, _) = rest.split_once("</a>").unwrap();
    entry.split_once("class=\"count\">").map_or(0, |(_, rest)| rest.split('<').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn the_last_word_is_unread_for_everybody_else_until_they_look() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    // What was said before somebody came is no news to them.
    assert_eq!((count(&owner.open("/p/acme").await.html), count(&admin.open("/c/sol").await.html)), (0, 0));
    let form = Multi { fields: &[("text", "It is broken")], files: &[] };
    admin.send_files("/c/sol/tickets/1", "/c/sol/tickets/1", form).await.has("It is broken");
    assert_eq!((count(&owner.open("/p/acme").await.html), count(&admin.open("/c/sol").await.html)), (1, 0));
    owner.open("/p/acme/tickets").await.has("class=\"unread\"").has("not read yet");
    assert_eq!(count(&owner.open("/p/acme/tickets/1").await.html), 0, "looking at it is reading it");
    assert!(!owner.open("/p/acme/tickets").await.html.contains("class=\"unread\""));

    // A note is for colleagues only; each has read it or not on their own.
    let mut eva = Browser::new(&world, "localhost");
    join(&world, &mut eva, json!({"mail": "eva@acme.example", "role": "support", "publisher": "acme"})).await;
    let form = Multi { fields: &[("text", "They say so often"), ("internal", "on"), ("act", "send")], files: &[] };
    owner.send_files("/p/acme/tickets/1", "/p/acme/tickets/1", form).await.has("They say so often");
    assert_eq!(count(&eva.open("/p/acme").await.html), 1);
    assert_eq!((count(&owner.open("/p/acme").await.html), count(&admin.open("/c/sol").await.html)), (0, 0));
    let form = Multi { fields: &[("text", "Try again"), ("state", "waiting"), ("act", "send")], files: &[] };
    owner.send_files("/p/acme/tickets/1", "/p/acme/tickets/1", form).await.has("Try again");
    assert_eq!((count(&eva.open("/p/acme").await.html), count(&admin.open("/c/sol").await.html)), (1, 1));
    admin.open("/c/sol/tickets").await.has("class=\"unread\"");
    let mut billing = Browser::new(&world, "localhost");
    join(&world, &mut billing, json!({"mail": "bill@acme.example", "role": "billing", "publisher": "acme"})).await;
    assert!(!billing.open("/p/acme").await.html.contains("class=\"count\""));
}

#[tokio::test]
async fn by_the_api_a_person_reads_and_nobody_in_particular_cannot() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let form = Multi { fields: &[("text", "It is broken")], files: &[] };
    admin.send_files("/c/sol/tickets/1", "/c/sol/tickets/1", form).await;
    let form = [("name", "mine"), ("days", "30"), ("support", "on")];
    let page = owner.send("/p/acme/tokens", "/p/acme/tokens", &form).await;
    let secret = page.html.split("vct_").nth(1).map(|rest| rest.split(['"', '<']).next().unwrap().to_owned());
    let token = format!("vct_{}", secret.expect("a token was made"));
    let asked =
        async |method: Method, path: &str, body: Option<Vec<u8>>| ask(&world, Some(&token), method, path, body).await;
    let first = |got: crate::world::Got| got.json::<Page<Ticket>>().items[0].unread;
    assert!(first(asked(Method::GET, "/tickets", None).await));
    assert!(asked(Method::GET, "/tickets/1", None).await.json::<Ticket>().unread);
    let seen = asked(Method::POST, "/tickets/1/seen", Some(b"{}".to_vec())).await.expect(200);
    assert!(!seen.json::<Ticket>().unread);
    assert!(!first(asked(Method::GET, "/tickets", None).await));
    asked(Method::POST, "/tickets/1/seen", Some(br#"{"unread": true}"#.to_vec())).await.expect(200);
    assert!(first(asked(Method::GET, "/tickets", None).await));
    asked(Method::POST, "/tickets/99/seen", Some(b"{}".to_vec())).await.refused(404, "unknown-ticket");
    let body = json!({"name": "t", "role": "support", "publisher": "acme"});
    let nobody: NewToken = world.post("/tokens", body).await.expect(201).json();
    let got = ask(&world, Some(&nobody.secret), Method::POST, "/tickets/1/seen", Some(b"{}".to_vec())).await;
    got.refused(409, "no-person");
}

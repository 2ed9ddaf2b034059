//! What people show besides a password.

use plane::totp;
use plane::wire::{Member, SignIn};
use reqwest::Method;
use serde_json::json;

use crate::pages::{Browser, Page, join, scene};
use crate::roles::ask;
use crate::world::World;

pub const PASSWORD: &str = "four words serve well";

/// The code that an app shows now.
pub fn code(world: &World, secret: &str) -> String {
    totp::code(secret, totp::step(world.clock.now())).unwrap()
}

/// Sets an app up; its secret, and the page that tells so.
pub async fn set_up(world: &World, browser: &mut Browser<'_>) -> (String, Page) {
    let page = browser.open("/account/security/app").await;
    let (sealed, secret) = (page.after("name=\"sealed\" value=\""), page.after("readonly value=\""));
    let secret = secret.replace(' ', "");
    let first = code(world, &secret);
    let form = [("sealed", sealed.as_str()), ("code", &first), ("proof", PASSWORD)];
    let page = browser.send("/account/security/app", "/account/security/app", &form).await;
    assert_eq!(page.status, 200, "{}", page.html);
    (secret, page)
}

/// The codes on paper that a page shows.
fn codes(page: &Page) -> Vec<String> {
    let (_, rest) = page.html.split_once("<code>").unwrap();
    rest.split("</code>").next().unwrap().lines().map(str::to_owned).collect()
}

/// Shows the password.
pub async fn log_in<'a>(world: &'a World, mail: &str) -> (Browser<'a>, Page) {
    let mut browser = Browser::new(world, "localhost");
    let form = [("mail", mail), ("password", PASSWORD), ("to", "/account")];
    let page = browser.send("/login", "/login", &form).await;
    (browser, page)
}

#[tokio::test]
async fn the_password_alone_lets_nobody_in_and_a_code_serves_once() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let (secret, page) = set_up(&world, &mut owner).await;
    let paper = codes(&page);
    assert_eq!(paper.len(), 10);
    let used = code(&world, &secret);

    let (mut later, page) = log_in(&world, "ana@acme.example").await;
    assert_eq!(page.path, "/login/code?to=%2Faccount");
    page.has("ana@acme.example");
    assert!(later.open("/account").await.path.starts_with("/login?"), "half a login is no session");
    assert!(!later.cookies.contains_key("session"));
    let wrong = later.send("/login/code", "/login/code", &[("code", &used), ("to", "/account")]).await;
    assert_eq!(wrong.status, 422, "the code that set it up was used");
    world.clock.forward(1);
    assert_eq!(later.open("/login/code").await.path, "/login", "half a login is over after minutes");

    let (mut later, _) = log_in(&world, "ana@acme.example").await;
    let half = later.cookies["half-login"].clone();
    let right = code(&world, &secret);
    let page = later.send("/login/code", "/login/code", &[("code", &right), ("to", "/account")]).await;
    page.has("ana@acme.example").has("Where you are logged in");
    // Neither the half login nor the code serves another time.
    let mut thief = Browser::new(&world, "localhost");
    thief.cookies.insert("half-login".into(), half);
    assert_eq!(thief.open("/login/code").await.path, "/login");
    let (mut thief, _) = log_in(&world, "ana@acme.example").await;
    let again = thief.send("/login/code", "/login/code", &[("code", &right), ("to", "/account")]).await;
    assert_eq!(again.status, 422);
    // A code on paper serves once too, however it is written.
    let written = paper[3].to_uppercase().replace('-', " ");
    thief.send("/login/code", "/login/code", &[("code", &written), ("to", "/account")]).await.has("Where you are");
    thief.open("/account/security").await.has("9 codes left");
    let (mut thief, _) = log_in(&world, "ana@acme.example").await;
    assert_eq!(thief.send("/login/code", "/login/code", &[("code", &paper[3]), ("to", "/")]).await.status, 422);
    let kept = std::fs::read(world.data.path().join("store.sqlite")).unwrap_or_default();
    for text in [secret.as_bytes(), paper[4].as_bytes()] {
        assert!(!kept.windows(text.len()).any(|piece| piece == text), "the store holds a secret");
    }
}

#[tokio::test]
async fn codes_are_guessed_ten_times_whoever_logs_in_again() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let (secret, _) = set_up(&world, &mut owner).await;
    world.clock.forward(1);
    for _ in 0..2 {
        let (mut thief, _) = log_in(&world, "ana@acme.example").await;
        for _ in 0..5 {
            let page = thief.send("/login/code", "/login/code", &[("code", "000000"), ("to", "/")]).await;
            assert_eq!(page.status, 422);
        }
    }
    let (mut thief, _) = log_in(&world, "ana@acme.example").await;
    let right = code(&world, &secret);
    let form = [("code", right.as_str()), ("to", "/")];
    assert_eq!(thief.send("/login/code", "/login/code", &form).await.status, 429, "also with the right one");
    world.clock.forward(1);
    let (mut owner, _) = log_in(&world, "ana@acme.example").await;
    let right = code(&world, &secret);
    owner.send("/login/code", "/login/code", &[("code", &right), ("to", "/account")]).await.has("Where you are");
}

#[tokio::test]
async fn it_is_turned_off_with_the_password_or_a_code_only() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let (_, page) = set_up(&world, &mut owner).await;
    let paper = codes(&page);
    for wrong in ["", "wrong", "000000"] {
        let page = owner.send("/account/security", "/account/security/app/off", &[("proof", wrong)]).await;
        assert_eq!(page.status, 422, "{wrong}");
    }
    let page = owner.send("/account/security", "/account/security/codes", &[("proof", PASSWORD)]).await;
    let newer = codes(&page);
    assert!(newer.len() == 10 && newer.iter().all(|code| !paper.contains(code)));
    let old = owner.send("/account/security", "/account/security/app/off", &[("proof", &paper[0])]).await;
    assert_eq!(old.status, 422, "those of before stopped working");
    owner.send("/account/security", "/account/security/app/off", &[("proof", &newer[0])]).await.has("The app is off");
    let (_, page) = log_in(&world, "ana@acme.example").await;
    page.has("Where you are logged in");
}

#[tokio::test]
async fn who_finds_a_browser_open_adds_no_second_factor_of_their_own() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let page = owner.open("/account/security/app").await;
    let (sealed, secret) = (page.after("name=\"sealed\" value=\""), page.after("readonly value=\""));
    let first = code(&world, &secret.replace(' ', ""));
    let here = "/account/security/app";
    for proof in ["", "wrong", first.as_str()] {
        let form = [("sealed", sealed.as_str()), ("code", first.as_str()), ("proof", proof)];
        let page = owner.send(here, here, &form).await;
        assert_eq!(page.status, 422, "{proof}");
        page.has("neither your password nor a code");
    }
    owner.open("/account/security").await.has("off");
    let form = [("sealed", sealed.as_str()), ("code", first.as_str())];
    assert_eq!(owner.send(here, here, &form).await.status, 422, "a form without it is none");
    set_up(&world, &mut owner).await;
    // Another app in its place needs it, too, and a code of the one before is enough.
    let page = owner.open(here).await;
    let (sealed, secret) = (page.after("name=\"sealed\" value=\""), page.after("readonly value=\""));
    let other = code(&world, &secret.replace(' ', ""));
    let form = [("sealed", sealed.as_str()), ("code", other.as_str()), ("proof", other.as_str())];
    assert_eq!(owner.send(here, here, &form).await.status, 422, "a code of the new one proves nothing");
}

#[tokio::test]
async fn a_publisher_requires_it_of_its_members_and_sees_who_has_it() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let mut developer = Browser::new(&world, "localhost");
    let body = json!({"mail": "bo@acme.example", "role": "developer", "publisher": "acme"});
    join(&world, &mut developer, body).await.has("Acme Software");
    let form = [("name", "pipe"), ("days", "10"), ("role", ""), ("publish", "on")];
    let made = developer.send("/p/acme/tokens", "/p/acme/tokens", &form).await;
    let token = made.after("readonly value=\"vct_");
    let token = Some(format!("vct_{token}"));
    ask(&world, token.as_deref(), Method::GET, "/apps", None).await.expect(200);

    let form = [("second_factor", "on")];
    let page = owner.send("/p/acme/sign-in", "/p/acme/sign-in", &form).await;
    assert_eq!(page.status, 409, "who requires it has one");
    set_up(&world, &mut owner).await;
    owner.send("/p/acme/sign-in", "/p/acme/sign-in", &form).await.has("One person has none");
    assert!(world.get("/publishers/acme/sign-in").await.json::<SignIn>().second_factor);
    owner.open("/p/acme/team").await.has("password only").has("Second factor");

    let page = developer.open("/p/acme/apps").await;
    assert_eq!(page.path, "/account/security?wanted=acme");
    page.has("acme wants a second factor");
    ask(&world, token.as_deref(), Method::GET, "/apps", None).await.refused(403, "second-factor");
    set_up(&world, &mut developer).await;
    assert_eq!(developer.open("/p/acme/apps").await.path, "/p/acme/apps");
    ask(&world, token.as_deref(), Method::GET, "/apps", None).await.expect(200);
    let members: plane::wire::Page<Member> = world.get("/members?publisher=acme").await.json();
    assert!(members.items.iter().all(|member| member.second_factor == Some(true)));
    let members: plane::wire::Page<Member> = ask(&world, token.as_deref(), Method::GET, "/members", None).await.json();
    assert!(members.items.iter().all(|member| member.second_factor.is_none()), "developers decide nothing about it");
    developer.open("/p/acme/sign-in").await.has("role does not allow");
}

#[tokio::test]
async fn who_runs_the_platform_resets_what_was_lost() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    set_up(&world, &mut owner).await;
    set_up(&world, &mut admin).await;
    let mut operator = Browser::new(&world, "localhost");
    join(&world, &mut operator, json!({"mail": "root@localhost", "role": "operator"})).await.has("Platform");
    owner.open("/p/acme/team").await;
    let members: plane::wire::Page<Member> = world.get("/members?publisher=acme").await.json();
    let action = format!("/p/acme/team/{}/second-factor", members.items[0].id);
    assert_eq!(owner.send("/p/acme/team", &action, &[]).await.status, 403, "not even an owner");
    operator.send("/p/acme/team", &action, &[]).await.has("Their second factor is gone");
    assert!(owner.open("/account").await.path.starts_with("/login"), "they are logged out");
    let (_, page) = log_in(&world, "ana@acme.example").await;
    page.has("Where you are logged in");
    let path = "/members/luz@sol.example/second-factor?publisher=acme&customer=sol";
    world.delete(path).await.expect(204);
    assert!(admin.open("/account").await.path.starts_with("/login"));
    let events = world.get("/events?before=now&limit=10").await.text();
    assert!(events.contains("member.second-factor") && events.contains("luz@sol.example"), "{events}");
}

//! A command line without a password is let in by a person's browser.

use plane::access::Role;
use plane::wire::{DeviceLoginBegun, Me, NewToken, Token};
use reqwest::Method;
use serde_json::{Value, json};

use crate::pages::{Browser, join, scene};
use crate::roles::ask;
use crate::world::{Got, World};

async fn begin(world: &World, body: Value) -> DeviceLoginBegun {
    let body = Some(body.to_string().into_bytes());
    ask(world, None, Method::POST, "/device-logins", body).await.expect(201).json()
}

async fn token(world: &World, begun: &DeviceLoginBegun) -> Got {
    let body = json!({ "device_code": begun.device_code }).to_string().into_bytes();
    ask(world, None, Method::POST, "/device-logins/token", Some(body)).await
}

#[tokio::test]
async fn a_person_lets_a_command_line_in_and_it_logs_out() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let begun = begin(&world, json!({ "name": "laptop", "scopes": ["publish", "manage"], "days": 2 })).await;
    let site = format!("http://localhost:{}", world.address.port());
    assert_eq!(begun.verification_uri_complete, format!("{site}/device?code={}", begun.user_code));
    token(&world, &begun).await.refused(409, "authorization-pending");
    token(&world, &begun).await.refused(409, "slow-down");

    let path = format!("/device?code={}", begun.user_code.to_lowercase());
    let page = owner.open(&path).await;
    page.has("laptop").has("127.0.0.1").has("publish").has("For 2 days").has("begun this yourself");
    let nowhere = [("code", begun.user_code.as_str()), ("place", "zulu:"), ("decision", "approved")];
    assert_eq!(owner.send(&path, "/device", &nowhere).await.status, 422);
    let form = [("code", begun.user_code.as_str()), ("place", "acme:"), ("decision", "approved")];
    owner.send(&path, "/device", &form).await.has("The command line is let in");
    assert_eq!(owner.send("/account", "/device", &form).await.status, 422, "it was decided");
    let made: NewToken = token(&world, &begun).await.expect(200).json();
    token(&world, &begun).await.refused(409, "expired-token");
    assert_eq!((made.token.role, made.token.personal), (Role::Owner, true));
    let secret = Some(made.secret.as_str());
    let me: Me = ask(&world, secret, Method::GET, "/me", None).await.expect(200).json();
    assert_eq!((me.name.as_str(), me.publisher.unwrap().as_str()), ("ana@acme.example", "acme"));
    let body = Some(br#"{"app": "hola", "customer": "sol"}"#.to_vec());
    ask(&world, secret, Method::POST, "/installations", body).await.refused(403, "scope");

    ask(&world, secret, Method::DELETE, "/me/token", None).await.expect(204);
    ask(&world, secret, Method::GET, "/me", None).await.refused(401, "unauthorized");
    world.delete("/me/token").await.refused(409, "operator-token");
    let told = world.get("/events?before=now&limit=10").await.text();
    for verb in ["device.approve", "token.create", "token.end"] {
        assert!(told.contains(verb), "{verb}: {told}");
    }
}

#[tokio::test]
async fn what_is_refused_forgotten_or_guessed_lets_nobody_in() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let refused = begin(&world, json!({ "name": "strange" })).await;
    let form = [("code", refused.user_code.as_str()), ("place", "acme:"), ("decision", "refused")];
    owner.send("/account", "/device", &form).await.has("It was not let in");
    token(&world, &refused).await.refused(409, "access-denied");

    let late = begin(&world, json!({ "name": "late" })).await;
    world.clock.forward(1);
    assert_eq!(owner.open(&format!("/device?code={}", late.user_code)).await.status, 422);
    token(&world, &late).await.refused(409, "expired-token");

    // Who approved is gone when the token is taken.
    let begun = begin(&world, json!({ "name": "gone" })).await;
    let mut developer = Browser::new(&world, "localhost");
    let body = json!({"mail": "bo@acme.example", "role": "developer", "publisher": "acme"});
    join(&world, &mut developer, body).await.has("Acme Software");
    let form = [("code", begun.user_code.as_str()), ("place", "acme:"), ("decision", "approved")];
    developer.send("/account", "/device", &form).await.has("is let in");
    world.delete("/members/bo@acme.example?publisher=acme").await.expect(204);
    token(&world, &begun).await.refused(409, "access-denied");

    world.clock.forward(1);
    for _ in 0..10 {
        assert_eq!(owner.open("/device?code=BBBB-BBBB").await.status, 422);
    }
    assert_eq!(owner.open("/device?code=BBBB-BBBB").await.status, 429);
    let all: plane::wire::Page<Token> = world.get("/tokens").await.json();
    assert!(all.items.iter().all(|token| !["strange", "late", "gone"].contains(&token.name.as_str())));
    for body in [json!({}), json!({ "name": "" }), json!({ "name": "x", "scopes": ["all"] })] {
        let body = Some(body.to_string().into_bytes());
        assert_eq!(ask(&world, None, Method::POST, "/device-logins", body).await.status, 422);
    }
}

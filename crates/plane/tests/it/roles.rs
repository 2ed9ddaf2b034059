//! Everybody tries everything: each route as each role, on their own things and on others'.

use plane::access::{Body, Role, Row, TABLE};
use plane::wire::{Installation, NewToken};
use reqwest::Method;
use serde_json::{Value, json};

use crate::pages::PIXEL;
use crate::world::{Got, TOKEN, World, package};

/// What nobody at the publisher `acme` may ever read. Customers may not read of `kilo` either, its other customer.
const FOREIGN: &str = "zulu";

/// Somebody who tries.
struct Actor {
    name: String,
    role: Option<Role>,
    token: Option<String>,
    /// Their own things, and a path for each row.
    own: Things,
    /// Others' things, as they would have to name them.
    foreign: Vec<Things>,
}

/// What a path can name.
#[derive(Clone)]
struct Things {
    publisher: &'static str,
    app: String,
    customer: String,
    installation: String,
    operation: String,
    deployment: String,
    token: String,
    ticket: String,
    answer: String,
}

struct Scene {
    world: World,
    actors: Vec<Actor>,
}

fn word(role: Role) -> String {
    serde_json::to_value(role).unwrap().as_str().unwrap().to_owned()
}

/// Asks as somebody.
pub async fn ask(world: &World, token: Option<&str>, method: Method, path: &str, body: Option<Vec<u8>>) -> Got {
    let mut request = world.http.request(method, world.url(path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        let kind = if path.ends_with("/versions") || path.ends_with("/host") {
            "application/gzip"
        } else {
            "application/json"
        };
        request = request.header("content-type", kind).body(body);
    }
    world.send(request).await
}

impl Things {
    /// The path of a row, with these things in it.
    fn path(&self, row: &Row, qualified: bool) -> String {
        let whose = if qualified { format!("{}:", self.publisher) } else { String::new() };
        row.path
            .replace("/branding/images/{image}", "/branding/images/logo")
            .replace("{publisher}", self.publisher)
            .replace("{app}", &format!("{whose}{}", self.app))
            .replace("{customer}", &format!("{whose}{}", self.customer))
            .replace("{installation}", &self.installation)
            .replace("{operation}", &self.operation)
            .replace("{deployment}", &self.deployment)
            .replace("{token}", &self.token)
            .replace("{ticket}", &self.ticket)
            .replace("{answer}", &self.answer)
            .replace("{attachment}", "none")
            .replace("{document}", "start")
            .replace("{image}", "start.png")
            .replace("{number}", "1")
            .replace("{snapshot}", "none")
            .replace("{backup}", "none")
            .replace("{server}", "none")
            .replace("{webhook}", "none")
            .replace("{delivery}", "none")
    }
}

/// A token without a person.
async fn token(world: &World, role: Role, publisher: Option<&str>, customer: Option<&str>) -> NewToken {
    let body = json!({"name": "a test", "role": role, "publisher": publisher, "customer": customer});
    world.post("/tokens", body).await.expect(201).json()
}

/// Everything that one customer of a publisher has.
async fn things(world: &World, publisher: &'static str, customer: &str) -> Things {
    let app = "hola";
    if world.get(&format!("/customers/{publisher}:{customer}")).await.status == 404 {
        let body = json!({"slug": customer, "publisher": publisher, "name": format!("{customer} of {publisher}")});
        world.post("/customers", body).await.expect(201);
    }
    let body = json!({"app": format!("{publisher}:{app}"), "customer": customer});
    let accepted: plane::wire::Accepted = world.post("/installations", body).await.expect(202).json();
    world.ended(accepted.operation).await;
    let token = token(world, Role::CustomerUser, Some(publisher), Some(customer)).await;
    let body = json!({"customer": format!("{publisher}:{customer}"), "subject": format!("{customer} of {publisher}"),
        "text": format!("{customer} cannot open it"), "installation": accepted.installation.name});
    let ticket: plane::wire::Ticket = world.post("/tickets", body).await.expect(201).json();
    let body = json!({"publisher": publisher, "title": format!("for {customer} of {publisher}"), "text": "Hello"});
    let answer: plane::wire::CannedAnswer = world.post("/answers", body).await.expect(201).json();
    Things {
        publisher,
        app: app.into(),
        customer: customer.into(),
        installation: accepted.installation.name.to_string(),
        operation: accepted.operation.to_string(),
        deployment: String::new(),
        token: token.token.id,
        ticket: ticket.id.to_string(),
        answer: answer.id.to_string(),
    }
}

async fn publisher(world: &World, slug: &'static str, content: u32) {
    world.post("/publishers", json!({"slug": slug, "name": format!("{slug} software")})).await.expect(201);
    let query = format!("?create=true&notes=of-{slug}");
    world.publish_bytes(&format!("{slug}:hola"), &query, package("hola", content)).await.expect(201);
    let page = json!({"slug": "start", "title": "Start", "text": format!("of {slug}"), "publish": true});
    world.post(&format!("/apps/{slug}:hola/documents"), page).await.expect(201);
    let image = world.request(Method::POST, &format!("/apps/{slug}:hola/images?name=start.png"));
    world.send(image.body(PIXEL.to_vec())).await.expect(201);
}

async fn scene() -> Scene {
    let world = World::new().await;
    publisher(&world, "acme", 1).await;
    publisher(&world, FOREIGN, 2).await;
    let (mut one, mut other) = (things(&world, "acme", "one").await, things(&world, "acme", "kilo").await);
    let mut foreign = things(&world, FOREIGN, "zulu-three").await;
    for (slug, content, whose) in [("acme", 3, vec![&mut one, &mut other]), (FOREIGN, 4, vec![&mut foreign])] {
        let query = format!("?notes=of-{slug}");
        world.publish_bytes(&format!("{slug}:hola"), &query, package("hola", content)).await.expect(201);
        let deployment = world.deploy_all(&format!("{slug}:hola")).await.id.to_string();
        whose.into_iter().for_each(|things| things.deployment = deployment.clone());
    }
    let mut actors = vec![
        Actor { name: "nobody".into(), role: None, token: None, own: one.clone(), foreign: vec![] },
        Actor { name: "a stranger".into(), role: None, token: Some("vct_1".into()), own: one.clone(), foreign: vec![] },
    ];
    let expired = token(&world, Role::Owner, Some("acme"), None).await.secret;
    world.clock.forward(24 * 366);
    actors.push(Actor { name: "expired".into(), role: None, token: Some(expired), own: one.clone(), foreign: vec![] });
    let token_of = Some(TOKEN.to_owned());
    actors.push(Actor {
        name: "operator".into(),
        role: Some(Role::Operator),
        token: token_of,
        own: one.clone(),
        foreign: vec![],
    });
    for role in [Role::Owner, Role::Developer, Role::Support, Role::Billing] {
        let token = Some(token(&world, role, Some("acme"), None).await.secret);
        let foreign = vec![foreign.clone()];
        actors.push(Actor { name: word(role), role: Some(role), token, own: one.clone(), foreign });
    }
    for role in [Role::CustomerAdmin, Role::CustomerUser] {
        let token = Some(token(&world, role, Some("acme"), Some("one")).await.secret);
        let foreign = vec![foreign.clone(), other.clone()];
        actors.push(Actor { name: word(role), role: Some(role), token, own: one.clone(), foreign });
    }
    Scene { world, actors }
}

/// A body that is refused by whoever reads it.
fn nonsense(row: &Row) -> Option<Vec<u8>> {
    match row.body {
        Body::None => None,
        Body::Json => Some(br#"{"nonsense": 1}"#.to_vec()),
        Body::Stream => Some(b"nonsense\n".to_vec()),
    }
}

/// The publishers' and the platform's own things are no customer's, whoever they are.
fn named(row: &Row) -> bool {
    row.path.contains('{') && !["/servers", "/tokens/{token}"].iter().any(|path| row.path.starts_with(path))
}

#[tokio::test]
async fn each_route_is_for_the_roles_of_its_row_and_for_nobody_else() {
    let Scene { world, actors } = scene().await;
    for row in TABLE {
        let method: Method = row.method.as_str().parse().unwrap();
        // So many wrong tokens in one minute would be told to wait.
        world.clock.forward(1);
        for actor in &actors {
            let path = actor.own.path(row, actor.role == Some(Role::Operator));
            let got = ask(&world, actor.token.as_deref(), method.clone(), &path, nonsense(row)).await;
            let what = format!("{method} {path} as {}: {} {}", actor.name, got.status, got.text());
            if row.who.is_empty() {
                assert_eq!(got.status, 422, "it is for whoever asks: {what}");
                continue;
            }
            match actor.role {
                None => assert_eq!(got.status, 401, "{what}"),
                Some(role) if !row.who.contains(&role) => assert_eq!(got.problem().code, "forbidden", "{what}"),
                Some(_) => {
                    assert!(![401, 403].contains(&got.status.as_u16()), "{what}");
                    let own_is_there = got.status == 200 || got.status == 422 || !named(row);
                    let missing = ["none", "no-log", "unknown-picture"].iter().any(|word| what.contains(word));
                    assert!(own_is_there || missing, "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn nobody_reads_what_belongs_to_others() {
    let Scene { world, actors } = scene().await;
    let mut read = 0;
    for actor in actors.iter().filter(|actor| actor.role.is_some_and(|role| role != Role::Operator)) {
        let rows = TABLE.iter().filter(|row| row.who.contains(&actor.role.unwrap()) && row.method == http::Method::GET);
        for row in rows {
            let path = actor.own.path(row, false);
            let got = ask(&world, actor.token.as_deref(), Method::GET, &path, None).await;
            for foreign in &actor.foreign {
                let told = [FOREIGN, &foreign.customer].iter().any(|word| got.text().contains(word));
                assert!(!told, "{path} as {}: {}", actor.name, got.text());
            }
            read += got.text().len();
        }
    }
    assert!(read > 20_000, "there was something to be read: {read}");
}

#[tokio::test]
async fn what_belongs_to_others_does_not_exist() {
    let Scene { world, actors } = scene().await;
    let mut tried = 0;
    for actor in actors.iter().filter(|actor| actor.role.is_some_and(|role| role != Role::Operator)) {
        for row in TABLE.iter().filter(|row| row.who.contains(&actor.role.unwrap())) {
            let method: Method = row.method.as_str().parse().unwrap();
            // What a publisher says of its applications is for all of its customers.
            let another =
                |foreign: &&Things| !row.path.starts_with("/apps/") || foreign.publisher != actor.own.publisher;
            for foreign in actor.foreign.iter().filter(|_| row.path.contains('{')).filter(another) {
                let body = match row.path {
                    path if path.ends_with("/exec") => br#"{"command": ["/bin/true"]}"#.to_vec(),
                    path if path.ends_with("/versions") || path.ends_with("/host") => package("hola", 9),
                    "/tickets/{ticket}/messages" => br#"{"text": "x"}"#.to_vec(),
                    "/answers/{answer}" if row.method == http::Method::POST => {
                        br#"{"title": "x", "text": "x"}"#.to_vec()
                    }
                    "/apps/{app}/documents" => br#"{"slug": "new", "title": "New", "text": ""}"#.to_vec(),
                    "/members/{member}" if row.method == http::Method::POST => br#"{"role": "billing"}"#.to_vec(),
                    _ => b"{}".to_vec(),
                };
                let body = Some(body).filter(|_| row.body != Body::None);
                let path = foreign.path(row, foreign.publisher != actor.own.publisher);
                // Customers have no applications and no deployments of their own; their rows are not theirs to call.
                let got = ask(&world, actor.token.as_deref(), method.clone(), &path, body).await;
                assert_eq!(got.status, 404, "{method} {path} as {}: {}", actor.name, got.text());
                tried += 1;
            }
        }
    }
    assert!(tried > 120, "{tried}");
    let left: Installation = world.installation(&actors[4].foreign[0].installation).await;
    assert_eq!(left.state.to_string(), "running", "nobody could do anything to it");
}

#[tokio::test]
async fn nothing_is_made_for_others() {
    let Scene { world, actors } = scene().await;
    let owner = actors.iter().find(|actor| actor.name == "owner").unwrap();
    let admin = actors.iter().find(|actor| actor.name == "customer-admin").unwrap();
    let post = async |actor: &Actor, path: &str, body: Value| {
        ask(&world, actor.token.as_deref(), Method::POST, path, Some(body.to_string().into_bytes())).await
    };
    post(owner, "/apps", json!({"slug": "x", "publisher": FOREIGN})).await.refused(404, "unknown-publisher");
    post(owner, "/customers", json!({"slug": "x", "publisher": FOREIGN})).await.refused(404, "unknown-publisher");
    let install = |app: &str, customer: &str| json!({"app": app, "customer": customer});
    post(owner, "/installations", install("zulu:hola", "one")).await.refused(404, "unknown-app");
    post(owner, "/installations", install("hola", "zulu-three")).await.refused(404, "unknown-customer");
    post(admin, "/installations", install("hola", "kilo")).await.refused(404, "unknown-customer");
    post(admin, "/installations", install("hola", "one")).await.expect(202);
    let token = |role: &str, publisher: &str| json!({"name": "t", "role": role, "publisher": publisher});
    post(owner, "/tokens", token("developer", FOREIGN)).await.refused(404, "unknown-publisher");
    post(owner, "/tokens", json!({"name": "t", "role": "operator"})).await.refused(404, "unknown-publisher");
    let got = post(admin, "/tokens", json!({"name": "t", "role": "owner"})).await;
    got.refused(403, "forbidden");
    let zulu = json!({"name": "t", "role": "customer-user", "customer": "kilo"});
    post(admin, "/tokens", zulu).await.refused(404, "unknown-customer");
    // The same slug at two publishers: whoever reaches both must say which.
    world.get("/apps/hola").await.refused(409, "ambiguous");
    world.get("/apps/acme:hola").await.expect(200);
}

#[tokio::test]
async fn a_token_does_only_what_its_scopes_say() {
    let Scene { world, .. } = scene().await;
    let make = async |scopes: Value| -> String {
        let body = json!({"name": "ci", "role": "owner", "publisher": "acme", "scopes": scopes});
        world.post("/tokens", body).await.expect(201).json::<NewToken>().secret
    };
    let (reads, publishes) = (make(json!(["read"])).await, make(json!(["publish"])).await);
    for token in [&reads, &publishes] {
        ask(&world, Some(token), Method::GET, "/apps", None).await.expect(200);
        let body = Some(b"{}".to_vec());
        ask(&world, Some(token), Method::POST, "/apps/hola/rollback", body).await.refused(403, "scope");
    }
    let body = || Some(br#"{"slug": "neu"}"#.to_vec());
    ask(&world, Some(&reads), Method::POST, "/apps", body()).await.refused(403, "scope");
    ask(&world, Some(&publishes), Method::POST, "/apps", body()).await.expect(201);
    let manages = make(json!(["manage"])).await;
    let more = |scope: &str| Some(json!({"name": "more", "scopes": [scope]}).to_string().into_bytes());
    ask(&world, Some(&manages), Method::POST, "/tokens", more("deploy")).await.refused(403, "scope");
    ask(&world, Some(&manages), Method::POST, "/tokens", more("manage")).await.expect(201);
    let everything = Some(json!({"name": "more"}).to_string().into_bytes());
    ask(&world, Some(&manages), Method::POST, "/tokens", everything).await.refused(403, "scope");
    world.post("/tokens", json!({"name": "x", "scopes": ["fly"]})).await.refused(422, "bad-scope");
    world.post("/tokens", json!({"name": "x", "days": 0})).await.refused(422, "bad-days");
}

#[tokio::test]
async fn a_token_of_nobody_is_deleted_by_those_who_decide_only() {
    let Scene { world, .. } = scene().await;
    let (owners, developers) = (
        token(&world, Role::Owner, Some("acme"), None).await,
        token(&world, Role::Developer, Some("acme"), None).await,
    );
    let path = format!("/tokens/{}", owners.token.id);
    let body = || Some(b"{}".to_vec());
    ask(&world, Some(&developers.secret), Method::DELETE, &path, body()).await.refused(404, "unknown-token");
    ask(&world, Some(&owners.secret), Method::DELETE, &path, body()).await.expect(204);
}

#[tokio::test]
async fn a_host_name_is_a_portals_or_an_installations() {
    let Scene { world, .. } = scene().await;
    let body = json!({"app": "acme:hola", "customer": "one", "name": "zulu"});
    world.post("/installations", body).await.refused(409, "name-taken");
    world.post("/publishers", json!({"slug": "hola-one"})).await.refused(409, "publisher-exists");
}

#[tokio::test]
async fn a_deleted_token_lets_nobody_in() {
    let Scene { world, .. } = scene().await;
    let made = token(&world, Role::Owner, Some("acme"), None).await;
    ask(&world, Some(&made.secret), Method::GET, "/apps", None).await.expect(200);
    world.delete(&format!("/tokens/{}", made.token.id)).await.expect(204);
    ask(&world, Some(&made.secret), Method::GET, "/apps", None).await.refused(401, "unauthorized");
    world.delete(&format!("/tokens/{}", made.token.id)).await.refused(404, "unknown-token");
    world.delete("/tokens/operator").await.refused(404, "unknown-token");
}

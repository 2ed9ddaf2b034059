//! What a publisher writes about an application, and what its customers see of it.

use plane::wire::{Document, DocumentRevision, NewToken, Page};
use reqwest::Method;
use serde_json::{Value, json};

use crate::pages::{Browser, PIXEL, scene};
use crate::world::World;

const DOCS: &str = "/apps/acme:hola/documents";

async fn slugs(world: &World, query: &str) -> Vec<String> {
    let all: Page<Document> = world.get(&format!("{DOCS}{query}")).await.expect(200).json();
    all.items.into_iter().map(|one| one.slug.to_string()).collect()
}

#[tokio::test]
async fn customers_see_the_published_text_and_nothing_else() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let form = [("title", "Secret plans"), ("slug", "plans"), ("text", "draft one"), ("verb", "draft")];
    owner.send("/p/acme/apps/hola/write", "/p/acme/apps/hola/write", &form).await.has("Kept as a draft");
    assert_eq!(admin.open("/c/sol/docs/hola/plans").await.status, 404);
    assert!(!admin.open("/c/sol/docs/hola").await.html.contains("Secret plans"));
    let form =
        [("title", "Plans"), ("text", "first *public* text"), ("parent", ""), ("verb", "publish"), ("read", "1")];
    let edit = "/p/acme/apps/hola/docs/plans/edit";
    owner.send(edit, edit, &form).await.has("Customers see it now");
    admin.open("/c/sol/docs/hola/plans").await.has("first <em>public</em> text");
    let form = [("title", "Plans"), ("text", "second <script>x</script>"), ("verb", "draft"), ("read", "2")];
    owner.send(edit, edit, &form).await.has("Customers still see an older text").has("&lt;script&gt;");
    admin.open("/c/sol/docs/hola/plans").await.has("first <em>public</em> text");
    // Who has read an older text does not write over a newer one.
    let late = [("title", "Plans"), ("text", "late"), ("verb", "publish"), ("read", "2")];
    let page = owner.send(edit, edit, &late).await;
    assert_eq!(page.status, 409);
    page.has("late").has("has written this page meanwhile");
    let preview = [("title", "Plans"), ("text", "| a |\n|---|\n| b |"), ("verb", "preview"), ("read", "3")];
    owner.send(edit, edit, &preview).await.has("<td>b</td>");
    let history: Page<DocumentRevision> = world.get(&format!("{DOCS}/plans/revisions")).await.expect(200).json();
    assert_eq!(history.items.iter().map(|one| one.number).collect::<Vec<_>>(), [3, 2, 1]);
    let page = "/p/acme/apps/hola/docs/plans";
    owner.open(&format!("{page}?revision=1")).await.has("draft one");
    owner.send(page, &format!("{page}/restore"), &[("revision", "1")]).await.has("draft one");
    owner.send(page, &format!("{page}/hide"), &[]).await.has("Customers see this page no more");
    assert_eq!(admin.open("/c/sol/docs/hola/plans").await.status, 404);
    owner.send(page, &format!("{page}/delete"), &[]).await.has("type &quot;plans&quot; to confirm");
    owner.send(page, &format!("{page}/delete"), &[("confirm", "plans")]).await.has("The page is deleted");
    assert_eq!(owner.open(page).await.status, 404);
}

#[tokio::test]
async fn a_customers_token_reads_what_is_published() {
    let world = World::new().await;
    let (..) = scene(&world).await;
    world.post(DOCS, json!({"slug": "hidden", "title": "Hidden", "text": "contraseña"})).await.expect(201);
    world.post(&format!("{DOCS}/start"), json!({"text": "new draft"})).await.expect(200);
    let made: NewToken = world
        .post(
            "/tokens",
            json!({"name": "t", "role": "customer-user", "publisher": "acme", "customer": "sol", "scopes": []}),
        )
        .await
        .expect(201)
        .json();
    let ask = |path: &str| world.send(world.http.get(world.url(path)).bearer_auth(&made.secret));
    let all: Page<Document> = ask("/apps/hola/documents").await.expect(200).json();
    assert_eq!(all.items.iter().map(|one| one.slug.as_str()).collect::<Vec<_>>(), ["start", "more"]);
    let start: Document = ask("/apps/hola/documents/start").await.expect(200).json();
    assert!(start.text.unwrap().starts_with("# First"));
    assert_eq!((start.revision, start.latest), (1, 1), "there is no word of a draft");
    ask("/apps/hola/documents/hidden").await.refused(404, "unknown-document");
    let found: Page<Document> = ask("/apps/hola/documents?search=contrasena").await.expect(200).json();
    assert_eq!(found.items.iter().map(|one| one.slug.as_str()).collect::<Vec<_>>(), ["more"]);
    ask("/apps/hola/documents/start/revisions").await.refused(403, "forbidden");
    assert_eq!(ask("/apps/hola/images/start.png").await.expect(200).body, PIXEL);
}

#[tokio::test]
async fn the_tree_stays_a_tree() {
    let world = World::new().await;
    let (..) = scene(&world).await;
    let make = async |slug: &str, parent: Option<&str>| {
        let mut body = json!({"slug": slug, "title": slug, "text": ""});
        if let Some(parent) = parent {
            body["parent"] = Value::from(parent);
        }
        world.post(DOCS, body).await
    };
    make("deep", Some("more")).await.expect(201);
    make("deeper", Some("deep")).await.expect(201);
    make("deepest", Some("deeper")).await.refused(422, "bad-parent");
    make("lost", Some("nowhere")).await.refused(422, "bad-parent");
    make("start", None).await.refused(409, "document-exists");
    let change = async |slug: &str, body: Value| world.post(&format!("{DOCS}/{slug}"), body).await;
    change("start", json!({"parent": "start"})).await.refused(422, "bad-parent");
    change("start", json!({"parent": "deep"})).await.refused(422, "bad-parent");
    make("top", None).await.expect(201);
    change("start", json!({"parent": "top"})).await.refused(422, "bad-parent");
    change("more", json!({"parent": ""})).await.expect(200);
    change("start", json!({"parent": "top", "position": 0})).await.expect(200);
    world.delete(&format!("{DOCS}/top")).await.refused(409, "document-in-use");
    change("more", json!({"text": "x".repeat((64 << 10) + 1)})).await.refused(422, "bad-document");
    change("more", json!({"text": "x".repeat(64 << 10)})).await.expect(200);
    change("more", json!({"title": "two\nlines"})).await.refused(422, "bad-title");
    assert_eq!(slugs(&world, "?search=STEPS").await, ["start"]);
    assert_eq!(slugs(&world, "?search=100%25").await, Vec::<String>::new());
}

#[tokio::test]
async fn pictures_are_pictures_and_go_when_nothing_names_them() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let add = |name: &str, body: Vec<u8>| {
        world.send(world.request(Method::POST, &format!("/apps/acme:hola/images?name={name}")).body(body))
    };
    add("evil.svg", b"<svg onload=alert(1)>".to_vec()).await.refused(415, "bad-image");
    add("..%2Fa.png", PIXEL.to_vec()).await.refused(422, "bad-image-name");
    add("", PIXEL.to_vec()).await.refused(422, "bad-image-name");
    add("big.png", [PIXEL, &vec![0; 2 << 20]].concat()).await.refused(413, "too-large");
    add("again.png", PIXEL.to_vec()).await.expect(201);
    let files = || std::fs::read_dir(world.data.path().join("images/acme")).unwrap().count();
    assert_eq!(files(), 1, "the same content once");
    let shown = world.get("/apps/acme:hola/images/start.png").await.expect(200);
    assert_eq!((shown.headers["content-type"].to_str().unwrap(), shown.body.as_slice()), ("image/png", PIXEL));
    admin.open("/c/sol/docs/hola/start").await.has("<img src=\"/c/sol/images/hola/start.png\" alt=\"Start\"");
    assert_eq!(admin.open("/c/sol/images/hola/start.png").await.status, 200);
    let docs = "/p/acme/apps/hola/docs";
    owner.send(docs, "/p/acme/apps/hola/images/again.png/delete", &[]).await.has("The picture is deleted");
    assert_eq!(files(), 1);
    world.delete("/apps/acme:hola/images/start.png").await.expect(204);
    assert_eq!(files(), 0);
    world.delete("/apps/acme:hola/images/start.png").await.refused(404, "unknown-image");
    // A publisher of another place has none of it.
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    let mut other = Browser::new(&world, "localhost");
    crate::pages::join(&world, &mut other, json!({"mail": "z@zulu.example", "role": "owner", "publisher": "zulu"}))
        .await;
    assert_eq!(other.open("/p/zulu/apps/hola/docs").await.status, 404);
    assert_eq!(other.open("/p/acme/apps/hola/docs").await.status, 404);
}

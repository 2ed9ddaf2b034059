//! Tickets: asked in a portal, answered in the console, with files, notes and kept answers.

use plane::wire::{Attachment, Page, Ticket, TicketMessage};
use reqwest::Method;
use serde_json::{Value, json};

use crate::pages::{Browser, Multi, join, scene};
use crate::world::{Got, World};

/// Somebody who has a token with a role at `acme`, for its customer if there is one.
async fn token(world: &World, role: &str, customer: Option<&str>) -> String {
    let body = json!({"name": "a test", "role": role, "publisher": "acme", "customer": customer});
    world.post("/tokens", body).await.expect(201).json::<plane::wire::NewToken>().secret
}

async fn ask(world: &World, token: &str, method: Method, path: &str, body: Option<Value>) -> Got {
    let mut request = world.http.request(method, world.url(path)).bearer_auth(token);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    world.send(request).await
}

async fn attach(world: &World, token: &str, name: &str, content: Vec<u8>) -> Got {
    let request = world.http.post(world.url(&format!("/attachments?name={name}"))).bearer_auth(token);
    world.send(request.body(content)).await
}

/// Files that are kept on disk.
fn kept(world: &World) -> usize {
    std::fs::read_dir(world.data.path().join("attachments")).unwrap().count()
}

#[tokio::test]
async fn a_customer_asks_in_the_portal_and_is_answered_in_the_console() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    admin.open("/c/sol/tickets").await.has("The till").has("Waits for you");
    let fields = [("subject", "It is <b>slow</b>"), ("text", "Since **monday**\n<script>alert(1)</script>")];
    let files: [(&str, &[u8]); 2] = [("../año.txt", "mañana".as_bytes()), ("b.html", b"<script>alert(2)</script>")];
    let page = admin.send_files("/c/sol/tickets/new", "/c/sol/tickets", Multi { fields: &fields, files: &files }).await;
    page.has("Your question was sent").has("It is &lt;b&gt;slow&lt;/b&gt;").has("<strong>monday</strong>");
    page.has("&lt;script&gt;alert(1)").has("año.txt").has("b.html");
    assert_eq!(page.path, "/c/sol/tickets/2");
    let file = page.after("/c/sol/tickets/2/attachments/");

    owner.open("/p/acme").await.has("Customers who wait for an answer").has("It is &lt;b&gt;slow");
    owner.open("/p/acme/tickets?q=MONDAY&state=open&assignee=nobody&customer=sol").await.has("It is &lt;b&gt;slow");
    owner.open("/p/acme/tickets?q=tuesday").await.has("Nothing found");
    let page = owner.open("/p/acme/tickets/2").await;
    page.has("Panadería El Sol").has("Greeting");
    let member = page.after("<option value=\"nobody\" selected>nobody</option><option value=\"");
    let (headers, content) = owner.download(&format!("/p/acme/tickets/2/attachments/{file}")).await;
    assert_eq!(content, "mañana".as_bytes());
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["content-disposition"], "attachment; filename=\"a_o.txt\"; filename*=UTF-8''a%C3%B1o.txt");

    let change = [("assignee", member.as_str()), ("state", "open"), ("installation", "none")];
    owner.send("/p/acme/tickets/2", "/p/acme/tickets/2/change", &change).await.has("The ticket was changed");
    owner.open("/p/acme/tickets?assignee=me").await.has("It is &lt;b&gt;slow");
    // A kept answer is put behind what was written, and nothing is sent.
    let canned =
        page.after("<select class=\"input grow\" name=\"canned\" aria-label=\"Kept answers\"><option value=\"");
    let insert = [("text", "One moment."), ("canned", canned.as_str()), ("act", "insert"), ("state", "waiting")];
    let action = "/p/acme/tickets/2";
    let page = owner.send_files(action, action, Multi { fields: &insert, files: &[] }).await;
    page.has("One moment.\n\nDear Ana Núñez, it is Ana Núñez.</textarea>");
    let note = [("text", "They have the old till"), ("internal", "on"), ("act", "send"), ("state", "waiting")];
    owner
        .send_files(action, action, Multi { fields: &note, files: &[] })
        .await
        .has("The note was added")
        .has("old till");
    assert_eq!(world.get("/tickets/acme:2").await.json::<Ticket>().state.to_string(), "open", "a note changes nothing");
    let answer = [("text", "It is fast now"), ("act", "send"), ("state", "solved")];
    owner.send_files(action, action, Multi { fields: &answer, files: &[] }).await.has("Your answer was sent");

    let page = admin.open("/c/sol/tickets/2").await;
    page.has("It is fast now").has("Solved");
    assert!(!page.html.contains("old till"), "a note is not the customer's");
    assert!(!admin.open("/c/sol/tickets?q=old+till").await.html.contains("It is &lt;b"), "nor found by it");
    let action = "/c/sol/tickets/2";
    admin.send_files(action, action, Multi { fields: &[("text", "No")], files: &[] }).await.has("Open");
    admin.send(action, "/c/sol/tickets/2/solved", &[]).await.has("Thank you").has("Solved");
    let closed = [("assignee", "nobody"), ("state", "closed"), ("installation", "none")];
    owner.send("/p/acme/tickets/2", "/p/acme/tickets/2/change", &closed).await.has("Closed");
    admin.open(action).await.has("This ticket is closed");
}

#[tokio::test]
async fn a_note_is_not_among_a_customers_events() {
    let world = World::new().await;
    scene(&world).await;
    let admin = token(&world, "customer-admin", Some("sol")).await;
    let note = json!({"text": "a secret", "internal": true});
    world.post("/tickets/acme:1/messages", note).await.expect(201);
    world.post("/tickets/acme:1/messages", json!({"text": "an answer"})).await.expect(201);
    let verbs = |got: Got| -> Vec<String> {
        let page: Page<plane::wire::Event> = got.json();
        page.items.into_iter().map(|event| event.verb).filter(|verb| verb.starts_with("ticket.")).collect()
    };
    assert_eq!(verbs(world.get("/events?limit=500").await), ["ticket.open", "ticket.note", "ticket.answer"]);
    let theirs = ask(&world, &admin, Method::GET, "/events?limit=500", None).await;
    assert_eq!(verbs(theirs), ["ticket.open", "ticket.answer"]);
    let read: Page<TicketMessage> = ask(&world, &admin, Method::GET, "/tickets/1/messages", None).await.json();
    assert_eq!(read.items.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["Is it **well**?", "an answer"]);
}

#[tokio::test]
async fn a_customer_sees_and_changes_only_what_is_theirs() {
    let world = World::new().await;
    scene(&world).await;
    world.post("/customers", json!({"publisher": "acme", "slug": "luna"})).await.expect(201);
    let (sol, luna) =
        (token(&world, "customer-user", Some("sol")).await, token(&world, "customer-user", Some("luna")).await);
    let mine = json!({"subject": "Mine", "text": "x"});
    let ticket: Ticket = ask(&world, &luna, Method::POST, "/tickets", Some(mine)).await.expect(201).json();
    assert_eq!((ticket.number, ticket.customer.as_str()), (2, "luna"));
    for path in ["/tickets/2".to_owned(), format!("/tickets/{}", ticket.id), "/tickets/acme:2".to_owned()] {
        ask(&world, &luna, Method::GET, &path, None).await.expect(200);
        ask(&world, &sol, Method::GET, &path, None).await.refused(404, "unknown-ticket");
    }
    let theirs: Page<Ticket> = ask(&world, &luna, Method::GET, "/tickets", None).await.json();
    assert_eq!(theirs.items.len(), 1);
    let post = async |path: &str, body: Value| ask(&world, &luna, Method::POST, path, Some(body)).await;
    post("/tickets", json!({"subject": "x", "text": "x", "customer": "sol"})).await.refused(404, "unknown-customer");
    post("/tickets", json!({"subject": "x", "text": "x", "installation": "hola-sol"}))
        .await
        .refused(404, "unknown-installation");
    post("/tickets", json!({"subject": "a\nb", "text": "x"})).await.refused(422, "bad-subject");
    post("/tickets", json!({"subject": "x", "text": " \n "})).await.refused(422, "bad-text");
    post("/tickets", json!({"subject": "x", "text": "ñ".repeat(10_001)})).await.refused(422, "bad-text");
    post("/tickets/2", json!({"state": "closed"})).await.refused(422, "bad-change");
    post("/tickets/2", json!({"assignee": "me"})).await.refused(422, "bad-change");
    post("/tickets/2/messages", json!({"text": "x", "internal": true})).await.refused(422, "bad-message");
    post("/tickets/2/messages", json!({"text": "x", "state": "open"})).await.refused(422, "bad-message");
    world.post("/tickets/acme:2", json!({"state": "closed"})).await.expect(200);
    post("/tickets/2/messages", json!({"text": "x"})).await.refused(409, "ticket-closed");
    world.post("/tickets/acme:2", json!({"state": "solved"})).await.refused(409, "not-now");
    world.post("/tickets/acme:2", json!({"state": "open"})).await.expect(200);
    world.post("/tickets/acme:2", json!({"assignee": "me"})).await.refused(422, "bad-assignee");
    post("/tickets/2/messages", json!({"text": "x"})).await.expect(201);
    // What a deleted customer asked goes with them.
    world.delete("/customers/acme:luna").await.expect(204);
    world.get("/tickets/acme:2").await.refused(404, "unknown-ticket");
}

#[tokio::test]
async fn lists_go_on_with_a_cursor_and_find_what_is_asked_for() {
    let world = World::new().await;
    scene(&world).await;
    let sol = token(&world, "customer-user", Some("sol")).await;
    for n in 2..=7 {
        let body = json!({"subject": format!("Question {n}"), "text": format!("100%_{n}")});
        ask(&world, &sol, Method::POST, "/tickets", Some(body)).await.expect(201);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Page<Ticket> =
            ask(&world, &sol, Method::GET, &format!("/tickets?limit=3{cursor}"), None).await.json();
        seen.extend(page.items.iter().map(|ticket| ticket.number));
        let Some(next) = page.next else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    let count = async |query: &str| {
        world.get(&format!("/tickets?{query}")).await.expect(200).json::<Page<Ticket>>().items.len()
    };
    assert_eq!(count("q=100%25_3").await, 1, "what is typed is no pattern");
    assert_eq!(count("q=QUESTION").await, 6);
    assert_eq!(count("q=%234").await, 1, "#4");
    assert_eq!(count("state=open").await, 6);
    assert_eq!(count("customer=acme:sol&installation=hola-sol").await, 1);
    assert_eq!(count("assignee=nobody").await, 7);
    world.get("/tickets?state=no").await.refused(422, "bad-query");
    world.get("/tickets?cursor=x").await.refused(422, "bad-cursor");
    world.get("/tickets?assignee=x").await.refused(422, "bad-assignee");
}

#[tokio::test]
async fn files_are_limited_whole_and_their_senders() {
    let mut world = World::new().await;
    scene(&world).await;
    let (sol, other) = (token(&world, "customer-user", Some("sol")).await, token(&world, "support", None).await);
    let file: Attachment = attach(&world, &sol, "a.txt", b"hello".to_vec()).await.expect(201).json();
    assert_eq!((file.bytes, kept(&world)), (5, 1));
    let with =
        |ids: &[&Attachment]| json!({"text": "see", "attachments": ids.iter().map(|one| one.id).collect::<Vec<_>>()});
    let say =
        async |token: &str, body: Value| ask(&world, token, Method::POST, "/tickets/1/messages", Some(body)).await;
    say(&other, with(&[&file])).await.refused(422, "unknown-attachment");
    say(&sol, with(&[&file, &file])).await.refused(422, "unknown-attachment");
    let said: TicketMessage = say(&sol, with(&[&file])).await.expect(201).json();
    assert_eq!(said.attachments, std::slice::from_ref(&file));
    say(&sol, with(&[&file])).await.refused(422, "unknown-attachment");
    let path = format!("/tickets/1/attachments/{}", file.id);
    assert_eq!(ask(&world, &other, Method::GET, &path, None).await.expect(200).body, b"hello");
    attach(&world, &sol, "big", vec![0; (10 << 20) + 1]).await.refused(413, "too-large");
    let many: Vec<Attachment> = {
        let mut many = Vec::new();
        for n in 0..6 {
            many.push(attach(&world, &sol, "n", vec![n; 10]).await.expect(201).json());
        }
        many
    };
    say(&sol, with(&many.iter().collect::<Vec<_>>())).await.refused(422, "too-many-files");
    for n in 6..20 {
        attach(&world, &sol, "n", vec![n; 10]).await.expect(201);
    }
    attach(&world, &sol, "n", vec![99; 10]).await.refused(409, "too-many-files");
    // A note's file is no customer's.
    let hidden: Attachment = attach(&world, &other, "note.txt", b"hidden".to_vec()).await.expect(201).json();
    let note = json!({"text": "see", "internal": true, "attachments": [hidden.id]});
    ask(&world, &other, Method::POST, "/tickets/1/messages", Some(note)).await.expect(201);
    let path = format!("/tickets/1/attachments/{}", hidden.id);
    ask(&world, &sol, Method::GET, &path, None).await.refused(404, "unknown-attachment");
    ask(&world, &other, Method::GET, &path, None).await.expect(200);

    // What nobody used, and what no row tells of, is gone after a day.
    std::fs::write(world.data.path().join("attachments").join("0".repeat(64)), "an orphan").unwrap();
    std::fs::write(world.data.path().join("incoming").join("half"), "half of").unwrap();
    world.clock.forward(25);
    world.kill().await;
    world.start().await;
    world.until("only what is used is left", async || kept(&world) == 2).await;
    assert_eq!(std::fs::read_dir(world.data.path().join("incoming")).unwrap().count(), 0);
    assert_eq!(
        ask(&world, &sol, Method::GET, &format!("/tickets/1/attachments/{}", file.id), None).await.body,
        b"hello"
    );
    world.clock.forward(24 * 401);
    world.kill().await;
    world.start().await;
    world.until("a ticket of long ago is gone, with its files", async || kept(&world) == 0).await;
    world.get("/tickets/acme:1").await.refused(404, "unknown-ticket");
}

#[tokio::test]
async fn a_form_keeps_what_was_written_when_a_file_is_too_large() {
    let world = World::new().await;
    let (_, mut admin) = scene(&world).await;
    let big = vec![7_u8; (10 << 20) + 1];
    let form = Multi { fields: &[("text", "what I wrote")], files: &[("big.bin", &big), ("small", b"x")] };
    let page = admin.send_files("/c/sol/tickets/1", "/c/sol/tickets/1", form).await;
    assert_eq!(page.status, 413);
    page.has("what I wrote</textarea>").has("more than 10485760 bytes");
    let six: Vec<(&str, &[u8])> = vec![("x", b"x"); 6];
    let form = Multi { fields: &[("text", "what I wrote")], files: &six };
    let page = admin.send_files("/c/sol/tickets/1", "/c/sol/tickets/1", form).await;
    assert_eq!(page.status, 422);
    page.has("what I wrote</textarea>").has("more than 5 files");
    assert_eq!(kept(&world), 0);
}

#[tokio::test]
async fn files_of_a_refused_answer_are_gone_at_once() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let here = "/c/sol/tickets/1";
    let refused = || Multi { fields: &[("text", "  ")], files: &[("a.txt", b"one"), ("b.txt", b"two")] };
    assert_eq!(admin.send_files(here, here, refused()).await.status, 422);
    let new = Multi { fields: &[("subject", ""), ("text", "x")], files: &[("a.txt", b"one")] };
    assert_eq!(admin.send_files("/c/sol/tickets/new", "/c/sol/tickets", new).await.status, 422);
    assert_eq!(owner.send_files("/p/acme/tickets/1", "/p/acme/tickets/1", refused()).await.status, 422);
    assert_eq!(kept(&world), 0);
    // What another answer has, too, stays.
    let taken = Multi { fields: &[("text", "look")], files: &[("a.txt", b"one")] };
    admin.send_files(here, here, taken).await.has("a.txt");
    assert_eq!(admin.send_files(here, here, refused()).await.status, 422);
    assert_eq!(kept(&world), 1);
    // None of them waits, either: there may be 20 that do.
    for _ in 0..11 {
        assert_eq!(admin.send_files(here, here, refused()).await.status, 422);
    }
    let taken = Multi { fields: &[("text", "look again")], files: &[("b.txt", b"two")] };
    admin.send_files(here, here, taken).await.has("b.txt");
}

#[tokio::test]
async fn a_customer_lets_support_in_for_some_time() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let here = "/c/sol/installations/hola-sol";
    owner.open("/p/acme/tickets/1").await.has("has not let support open it");
    admin.send(here, &format!("{here}/leave"), &[("hours", "24")]).await.has("luz@sol.example lets support open it");
    owner.open("/p/acme/tickets/1").await.has("luz@sol.example lets support open it");
    owner.open("/p/acme/installations/hola-sol").await.has("luz@sol.example lets support open it");
    admin.send(here, &format!("{here}/leave/end"), &[]).await.has("Support may not open it any more");
    owner.open("/p/acme/tickets/1").await.has("has not let support open it");

    let sol = token(&world, "customer-admin", Some("sol")).await;
    let leave = "/installations/hola-sol/leave";
    // Whoever works at the publisher makes tokens of its customers: none of them gives leave.
    ask(&world, &sol, Method::POST, leave, Some(json!({"hours": 1}))).await.refused(405, "unknown-method");
    let page = admin.send(here, &format!("{here}/leave"), &[("hours", "2")]).await;
    assert_eq!(page.status, 422);
    admin.send(here, &format!("{here}/leave"), &[("hours", "168")]).await.has("lets support open it");
    let now =
        async || world.get(leave).await.expect(200).json::<plane::wire::CurrentLeave>().leave.map(|leave| leave.until);
    let until = now().await;
    assert!(until.is_some());
    world.clock.forward(167);
    assert_eq!(now().await, until);
    world.clock.forward(1);
    assert_eq!(now().await, None, "its time is over");
    ask(&world, &sol, Method::DELETE, leave, None).await.refused(404, "no-leave");
    let events: Page<plane::wire::Event> = world.get("/events?installation=hola-sol&limit=500").await.json();
    let verbs: Vec<&str> =
        events.items.iter().map(|event| event.verb.as_str()).filter(|verb| verb.starts_with("leave")).collect();
    let wanted = ["leave.grant", "leave.end", "leave.grant", "leave.grant", "leave.end"];
    assert_eq!(verbs, wanted, "those that were refused, too");
}

#[tokio::test]
async fn kept_answers_are_a_publishers_own() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let new = [("title", "Greeting"), ("text", "x")];
    let page = owner.send("/p/acme/answers", "/p/acme/answers", &new).await;
    assert_eq!(page.status, 409);
    page.has("there is an answer &quot;Greeting&quot; already");
    owner.send("/p/acme/answers", "/p/acme/answers", &[("title", "Bye"), ("text", "So long")]).await.has("So long");
    let id = owner.open("/p/acme/answers").await.after("action=\"/p/acme/answers/");
    let changed = [("title", "Farewell"), ("text", "So long!")];
    owner.send("/p/acme/answers", &format!("/p/acme/answers/{id}"), &changed).await.has("Farewell");
    owner.send("/p/acme/answers", &format!("/p/acme/answers/{id}/delete"), &[]).await.has("The answer was deleted");
    let left: Page<plane::wire::CannedAnswer> = world.get("/answers").await.json();
    assert_eq!(left.items.iter().map(|one| one.title.as_str()).collect::<Vec<_>>(), ["Greeting"]);
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    let mut stranger = Browser::new(&world, "localhost");
    join(&world, &mut stranger, json!({"mail": "z@zulu.example", "role": "support", "publisher": "zulu"})).await;
    let answer = left.items[0].id;
    let page = stranger.send("/p/zulu/answers", &format!("/p/zulu/answers/{answer}/delete"), &[]).await;
    assert_eq!(page.status, 404);
}
